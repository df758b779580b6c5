"""Example requests for a part of a route, built from the values of its fields (for two parts: `meetings`).

1. Every field proposes values: its own texts, a text its regex probably matches, a name for its wildcard.
2. A request for one part takes the first value of every field, or varies one field.
Examples are proposals: whoever uses one checks that the parts hold for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from itertools import islice, product
from typing import TypeAlias, cast

from konnect_agent.gateway.entities import Endpoint, RouteRecord
from konnect_agent.gateway.predicates import Node, Not, Predicate, evaluate, predicates
from konnect_agent.gateway.regexes import Regex, regex_examples
from konnect_agent.gateway.request import HEADERS, QUERIES, Facts, Request, Values

Value: TypeAlias = str | Endpoint

_PER_FIELD = 64
_BELOW = ("/-", "-")
_HEADER, _QUERY = "header ", "query "
_EXPRESSION_FIELDS = {"http.path": "paths", "http.method": "methods", "http.host": "hosts", "tls.sni": "snis"}
_NAMES = ("hosts", "snis")  # where a wildcard may stand at either end


@dataclass(frozen=True, slots=True)
class Part:
    """What can win on its own: proposed values and conditions by field, and the schemes worth trying.

    `tests` are the predicates on texts by field, to find a text that suits those of another part as well;
    `size` is how many predicates there are.
    """

    values: Mapping[str, tuple[Value, ...]]
    conditions: Mapping[str, Node]
    tests: Mapping[str, tuple[Predicate, ...]]
    schemes: tuple[str, ...]
    size: int

    def accepts(self, field: str, value: Value, scheme: str) -> bool:
        """Whether a value suits one field, whatever the others are; True for a field without a condition."""
        node = self.conditions.get(field)
        return node is None or evaluate(node, Facts(assemble({field: value}, scheme))) is not False


def part(route: RouteRecord, paths: Sequence[str] | None, conditions: Mapping[str, Node]) -> Part:
    """The part of a route with these `paths`, or its expression. `conditions` are named as criteria are."""
    expression = conditions.get("expression") if route.expression is not None else None
    values = _fields(route, paths or ()) if expression is None else _expression_fields(expression)
    schemes = ("tls", "tcp", "udp") if route.is_stream else ("https", "http")
    first = [scheme for scheme in schemes if scheme in (route.protocols or ("https",))]
    return Part(
        values={field: tuple(dict.fromkeys(found))[:_PER_FIELD] for field, found in values.items() if found},
        conditions={_folded(name): node for name, node in conditions.items()},
        tests=_tests(conditions.values()),
        schemes=tuple(dict.fromkeys((*first, *schemes))),
        size=1 + sum(len(predicates(node)) for node in conditions.values()),
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
    yield assemble(first, one.schemes[0])
    for field, values in one.values.items():
        for value in values[1:]:
            yield assemble({**first, field: value}, one.schemes[0])


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
        yield assemble(dict(zip(values, chosen, strict=True)), one.schemes[0])


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


def assemble(chosen: Mapping[str, Value], scheme: str) -> Request:
    """The request with these values, by field."""
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
        elif (name := _named(field)) is not None:
            found.setdefault(name, []).extend(texts)
    for name, side in (("sources", "net.src"), ("destinations", "net.dst")):
        ip, port = ends.get(f"{side}.ip"), ends.get(f"{side}.port")
        if ip is not None or port is not None:
            found[name] = [Endpoint(None if ip is None else str(ip), cast("int | None", port))]
    return found


def _tests(conditions: Iterable[Node]) -> dict[str, tuple[Predicate, ...]]:
    """The positive predicates on texts, by field."""
    found: dict[str, dict[Predicate, None]] = {}
    for predicate in (predicate for node in conditions for predicate in _positive(node)):
        name = _named(predicate.field)
        if name is not None and isinstance(predicate.constant, str | Regex):
            found.setdefault(name, {})[predicate] = None
    return {name: tuple(tests) for name, tests in found.items()}


def _named(field: str) -> str | None:
    """What a field of the router's language is called here."""
    if field.startswith(HEADERS):
        return _folded(_HEADER + field.removeprefix(HEADERS))
    if field.startswith(QUERIES):
        return _QUERY + field.removeprefix(QUERIES)
    return _EXPRESSION_FIELDS.get(field)


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
