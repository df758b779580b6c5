"""A text that several patterns match, or the knowledge that there is none (inferred).

Their automata walk side by side, shortest texts first, until all may end. They take at least what the
patterns match: the text is a proposal, to be checked, but "there is none" is certain.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Final

from konnect_agent.gateway.regexes.automaton import OTHER, Automaton

MOST_STEPS = 2_000  # of one walk: some milliseconds

_LIKELY: Final = "a0x-_bcdefghijklmnopqrstuvwyz123456789/"


class Untold(Exception):
    """The walk was too long to say whether there is such a text; `steps` is how long it was."""

    def __init__(self, steps: int) -> None:
        super().__init__(f"no answer after {steps} steps")
        self.steps = steps


def joint_text(automata: Sequence[Automaton]) -> tuple[str | None, int]:
    """A text all automata take, or None if there is none, and the steps of the walk. Raises Untold."""
    layer: dict[tuple[int, ...], str] = {(0,) * len(automata): ""}
    seen: set[tuple[int, ...]] = set()
    steps, first = 0, True
    while layer:
        following: dict[tuple[int, ...], str] = {}
        for states, text in layer.items():
            steps += 1
            moves = [one.moves(state, first=first) for one, state in zip(automata, states, strict=True)]
            if all(ends for _, ends in moves):
                return text, steps
            for chosen in product(*(own for own, _ in moves)):
                steps += 1
                letters = chosen[0][0]
                for other, _ in chosen[1:]:
                    letters &= other
                target = tuple(state for _, state in chosen)
                if letters and target not in seen:
                    seen.add(target)
                    following[target] = text + _one_of(letters)
            if steps > MOST_STEPS:
                raise Untold(steps)
        layer, first = following, False
    return None, steps


@cache
def _one_of(letters: int) -> str:
    """A letter of a set, one that means nothing to a path or a header if there is one."""
    likely = next((letter for letter in _LIKELY if letters >> ord(letter) & 1), None)
    if likely is not None:
        return likely
    ascii_only = letters & (OTHER - 1)
    return chr(ascii_only.bit_length() - 1) if ascii_only else "é"
