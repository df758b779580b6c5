"""Routes of the flavor `traditional_compatible` as condition trees and ranks (fact sheet 7.3 to 7.6).

1. A route with prefixes of several lengths, or with prefixes and regexes, is split into one matcher per
   length and one for all regexes; each part gets an id derived from the route's [documented by source].
2. Every non-empty field becomes one criterion; all must hold, any value of a field suffices.
3. The rank is a 64-bit number, larger first; equal ranks are decided by the larger id.
`original` packs that number as Kong executes it: weight, header count and regex priority are shifted in 32
bits, so they land elsewhere than intended. `strict` packs it as documented.
"""

import ipaddress
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from konnect_agent.gateway.entities import Endpoint, RouteRecord
from konnect_agent.gateway.predicates import And, Constant, Node, Or, Predicate
from konnect_agent.gateway.regexes import Regex
from konnect_agent.gateway.request import HEADERS, split_host_port

Calculation: TypeAlias = Literal["original", "strict"]

EXPRESSION_RANK = 0xFF << 56
_SPLIT_IDS = uuid.UUID("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")
_MAX_HEADERS = 255
_SECURE = {"https", "grpcs", "wss", "tls", "tls_passthrough"}
_FIELD_PART = re.compile("[a-z0-9_]*")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class NotRoutable(ValueError):
    """The gateway's router would refuse this route; the message says why."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One field of a route as a condition, under the field's own name."""

    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class Rank:
    """The parts of a route's rank, kept apart to say which one decided."""

    weight: int
    plain_hosts: bool
    headers: int
    regex: bool
    regex_priority: int
    length: int


def split(route: RouteRecord) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """The matchers of a route: id and paths of each."""
    groups: dict[int, list[str]] = {}
    for path in route.paths or ():
        groups.setdefault(0 if path.startswith("~") else len(path.encode()), []).append(path)
    if len(groups) < 2:
        yield route.id, route.paths
        return
    for number, paths in enumerate(groups.values(), start=1):
        yield str(uuid.uuid5(_SPLIT_IDS, f"{route.id}#{number}")), tuple(paths)


def criteria(
    route: RouteRecord, paths: Sequence[str] | None, calculation: Calculation
) -> tuple[Criterion, ...]:
    """The conditions of one matcher, in the order the gateway evaluates them.

    Raises NotRoutable when there is none, or when one cannot be stated (an empty list of header values).
    """
    stream = route.is_stream
    found: list[Criterion] = []
    if route.snis:
        found.append(Criterion("snis", sni_condition(route, calculation)))
    for name, field, endpoints in (
        ("sources", "net.src", route.sources),
        ("destinations", "net.dst", route.destinations),
    ):
        # One element without address and port voids the whole field, as in the gateway.
        if endpoints and all(endpoint != Endpoint(None, None) for endpoint in endpoints):
            found.append(Criterion(name, _any(_endpoint(field, endpoint) for endpoint in endpoints)))
    if not stream:
        found.extend(_http_criteria(route, paths))
    if not found:
        raise NotRoutable("it has no field to match on")
    return tuple(found)


def rank(route: RouteRecord, paths: Sequence[str] | None) -> Rank:
    """What the rank of one HTTP matcher is made of."""
    fields = (route.methods, route.hosts, route.headers, paths, route.snis, route.sources, route.destinations)
    regex = bool(paths and paths[0].startswith("~"))
    length = len(paths[0].encode()) if paths and not regex else 0
    return Rank(
        weight=sum(1 for field in fields if field),
        plain_hosts=route.hosts is not None and not any("*" in host for host in route.hosts),
        headers=min(len(route.headers or ()), _MAX_HEADERS),
        regex=regex,
        regex_priority=route.regex_priority if regex else 0,
        length=length & 0x7FFFF,
    )


def pack(parts: Rank, calculation: Calculation) -> int:
    """The rank as one number, larger first."""
    fixed = (parts.plain_hosts << 60) | (parts.regex << 51) | parts.length
    if calculation == "strict":
        return fixed + (parts.weight << 61) + (parts.headers << 52) + (parts.regex_priority << 19)
    shifted = (parts.weight << 29) | (parts.headers << 20) | (parts.regex_priority << 19)
    shifted &= 0xFFFFFFFF
    if shifted & 0x80000000:  # a negative 32-bit number, widened with its sign
        shifted |= 0xFFFFFFFF00000000
    return fixed | shifted


def pack_stream(route: RouteRecord) -> int:
    """The rank of a stream matcher: SNI or (source and destination) first, then address, port, range."""
    top = bool(route.snis) or bool(route.sources and route.destinations)
    return (top << 61) | (_endpoint_bits(route.sources) << 4) | _endpoint_bits(route.destinations)


def takes_tls_only(route: RouteRecord) -> bool:
    """Whether the route names protocols, and only such as are spoken over TLS."""
    return bool(route.protocols) and _SECURE.issuperset(route.protocols or ())


def lower_ascii(text: str) -> str:
    """Lower case as Lua's string.lower does it: ASCII letters only."""
    return text.translate(_LOWER)


def _endpoint_bits(endpoints: tuple[Endpoint, ...] | None) -> int:
    bits = 0
    for endpoint in endpoints or ():
        if endpoint.ip is not None:
            bits |= 1 if "/" in endpoint.ip else 8
        if endpoint.port is not None:
            bits |= 4
    return bits


def _any(nodes: Iterable[Node]) -> Node:
    children = tuple(nodes)
    return children[0] if len(children) == 1 else Or(children)


def sni_condition(route: RouteRecord, calculation: Calculation) -> Node:
    """What `snis` asks of a request; the calculations differ where the route takes TLS only."""
    tests: list[Node] = []
    for sni in route.snis or ():
        if not sni.startswith("*") and sni.endswith("*"):
            tests.append(Predicate("tls.sni", "^=", sni[:-1]))
            continue
        name = sni[:-1] if len(sni) > 1 and sni.endswith(".") else sni
        if name.startswith("*"):
            tests.append(Predicate("tls.sni", "=^", name[1:]))
        else:
            tests.append(Predicate("tls.sni", "==", name))
    if calculation == "strict" and takes_tls_only(route):
        return _any(tests)
    # In the clear there is no SNI to look at, so the field counts as matched.
    plain = Predicate("net.protocol", "!=", "tls" if route.is_stream else "https")
    return Or((plain, *tests))


def _endpoint(field: str, endpoint: Endpoint) -> Node:
    tests: list[Node] = []
    if endpoint.ip is not None:
        tests.append(_address(f"{field}.ip", endpoint.ip))
    if endpoint.port is not None:
        tests.append(Predicate(f"{field}.port", "==", endpoint.port))
    return tests[0] if len(tests) == 1 else And(tuple(tests))


def _address(field: str, text: str) -> Node:
    try:
        if ":" in text and "." in text:
            raise ValueError("an IPv4 address within an IPv6 one")
        if "/" not in text:
            return Predicate(field, "==", ipaddress.ip_address(text))
        network = ipaddress.ip_network(text, strict=False)
        if network.version == 6 or network.prefixlen == 0:  # the gateway clears no host bits of these
            network = ipaddress.ip_network(text)
        return Predicate(field, "in", network)
    except ValueError:
        raise NotRoutable(f"{text!r} is not an address or range the gateway accepts") from None


def _http_criteria(route: RouteRecord, paths: Sequence[str] | None) -> Iterator[Criterion]:
    if route.methods:
        yield Criterion("methods", _any(Predicate("http.method", "==", method) for method in route.methods))
    if route.hosts:
        yield Criterion("hosts", _any(_host(host) for host in route.hosts))
    if paths:
        yield Criterion("paths", _any(_path(path) for path in paths))
    for name, values in (route.headers or {}).items():
        if not values:
            raise NotRoutable(f"header {name} has no values")
        field = lower_ascii(name).replace("-", "_")
        if not _FIELD_PART.fullmatch(field):
            raise NotRoutable(f"the language of the gateway's router has no name for header {name}")
        field = HEADERS + field
        yield Criterion(f"header {name}", _any(_header(field, value) for value in values))


def _host(host: str) -> Node:
    name, port = split_host_port(host)
    name = name or ""
    test: Node
    if name.startswith("*"):
        test = Predicate("http.host", "=^", name[1:])
    elif name.endswith("*"):
        test = Predicate("http.host", "^=", name[:-1])
    else:
        test = Predicate("http.host", "==", name)
    return test if port is None else And((test, Predicate("net.dst.port", "==", port)))


def _path(path: str) -> Node:
    if not path.startswith("~"):
        return Predicate("http.path", "^=", path)
    # `^` binds to the first alternative of `a|b` only, as it does in the gateway.
    return Predicate("http.path", "~", Regex("^" + path[1:].replace("?<", "?P<")))


def _header(field: str, value: str) -> Node:
    pattern = value.startswith("~*")
    text = lower_ascii(value[2:] if pattern else value)
    constant: Constant = Regex(text) if pattern else text
    return Predicate(field, "~" if pattern else "==", constant, lower=True, any=True)
