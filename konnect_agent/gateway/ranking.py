"""Why one matcher stands before another, in words (fact sheet 7.5 and 7.6).

Under `strict` the parts of a rank are compared one after the other. Under `original` they overlap in one
number, so what decides between two is its highest bit that differs: the table says whose bit that is.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple

from konnect_agent.gateway.compatible import EXPRESSION_RANK, Calculation, Rank
from konnect_agent.gateway.matchers import Matcher
from konnect_agent.gateway.traditional import Entry, tie

_STRICT = ("fields", "hosts", "headers", "regex", "priority", "length")  # as the parts of a rank stand
_ORIGINAL = (
    (61, "overflow"),
    (60, "hosts"),
    (52, "overflow"),
    (51, "regex"),
    (32, "overflow"),
    (29, "fields"),
    (20, "headers"),
    (19, "priority"),
    (0, "length"),
)
_FIELDS_BIT = 29
_TRADITIONAL = (
    "its hosts are plain, or a wildcard with port, or its path is a regex",
    "it names more headers",
    "its regex_priority is higher",
    "its prefix is longer",
)


def deciding(better: Matcher, other: Matcher, *, calculation: Calculation) -> str:
    """What puts `better` before `other`."""
    if better.packed == other.packed:
        if better.route is other.route:
            return "both belong to the same route"
        return "both have the same rank: undefined by Kong's documentation, the larger id wins as executed"
    if better.rank is None or other.rank is None:
        return _without_rank(better, other)
    if calculation == "strict":
        part = _strict(better.rank, other.rank)
    else:
        bit = (better.packed ^ other.packed).bit_length() - 1
        part = _original(better.rank, other.rank, bit)
    return _PHRASES[part](better.rank, other.rank)


def _strict(better: Rank, other: Rank) -> str:
    parts = zip(_STRICT, astuple(better), astuple(other), strict=True)
    return next(name for name, mine, theirs in parts if mine != theirs)


def _original(better: Rank, other: Rank, bit: int) -> str:
    """The part that the highest `bit` which differs belongs to: a large regex_priority reaches the fields."""
    part = next(name for start, name in _ORIGINAL if bit >= start)
    if part != "fields" or (better.weight > other.weight and better.weight >> (bit - _FIELDS_BIT) & 1):
        return part
    return "priority as fields"


def describe(matcher: Matcher) -> str:
    """The rank of a matcher in words."""
    parts = matcher.rank
    if parts is None:
        kind = "expression" if matcher.route.expression is not None else "stream route"
        return f"{kind}, priority {matcher.route.priority}" if kind == "expression" else kind
    words = [count(parts.weight, "field")]
    if parts.plain_hosts:
        words.append("plain hosts only")
    if parts.headers:
        words.append(count(parts.headers, "header"))
    if parts.regex:
        words.append(f"regex path with priority {parts.regex_priority}")
    elif parts.length:
        words.append(f"prefix of {parts.length} bytes")
    return ", ".join(words)


def count(number: int, thing: str) -> str:
    """`1 field`, `2 fields`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def deciding_traditional(better: Entry, other: Entry) -> str:
    """What puts `better` before `other` in the flavor `traditional`."""
    weights = better.rules.bit_count(), other.rules.bit_count()
    if weights[0] != weights[1]:
        return f"it matches on more fields ({weights[0]} against {weights[1]})"
    if better.rules != other.rules:
        return "its most important field (host, header, path, method, in this order) outranks"
    for mine, theirs, phrase in zip(better.sort_key, other.sort_key, _TRADITIONAL, strict=True):
        if mine < theirs:
            return phrase
        if mine > theirs:
            return "it is filed under the request's most selective value, which Kong tries first"
    return "both have the same rank: the order is undefined" if tie(better, other) else "it is older"


def _without_rank(better: Matcher, other: Matcher) -> str:
    expressions = better.route.expression is not None, other.route.expression is not None
    if all(expressions):
        return f"its priority is higher ({better.route.priority} against {other.route.priority})"
    if expressions[0]:
        return "expressions go before traditional routes"
    if expressions[1] or better.packed >= EXPRESSION_RANK:
        return "it matches on four or more fields, which the 32-bit arithmetic sorts above everything"
    return "an SNI (or source and destination together) goes first, then addresses, ports and ranges"


def _overflow(better: Rank, other: Rank) -> str:
    many = better.weight >= 4 > other.weight
    cause = "four or more fields" if many else "a regex_priority outside 0 to 4095"
    return f"it has {cause}, which the 32-bit arithmetic of `original` sorts above everything"


def _mixed(rank: Rank) -> str:
    return f"{count(rank.headers, 'header')} and priority {rank.regex_priority}"


_PHRASES: Mapping[str, Callable[[Rank, Rank], str]] = {
    "fields": lambda a, b: f"it matches on more fields ({a.weight} against {b.weight})",
    "hosts": lambda _a, _b: "its hosts are all plain",
    "headers": lambda a, b: f"headers and regex_priority count more ({_mixed(a)} against {_mixed(b)})",
    "regex": lambda _a, _b: "its path is a regex",
    "priority": lambda a, b: f"its regex_priority is higher ({a.regex_priority} against {b.regex_priority})",
    "priority as fields": lambda a, _b: (
        f"its regex_priority {a.regex_priority} reaches into the number of fields in the 32-bit arithmetic "
        "of `original`"
    ),
    "length": lambda a, b: f"its prefix is longer ({a.length} against {b.length} bytes)",
    "overflow": _overflow,
}
