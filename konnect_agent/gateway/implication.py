"""Whether one condition follows from another, decided field by field (inferred; sound, not complete).

`implies(narrow, wide)` true means: whatever satisfies `narrow` satisfies `wide`. False means no proof. That
is enough to say "this route can never win", and never says it wrongly. The one thing known of all requests
is that their paths start with a slash: nginx lets no other in.
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import product
from math import prod
from typing import cast

from konnect_agent.gateway.predicates import And, Constant, Node, Not, Or, Predicate, compare
from konnect_agent.gateway.regexes import Regex

_ALWAYS = Predicate("http.path", "^=", "/")
_MOST_CASES = 256
_END_SENSITIVE = ("$", "\\z", "\\b", "\\B", "(?")


def implies(narrow: Node, wide: Node) -> bool:
    """Whether `wide` provably holds wherever `narrow` does."""
    if isinstance(wide, And):
        return all(implies(narrow, part) for part in wide.nodes)
    if isinstance(narrow, Or):
        return all(implies(part, wide) for part in narrow.nodes)
    if isinstance(wide, Or) and any(implies(narrow, part) for part in wide.nodes):
        return True
    if isinstance(narrow, And):
        return any(implies(part, wide) for part in narrow.nodes)
    if isinstance(narrow, Not) and isinstance(wide, Not):
        return implies(wide.node, narrow.node)
    if not isinstance(wide, Predicate):
        return False
    return _follows(_ALWAYS, wide) or (isinstance(narrow, Predicate) and _follows(narrow, wide))


def alternatives(node: Node) -> Iterator[Node]:
    """Conditions without lists: one holds wherever `node` does; or only `node` if they are too many."""
    parts = [part.nodes if isinstance(part, Or) else (part,) for part in _conjuncts(node)]
    if prod(map(len, parts)) > _MOST_CASES:
        return iter((node,))
    return map(And, product(*parts))


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, And):
        for part in node.nodes:
            yield from _conjuncts(part)
    else:
        yield node


def is_open_ended(pattern: str) -> bool:
    """Whether a regex that matches a text also matches every longer one that starts with it."""
    return not any(mark in pattern for mark in _END_SENSITIVE)


def signature(node: Node) -> object:
    """A hashable value that is equal for structurally equal conditions."""
    if isinstance(node, Predicate):
        constant = node.constant.pattern if isinstance(node.constant, Regex) else node.constant
        return node.field, node.operator, constant, node.lower, node.any
    if isinstance(node, Not):
        return "not", signature(node.node)
    return type(node).__name__, tuple(signature(child) for child in node.nodes)


def _follows(narrow: Predicate, wide: Predicate) -> bool:
    if (narrow.field, narrow.lower) != (wide.field, wide.lower) or (narrow.any and not wide.any):
        return False
    if signature(replace(narrow, any=wide.any)) == signature(wide):
        return True
    if narrow.operator == "==":
        return compare(wide, cast("str | int | IPv4Address | IPv6Address", narrow.constant)) is True
    if isinstance(narrow.constant, str):
        return _text_follows(narrow.operator, narrow.constant, wide)
    if isinstance(narrow.constant, Regex):
        return _text_follows("^=", narrow.constant.syntax.prefix, wide)
    return _range_follows(narrow.operator, narrow.constant, wide)


def _text_follows(operator: str, text: str, wide: Predicate) -> bool:
    constant = wide.constant
    if isinstance(constant, Regex):
        return operator == "^=" and is_open_ended(constant.pattern) and constant.test(text) is True
    if operator == "^=" and wide.operator == "^=":
        return text.startswith(str(constant))
    if operator == "=^" and wide.operator == "=^":
        return text.endswith(str(constant))
    return operator in ("^=", "=^", "contains") and wide.operator == "contains" and str(constant) in text


def _range_follows(operator: str, constant: Constant, wide: Predicate) -> bool:
    if operator == "in" and wide.operator == "in":
        if isinstance(constant, IPv4Network) and isinstance(wide.constant, IPv4Network):
            return constant.subnet_of(wide.constant)
        if isinstance(constant, IPv6Network) and isinstance(wide.constant, IPv6Network):
            return constant.subnet_of(wide.constant)
    return False
