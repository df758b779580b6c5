"""Conditions on a request: the syntax tree of the expressions language, and its evaluation (fact sheet 7.7).

Routes of the flavors `expressions` and `traditional_compatible` become one tree each, as in Kong itself.
Evaluation is three-valued: None means that only a regex re2 cannot take stands between yes and no.
Rules of the language [documented by source]: a predicate on an absent field is false, also with `!=`; a
field with several values must satisfy with all of them unless `any()` is asked for; the text matched by a
predicate and its captures are remembered, later ones replacing earlier ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

from konnect_agent.gateway.regexes import Regex
from konnect_agent.gateway.request import Facts, FieldValue

Constant: TypeAlias = str | int | IPv4Address | IPv6Address | IPv4Network | IPv6Network | Regex


@dataclass(frozen=True, slots=True)
class Predicate:
    """`field operator constant`, with the transformations around the field."""

    field: str
    operator: str
    constant: Constant
    lower: bool = False
    any: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """All of `nodes`, in order, stopping at the first that is false."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of `nodes`, in order, stopping at the first that is true."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of `node`."""

    node: "Node"


Node: TypeAlias = Predicate | And | Or | Not


@dataclass(slots=True)
class Trace:
    """What a successful evaluation matched: text by field, and regex groups by number and name."""

    matched: dict[str, str] = field(default_factory=dict[str, str])
    captures: dict[int | str, str] = field(default_factory=dict[int | str, str])


def evaluate(node: Node, facts: Facts, trace: Trace | None = None) -> bool | None:
    """Whether `node` holds; None when that hangs on a regex that cannot be evaluated."""
    return decide(node, lambda predicate: _predicate(predicate, facts, trace))


def decide(node: Node, ask: Callable[[Predicate], bool | None]) -> bool | None:
    """Whether `node` holds by what `ask` says of its predicates, which may be None: it cannot tell."""
    if isinstance(node, Predicate):
        return ask(node)
    if isinstance(node, Not):
        inner = decide(node.node, ask)
        return None if inner is None else not inner
    decisive = isinstance(node, Or)  # the truth value that ends the walk
    unknown = False
    for child in node.nodes:
        result = decide(child, ask)
        if result is decisive:
            return decisive
        unknown |= result is None
    return None if unknown else not decisive


def predicates(node: Node) -> list[Predicate]:
    """Every predicate of the tree, in order."""
    found: list[Predicate] = []
    waiting: list[Node] = [node]
    while waiting:
        this = waiting.pop()
        if isinstance(this, Predicate):
            found.append(this)
        elif isinstance(this, Not):
            waiting.append(this.node)
        else:
            waiting.extend(reversed(this.nodes))
    return found


def _predicate(predicate: Predicate, facts: Facts, trace: Trace | None) -> bool | None:
    values = facts.get(predicate.field)
    if not values:
        return False
    unknown = False
    for value in values:
        subject = value.lower() if predicate.lower and isinstance(value, str) else value
        result = compare(predicate, subject, trace)
        if result is None:
            unknown = True
        elif result is predicate.any:  # any(): one yes decides; otherwise one no does
            return result
    return None if unknown else not predicate.any


def compare(predicate: Predicate, value: FieldValue, trace: Trace | None = None) -> bool | None:
    """Whether one value satisfies the predicate, whatever its field and transformations."""
    constant = predicate.constant
    if isinstance(constant, Regex):
        return _regex(predicate, constant, value, trace)
    result = _OPERATORS[predicate.operator](value, constant)
    if result and trace is not None and predicate.operator in ("==", "^=", "=^"):
        trace.matched[predicate.field] = str(constant)
    return result


def _regex(predicate: Predicate, regex: Regex, value: FieldValue, trace: Trace | None) -> bool | None:
    text = str(value)
    if trace is None:
        return regex.test(text)
    found = regex.search(text)
    if found is None:
        return regex.test(text)
    trace.matched[predicate.field] = found.text
    trace.captures.update(found.groups)
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _inside(value: object, network: object) -> bool:
    if isinstance(value, IPv4Address) and isinstance(network, IPv4Network):
        return value in network
    return isinstance(value, IPv6Address) and isinstance(network, IPv6Network) and value in network


_OPERATORS: Mapping[str, Callable[[object, object], bool]] = {
    "==": lambda value, constant: value == constant,
    "!=": lambda value, constant: value != constant,
    "^=": lambda value, constant: _text(value).startswith(_text(constant)),
    "=^": lambda value, constant: _text(value).endswith(_text(constant)),
    "contains": lambda value, constant: _text(constant) in _text(value),
    ">": lambda value, constant: _number(value) > _number(constant),
    ">=": lambda value, constant: _number(value) >= _number(constant),
    "<": lambda value, constant: _number(value) < _number(constant),
    "<=": lambda value, constant: _number(value) <= _number(constant),
    "in": _inside,
    "not in": lambda value, constant: not _inside(value, constant),
}
