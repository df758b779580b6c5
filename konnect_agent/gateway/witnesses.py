"""Example requests for a route, built from the values of its own fields.

The first example satisfies the first alternative of every field; the following ones vary one field at a
time. A regex contributes a text it probably matches, so examples are proposals: whoever uses one checks that
the matcher holds for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from konnect_agent.gateway.entities import Endpoint, RouteRecord
from konnect_agent.gateway.predicates import Node, predicates
from konnect_agent.gateway.regexes import Regex, regex_example
from konnect_agent.gateway.request import Request, Values

_PER_FIELD = 4


def witnesses(route: RouteRecord, paths: Sequence[str] | None, node: Node | None) -> Iterator[Request]:
    """A few requests that probably satisfy one part of a route: `paths` of it, or its expression's `node`."""
    if route.expression is not None and node is not None:
        yield _expression_example(node)
        return
    fields = _alternatives(route, paths or ())
    first = _assemble(route, {name: values[0] for name, values in fields.items() if values})
    yield first
    for name, values in fields.items():
        for value in islice(values, 1, _PER_FIELD):
            yield _assemble(route, {**{n: v[0] for n, v in fields.items() if v}, name: value})


def _alternatives(route: RouteRecord, paths: Sequence[str]) -> Mapping[str, list[str]]:
    return {
        "method": list(route.methods or ()),
        "host": [host.replace("*", "x") for host in route.hosts or ()],
        "path": [_path(path) for path in paths],
        "sni": [sni.replace("*", "x").removesuffix(".") for sni in route.snis or ()],
    }


def _assemble(route: RouteRecord, chosen: Mapping[str, str]) -> Request:
    protocols = route.protocols or ("https",)
    headers: dict[str, Values] = {
        name: _header(values[0]) for name, values in (route.headers or {}).items() if values
    }
    source = (route.sources or (Endpoint(None, None),))[0]
    destination = (route.destinations or (Endpoint(None, None),))[0]
    return Request(
        method=chosen.get("method", "GET"),
        path=chosen.get("path", "/"),
        host=chosen.get("host", "example.test"),
        scheme="https" if "https" in protocols else protocols[0],
        headers=headers,
        sni=chosen.get("sni"),
        src_ip=_ip(source),
        src_port=source.port,
        dst_ip=_ip(destination),
        dst_port=destination.port,
    )


def _path(path: str) -> str:
    """A text for a path: the prefix itself, or one its regex probably matches."""
    return (regex_example(path[1:]) or "/") if path.startswith("~") else path


def _header(value: str) -> str:
    return (regex_example(value[2:].lower()) or "x") if value.startswith("~*") else value


def _ip(endpoint: Endpoint) -> str | None:
    return None if endpoint.ip is None else endpoint.ip.partition("/")[0]


def _expression_example(node: Node) -> Request:
    """The request that meets the positive predicates of an expression, as far as single values go."""
    found: dict[str, str] = {}
    for predicate in predicates(node):
        if predicate.field in found:
            continue
        if isinstance(predicate.constant, Regex):
            found[predicate.field] = regex_example(predicate.constant.pattern) or ""
        elif predicate.operator in ("==", "^=", "=^"):
            found[predicate.field] = str(predicate.constant)
    request = Request(path=found.get("http.path", "/"), method=found.get("http.method", "GET"))
    headers: dict[str, Values] = {
        field.removeprefix("http.headers."): value
        for field, value in found.items()
        if field.startswith("http.headers.")
    }
    return replace(
        request,
        host=found.get("http.host", "example.test"),
        scheme=found.get("net.protocol", "https"),
        headers=headers,
        sni=found.get("tls.sni"),
        queries={
            field.removeprefix("http.queries."): value
            for field, value in found.items()
            if field.startswith("http.queries.")
        },
    )
