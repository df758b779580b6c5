"""Regular expressions of routes: evaluated in google-re2 as the gateway's own libraries would, or not at all.

`Regex` is one pattern of Rust's `regex` or of PCRE, `RegexIndex` finds those of many that match a text,
`regex_examples` writes down texts that one matches, `joint_text` one that several do. What cannot be
evaluated is said to be undecidable.
"""

from konnect_agent.gateway.regexes.automaton import Automaton, read_automaton
from konnect_agent.gateway.regexes.example import regex_examples
from konnect_agent.gateway.regexes.index import RegexIndex, RequiredTexts
from konnect_agent.gateway.regexes.joint import Untold, joint_text
from konnect_agent.gateway.regexes.regex import Captured, Regex, bound_memory

__all__ = [
    "Automaton",
    "Captured",
    "Regex",
    "RegexIndex",
    "RequiredTexts",
    "Untold",
    "bound_memory",
    "joint_text",
    "read_automaton",
    "regex_examples",
]
