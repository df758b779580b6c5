"""Example requests for a part of a route, and for two parts at once, built from the values of their fields.

1. Every field proposes values: its own texts, a text its regex probably matches, a name for its wildcard.
2. A request for one part takes the first value of every field, or varies one field.
3. A request for two parts gives a field both name a value that suits both, every other field a value of the
   part that names it. Without such a value the two never meet (with regexes: no example shows that they do).
Examples are proposals: whoever uses one checks that the parts hold for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from itertools import islice, product
from typing import TypeAlias, cast

from konnect_agent.gateway.entities import Endpoint, RouteRecord
from konnect_agent.gateway.predicates import Node, Not, Predicate, evaluate
from konnect_agent.gateway.regexes import Regex, regex_examples
from konnect_agent.gateway.request import HEADERS, QUERIES, Facts, Request, Values

Value: TypeAlias = str | Endpoint

_PER_FIELD = 64
_PER_PAIR = 24
_BELOW = ("/-", "-")
_HEADER, _QUERY = "header ", "query "
_EXPRESSION_FIELDS = {"http.path": "paths", "http.method": "methods", "http.host": "hosts", "tls.sni": "snis"}
_NAMES = ("hosts", "snis")  # where a wildcard may stand at either end


@dataclass(frozen=True, slots=True)
class Part:
    """What can win on its own: proposed values and conditions by field, and the schemes worth trying."""

    values: Mapping[str, tuple[Value, ...]]
    conditions: Mapping[str, Node]
    schemes: tuple[str, ...]

    def accepts(self, field: str, value: Value, scheme: str) -> bool:
        """Whether a value suits one field, whatever the others are; True for a field without a condition."""
        node = self.conditions.get(field)
        return node is None or evaluate(node, Facts(_assemble({field: value}, scheme))) is not False


def part(route: RouteRecord, paths: Sequence[str] | None, conditions: Mapping[str, Node]) -> Part:
    """The part of a route with these `paths`, or its expression. `conditions` are named as criteria are."""
    expression = conditions.get("expression") if route.expression is not None else None
    values = _fields(route, paths or ()) if expression is None else _expression_fields(expression)
    schemes = ("tls", "tcp", "udp") if route.is_stream else ("https", "http")
    first = [scheme for scheme in schemes if scheme in (route.protocols or ("https",))]
    return Part(
        values={field: tuple(dict.fromkeys(found))[:_PER_FIELD] for field, found in values.items() if found},
        conditions={_folded(name): node for name, node in conditions.items()},
        schemes=tuple(dict.fromkeys((*first, *schemes))),
    )


def crossed(parts: Sequence[Part]) -> list[Part]:
    """The parts, wildcard names proposing also what meets other wildcards: `a.test` for `*.test`."""
    found = list(parts)
    for field in _NAMES:
        texts = {value for one in parts for value in one.values.get(field, ()) if isinstance(value, str)}
        starts = sorted(text.removesuffix(".x") for text in texts if text.endswith(".x"))[:_PER_FIELD]
        ends = sorted(text.removeprefix("x") for text in texts if text.startswith("x."))[:_PER_FIELD]
        meetings = [start + end for start in starts for end in ends][: _PER_FIELD * _PER_FIELD]
        for place, one in enumerate(found):
            values = one.values.get(field)
            if values and meetings:
                more = (value for value in meetings if one.accepts(field, value, one.schemes[0]))
                joined = (*values, *islice(more, _PER_FIELD))
                found[place] = replace(one, values={**one.values, field: joined})
    return found


def witnesses(one: Part) -> Iterator[Request]:
    """Requests that probably satisfy a part; together they use every value it proposes."""
    first = {field: values[0] for field, values in one.values.items()}
    yield _assemble(first, one.schemes[0])
    for field, values in one.values.items():
        for value in values[1:]:
            yield _assemble({**first, field: value}, one.schemes[0])


def attempts(one: Part) -> Iterator[Request]:
    """Requests that probably satisfy a part and, if any does, none that is better.

    All combinations of its values, its paths also longer, and a method nobody names where it names none.
    """
    values = dict(one.values)
    values.setdefault("methods", ("OTHER",))
    if "paths" in values:
        texts = [value for value in values["paths"] if isinstance(value, str)]
        values["paths"] = tuple(dict.fromkeys((*texts, *(text + end for text in texts for end in _BELOW))))
    for chosen in product(*values.values()):
        yield _assemble(dict(zip(values, chosen, strict=True)), one.schemes[0])


def joint_witnesses(one: Part, other: Part) -> Iterator[Request]:
    """Requests that probably satisfy both parts; none if a field of both has no value that suits both."""
    telling = {"snis", "protocols", "expression"} & (one.conditions.keys() | other.conditions.keys())
    for scheme in one.schemes if telling else one.schemes[:1]:
        fields: dict[str, list[Value]] = {}
        for field in dict.fromkeys((*one.values, *other.values)):
            fields[field] = [
                value
                for value in _proposed(field, one.values.get(field, ()), other.values.get(field, ()))
                if one.accepts(field, value, scheme) and other.accepts(field, value, scheme)
            ]
        if all(fields.values()):
            for chosen in islice(product(*fields.values()), _PER_PAIR):
                yield _assemble(dict(zip(fields, chosen, strict=True)), scheme)


def _proposed(field: str, one: Sequence[Value], other: Sequence[Value]) -> Iterator[Value]:
    """Values of either part, and longer paths."""
    both = dict.fromkeys((*one, *other))
    yield from both
    texts = [value for value in both if isinstance(value, str)]
    if field == "paths":  # past the end, other parts of the same route may not hold
        yield from (f"{text.rstrip('/')}/-" for text in texts)


def _fields(route: RouteRecord, paths: Sequence[str]) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = {
        "methods": list(route.methods or ()),
        "hosts": [host.replace("*", "x") for host in route.hosts or ()],
        "paths": [text for path in paths for text in _path(path)],
        "snis": [sni.replace("*", "x").removesuffix(".") for sni in route.snis or ()],
        "sources": [_address(endpoint) for endpoint in route.sources or ()],
        "destinations": [_address(endpoint) for endpoint in route.destinations or ()],
    }
    for name, values in (route.headers or {}).items():
        found[_folded(_HEADER + name)] = [text for value in values for text in _header(value)]
    return found


def _folded(name: str) -> str:
    """One spelling of a header's name, with or without the word before it."""
    return name.lower().replace("_", "-") if name.startswith(_HEADER) else name


def _assemble(chosen: Mapping[str, Value], scheme: str) -> Request:
    text = {field: value for field, value in chosen.items() if isinstance(value, str)}
    source, destination = (chosen.get(field, Endpoint(None, None)) for field in ("sources", "destinations"))
    headers: dict[str, Values] = {
        name.removeprefix(_HEADER): value for name, value in text.items() if name.startswith(_HEADER)
    }
    queries: dict[str, Values] = {
        name.removeprefix(_QUERY): value for name, value in text.items() if name.startswith(_QUERY)
    }
    return Request(
        method=text.get("methods", "GET"),
        path=text.get("paths", "/"),
        host=text.get("hosts", "example.test"),
        scheme=scheme,
        headers=headers,
        sni=None if scheme in ("http", "tcp", "udp") else text.get("snis"),
        queries=queries or None,
        src_ip=cast("Endpoint", source).ip,
        src_port=cast("Endpoint", source).port,
        dst_ip=cast("Endpoint", destination).ip,
        dst_port=cast("Endpoint", destination).port,
    )


def _path(path: str) -> list[str]:
    """Texts for a path: the prefix itself, or those its regex probably matches."""
    return (regex_examples(path[1:]) or ["/"]) if path.startswith("~") else [path]


def _header(value: str) -> list[str]:
    return (regex_examples(value[2:].lower()) or ["x"]) if value.startswith("~*") else [value]


def _address(endpoint: Endpoint) -> Endpoint:
    """An address for a range."""
    return Endpoint(None if endpoint.ip is None else endpoint.ip.partition("/")[0], endpoint.port)


def _expression_fields(node: Node) -> dict[str, list[Value]]:
    """Values for the positive predicates of an expression, field by field."""
    found: dict[str, list[Value]] = {}
    ends: dict[str, str | int] = {}
    for predicate in _positive(node):
        field, values = predicate.field, _suiting(predicate)
        if not values:
            continue
        texts = map(str, values)
        if field.startswith("net.") and field != "net.protocol":
            ends.setdefault(field, values[0])
        elif field in _EXPRESSION_FIELDS:
            found.setdefault(_EXPRESSION_FIELDS[field], []).extend(texts)
        elif field.startswith(HEADERS):
            found.setdefault(_folded(_HEADER + field.removeprefix(HEADERS)), []).extend(texts)
        elif field.startswith(QUERIES):
            found.setdefault(_QUERY + field.removeprefix(QUERIES), []).extend(texts)
    for name, side in (("sources", "net.src"), ("destinations", "net.dst")):
        ip, port = ends.get(f"{side}.ip"), ends.get(f"{side}.port")
        if ip is not None or port is not None:
            found[name] = [Endpoint(None if ip is None else str(ip), cast("int | None", port))]
    return found


def _positive(node: Node) -> Iterator[Predicate]:
    if isinstance(node, Predicate):
        yield node
    elif not isinstance(node, Not):
        for child in node.nodes:
            yield from _positive(child)


def _suiting(predicate: Predicate) -> Sequence[str | int]:
    """Values of its field that satisfy a predicate, probably."""
    constant = predicate.constant
    if isinstance(constant, Regex):
        texts = regex_examples(constant.pattern)
    elif predicate.operator in ("!=", "not in"):
        return ()
    elif isinstance(constant, int):
        return (constant + {">": 1, "<": -1}.get(predicate.operator, 0),)
    elif isinstance(constant, IPv4Network | IPv6Network):
        return (str(constant.network_address),)
    else:
        texts = [str(constant)]
    if predicate.field == "http.path":
        return [text if text.startswith("/") else f"/{text}" for text in texts]
    return texts
