"""The entries of a table, made from its routes and put in the order in which they are tried."""

from collections.abc import Iterator, Mapping, Sequence

from konnect_agent.gateway.compatible import lower_ascii
from konnect_agent.gateway.entities import Endpoint, RouteRecord, ServiceRecord
from konnect_agent.gateway.paths import encode
from konnect_agent.gateway.regexes import Regex
from konnect_agent.gateway.traditional.connection import DST, HEADER, HOST, METHOD, SNI, SRC, URI, split_port
from konnect_agent.gateway.traditional.entry import End, Entry, Header, WildcardHost
from konnect_agent.gateway.traditional.lua_sort import lua_sort

_REGEX_URI, _PLAIN_HOSTS, _WILDCARD_PORT = 1, 2, 4


def entries(route: RouteRecord, service: ServiceRecord | None) -> Iterator[Entry]:
    """One entry per path; none for a route without any field, which stops this flavor's router altogether."""
    fields = (route.hosts, route.headers, route.methods, route.paths, route.snis)
    if all(field is None for field in (*fields, route.sources, route.destinations)):
        return
    hosts = route.hosts or ()
    wildcards = tuple(_wildcard(host) for host in hosts if "*" in host)
    headers = _headers(route.headers or {})
    plain_hosts = frozenset(host for host in hosts if "*" not in host)
    methods = frozenset(method.upper() for method in route.methods or ())
    snis = frozenset(s[:-1] if len(s) > 1 and s.endswith(".") else s for s in route.snis or ())
    sources, destinations = _ends(route.sources), _ends(route.destinations)
    flags = (
        (HOST, hosts),
        (HEADER, headers),
        (METHOD, methods),
        (SNI, snis),
        (SRC, sources),
        (DST, destinations),
    )
    rules = sum(rule for rule, present in flags if present)
    named = sum(map(len, headers.values()))
    submatch = _PLAIN_HOSTS if route.hosts is not None and not wildcards else 0
    if any(split_port(host.value)[2] for host in wildcards):
        submatch |= _WILDCARD_PORT
    for path in route.paths or (None,):
        regex = path is not None and path.startswith("~")
        pattern = path[1:] if path is not None and regex else path
        yield Entry(
            route=route,
            service=service,
            rules=rules if pattern is None else rules | URI,
            sort_key=(
                -(submatch | _REGEX_URI if regex else submatch),
                -named,
                -route.regex_priority if regex else 0,
                0 if regex else -len(encode(pattern or "")),
            ),
            plain_hosts=plain_hosts,
            wildcard_hosts=wildcards,
            headers=headers,
            path=pattern,
            uri=Regex(pattern or "", dialect="pcre", anchored=True) if regex else None,
            methods=methods,
            snis=snis,
            sources=sources,
            destinations=destinations,
        )


def in_order(found: Sequence[Entry]) -> list[Entry]:
    """The entries best first: by sort key, then the older route; equals where Kong's sort leaves them."""
    places = {key: place for place, key in enumerate(sorted({entry.sort_key for entry in found}))}
    ranks = [places[entry.sort_key] for entry in found]
    ages = [entry.route.created_at for entry in found]

    def before(one: int, other: int) -> bool:
        if ranks[one] != ranks[other]:
            return ranks[one] < ranks[other]
        age, rival = ages[one], ages[other]
        return age is not None and rival is not None and age < rival

    return [found[number] for number in lua_sort(range(len(found)), before=before)]


def tie(first: Entry, second: Entry) -> bool:
    """Whether nothing but the sort's own whim orders two entries."""
    alike = first.rules == second.rules and first.sort_key == second.sort_key
    return alike and not _older(first, second) and not _older(second, first)


def _older(entry: Entry, other: Entry) -> bool:
    ages = entry.route.created_at, other.route.created_at
    return ages[0] is not None and ages[1] is not None and ages[0] < ages[1]


def _headers(wanted: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[Header, ...]]:
    """Headers by lower-case name: in two spellings, a header is wanted twice. `Host` is none."""
    found: dict[str, tuple[Header, ...]] = {}
    for name, values in wanted.items():
        if name.lower() != "host":
            found[name.lower()] = (*found.get(name.lower(), ()), _header(values))
    return found


def _wildcard(host: str) -> WildcardHost:
    pattern = host.replace(".", "\\.").replace("*", ".+")
    if not split_port(host)[2]:
        pattern += r"(?::\d+)?"
    return WildcardHost(host, Regex(pattern + "$", dialect="pcre", anchored=True))


def _header(values: tuple[str, ...]) -> Header:
    single = values[0] if len(values) == 1 else ""
    regex = Regex(single[2:], dialect="pcre") if single.startswith("~*") else None
    return Header(frozenset(lower_ascii(value) for value in values), regex)


def _ends(endpoints: tuple[Endpoint, ...] | None) -> tuple[End, ...]:
    return tuple(End(endpoint.ip, endpoint.port) for endpoint in endpoints or ())
