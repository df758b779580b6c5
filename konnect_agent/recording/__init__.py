"""Recordings: what a run asked and was answered, in one file, to be run again without network and token.

    Recorder        stands around a `Connection` and writes down what goes through it
    Replay          stands in the place of a `Connection` and answers out of a recording
    tape.py         the file: JSON, one line per thing that happened, in the order it happened
    placeholders.py secrets as something of the same form that is none
    faults.py       errors of the tree as data, and back
    turns.py        answers come in the order in which they came, whoever asks first
    timing.py       time as the recording has it

What is recorded is the call of a tool, below the dialects: they read the answers again. In code mode, where
calls go out in blocks whose make-up is a matter of time, it is the operation inside a block; the blocks are
noted beside, because reports list them.
"""

from konnect_agent.recording.recorder import Recorder
from konnect_agent.recording.replay import Replay

__all__ = ["Recorder", "Replay"]
