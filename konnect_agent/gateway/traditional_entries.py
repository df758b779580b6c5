"""Entries of the flavor `traditional`: one route with one of its paths, when it matches, how it is sorted.

Every list of a route is one rule; all rules must hold, any value of a rule suffices. Hosts with `*` become
regexes on the host with its port, path regexes are anchored at the start and open at the end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from konnect_agent.gateway.compatible import lower_ascii
from konnect_agent.gateway.entities import Endpoint, RouteRecord, ServiceRecord
from konnect_agent.gateway.index import Key, Needs
from konnect_agent.gateway.regexes import Regex
from konnect_agent.gateway.traditional_connection import (
    DST,
    HEADER,
    HOST,
    METHOD,
    SNI,
    SRC,
    URI,
    Connection,
    parse_network,
    split_port,
)

_REGEX_URI, _PLAIN_HOSTS, _WILDCARD_PORT = 1, 2, 4


@dataclass(frozen=True, slots=True)
class WildcardHost:
    """A host with `*`, as the regex Kong makes of it."""

    value: str
    regex: Regex


@dataclass(frozen=True, slots=True)
class End:
    """A source or destination."""

    ip: str | None
    port: int | None

    def holds(self, ip: str, port: int | None) -> bool:
        """Whether address and port fit, as far as they are given."""
        if self.ip is not None and not (_in_range(ip, self.ip) if "/" in self.ip else self.ip == ip):
            return False
        return self.port is None or self.port == port


@dataclass(frozen=True, slots=True)
class MatchedPath:
    """The part of the path an entry matched, what is left behind it, and regex groups."""

    matched: str | None
    remainder: str | None
    captures: Mapping[int | str, str]


@dataclass(frozen=True, slots=True)
class Header:
    """Accepted values of a header, lower-cased, and the regex if its single value is one."""

    values: frozenset[str]
    regex: Regex | None


@dataclass(slots=True)
class Entry:
    """One route with one path (or none). `path` is without the `~` of a regex."""

    route: RouteRecord
    service: ServiceRecord | None
    rules: int
    submatch: int
    plain_hosts: frozenset[str]
    wildcard_hosts: tuple[WildcardHost, ...]
    headers: Mapping[str, Header]
    path: str | None
    uri: Regex | None
    methods: frozenset[str]
    snis: frozenset[str]
    sources: tuple[End, ...]
    destinations: tuple[End, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The path as the route has it."""
        return () if self.path is None else (("~" if self.uri else "") + self.path,)

    def ends(self, rule: int) -> tuple[End, ...]:
        """The endpoints `rule` is about."""
        return self.sources if rule == SRC else self.destinations

    def pairs(self, rule: int) -> bool:
        """Whether an endpoint names both address and port."""
        return any(end.ip is not None and end.port is not None for end in self.ends(rule))

    def regexes(self) -> Iterator[Regex]:
        """Every regex whose evaluation can decide about this entry."""
        if self.uri is not None:
            yield self.uri
        for header in self.headers.values():
            if header.regex is not None:
                yield header.regex

    def filed(self) -> Iterator[tuple[int, object]]:
        """Rule and value of everything this entry is filed under."""
        for host in (*self.plain_hosts, *(host.value for host in self.wildcard_hosts)):
            yield HOST, host
        for name in self.headers:
            yield HEADER, name
        if self.path is not None:
            yield URI, self.path
        for method in self.methods:
            yield METHOD, method
        for sni in self.snis:
            yield SNI, sni
        for rule in (SRC, DST):
            for end in self.ends(rule):
                yield from ((rule, part) for part in (end.ip, end.port) if part is not None)

    def holds(self, request: Connection, wildcard: str | None) -> bool | None:
        """Whether every field matches; None when that hangs on a regex that cannot be evaluated.

        `wildcard` is the wildcard host the request hit first; it replaces the host in plain comparisons.
        """
        unknown = False
        for _, answer in self.answers(request, wildcard):
            if answer is False:
                return False
            unknown |= answer is None
        return None if unknown else True

    def answers(self, request: Connection, wildcard: str | None) -> Iterator[tuple[str, bool | None]]:
        """Whether each field of the route matches, cheap ones first."""
        if self.rules & HOST:
            yield "hosts", self.host_holds(request, wildcard)
        if self.rules & METHOD:
            yield "methods", request.method in self.methods
        if self.rules & SNI:
            yield "snis", request.scheme == "http" or request.sni in self.snis
        for rule, name in ((SRC, "sources"), (DST, "destinations")):
            if self.rules & rule:
                yield name, any(end.holds(*request.end(rule)) for end in self.ends(rule))
        if self.rules & URI:
            yield "paths", self.path_holds(request.path)
        for name in self.headers:
            yield f"header {name}", self.header_holds(name, request)

    def host_holds(self, request: Connection, wildcard: str | None) -> bool:
        """Whether one of the hosts matches."""
        if request.host is None:
            return False
        if (wildcard or request.host) in self.plain_hosts or request.host_no_port in self.plain_hosts:
            return True
        return any(host.regex.test(request.host_with_port) for host in self.wildcard_hosts)

    def path_holds(self, path: str) -> bool | None:
        """Whether the path matches; the empty path matches nothing."""
        if not path or self.path is None:
            return False
        return self.uri.test(path) if self.uri is not None else path.startswith(self.path)

    def header_holds(self, name: str, request: Connection) -> bool | None:
        """Whether one of the request's values is accepted for this header."""
        header = self.headers[name]
        values = [lower_ascii(value) for value in request.headers.get(name, ())]
        if any(value in header.values for value in values):
            return True
        if header.regex is None or not values:
            return False
        answers = {header.regex.test(value) for value in values}
        return True if True in answers else None if None in answers else False

    def matched_path(self, path: str) -> MatchedPath:
        """How the path of a request that this entry won was matched."""
        if self.path is None:
            return MatchedPath(None, None, {})
        if self.uri is None:
            return MatchedPath(self.path, path[len(self.path) :], {})
        postfix = Regex(f"{self.path}(?P<uri_postfix>.*)", dialect="pcre", anchored=True)
        found = postfix.search(path)
        if found is None:
            return MatchedPath(None, None, {})
        groups = dict(found.groups)
        remainder = groups.pop("uri_postfix", None)
        if remainder is None:
            return MatchedPath(None, None, groups if len(groups) > 1 else {})
        groups.pop(max(key for key in groups if isinstance(key, int)))
        return MatchedPath(path[: len(path) - len(remainder)], remainder, groups if len(groups) > 1 else {})


def entries(route: RouteRecord, service: ServiceRecord | None) -> Iterator[Entry]:
    """One entry per path; none for a route without any field, which stops this flavor's router altogether."""
    fields = (route.hosts, route.headers, route.methods, route.paths, route.snis)
    if all(field is None for field in (*fields, route.sources, route.destinations)):
        return
    for path in route.paths or (None,):
        yield _entry(route, service, path)


def sort_key(entry: Entry) -> tuple[int, int, int, int, int]:
    """Sorts entries best first."""
    regex_priority = entry.route.regex_priority if entry.submatch & _REGEX_URI else 0
    length = len(entry.path.encode()) if entry.path is not None and entry.uri is None else 0
    return (
        -entry.submatch,
        -len(entry.headers),
        -regex_priority,
        -length,
        entry.route.created_at or 0,
    )


def tie(first: Entry, second: Entry) -> bool:
    """Whether nothing but the sort's own whim orders two entries."""
    ages = first.route.created_at, second.route.created_at
    alike = first.rules == second.rules and sort_key(first)[:-1] == sort_key(second)[:-1]
    return alike and (None in ages or ages[0] == ages[1])


def takes_all(wide: Entry, narrow: Entry) -> bool:
    """Whether `wide` holds wherever `narrow` does and shares every file with it; equal paths only."""
    if (wide.rules, wide.paths) != (narrow.rules, narrow.paths):
        return False
    wildcards = {host.value for host in wide.wildcard_hosts}
    return (
        wide.plain_hosts >= narrow.plain_hosts
        and wildcards >= {host.value for host in narrow.wildcard_hosts}
        and wide.methods >= narrow.methods
        and wide.snis >= narrow.snis
        and set(wide.sources) >= set(narrow.sources)
        and set(wide.destinations) >= set(narrow.destinations)
        and wide.headers.keys() == narrow.headers.keys()
        and all(_accepts(header, narrow.headers[name]) for name, header in wide.headers.items())
    )


def entry_needs(entry: Entry) -> Needs:
    """What the index may rely on for this entry (see `index.needs`)."""
    found: dict[str, frozenset[Key]] = {}
    if entry.path is not None:
        if entry.uri is None:
            found["http.path"] = frozenset({("http.path", "^=", entry.path)})
        elif entry.uri.problem is None:
            found["http.path"] = frozenset({("http.path", "~", entry.uri)})
    if entry.methods:
        found["http.method"] = frozenset(("http.method", "==", method) for method in entry.methods)
    if entry.rules & HOST:
        plain: set[Key] = {("traditional.hosts.plain", "==", host) for host in entry.plain_hosts}
        wild: set[Key] = {("traditional.hosts.wildcard", "~", host.regex) for host in entry.wildcard_hosts}
        if not any(host.regex.problem for host in entry.wildcard_hosts):
            found["traditional.hosts."] = frozenset(plain | wild)
    for name, header in entry.headers.items():
        field = f"traditional.headers.{name}"
        keys: set[Key] = {(field, "==", value) for value in header.values}
        if header.regex is None or header.regex.problem is None:
            accepted = keys if header.regex is None else keys | {(field, "~", header.regex)}
            found["traditional.headers."] = frozenset(accepted)
            break
    for rule, side in ((SRC, "traditional.sources."), (DST, "traditional.destinations.")):
        ends = [_end_key(side, end) for end in entry.ends(rule)]
        if ends and None not in ends:
            found[side] = frozenset(key for key in ends if key is not None)
    return found


def _end_key(side: str, end: End) -> Key | None:
    if end.ip is None:
        return None if end.port is None else (f"{side}port", "==", end.port)
    network = parse_network(end.ip)
    return None if network is None else (f"{side}ip", "in", network)


def _entry(route: RouteRecord, service: ServiceRecord | None, path: str | None) -> Entry:
    hosts = route.hosts or ()
    wildcards = tuple(_wildcard(host) for host in hosts if "*" in host)
    headers = {
        name.lower().replace("-", "_"): _header(values)
        for name, values in (route.headers or {}).items()
        if name.lower() != "host"
    }
    regex = path is not None and path.startswith("~")
    pattern = path[1:] if path is not None and regex else path
    flags = (
        (HOST, hosts),
        (HEADER, headers),
        (URI, pattern is not None),
        (METHOD, route.methods),
        (SNI, route.snis),
        (SRC, route.sources),
        (DST, route.destinations),
    )
    submatch = _REGEX_URI if regex else 0
    if route.hosts is not None and not wildcards:
        submatch |= _PLAIN_HOSTS
    if any(split_port(host.value)[2] for host in wildcards):
        submatch |= _WILDCARD_PORT
    return Entry(
        route=route,
        service=service,
        rules=sum(rule for rule, present in flags if present),
        submatch=submatch,
        plain_hosts=frozenset(host for host in hosts if "*" not in host),
        wildcard_hosts=wildcards,
        headers=headers,
        path=pattern,
        uri=Regex(pattern or "", dialect="pcre", anchored=True) if regex else None,
        methods=frozenset(method.upper() for method in route.methods or ()),
        snis=frozenset(s[:-1] if len(s) > 1 and s.endswith(".") else s for s in route.snis or ()),
        sources=_ends(route.sources),
        destinations=_ends(route.destinations),
    )


def _wildcard(host: str) -> WildcardHost:
    pattern = host.replace(".", "\\.").replace("*", ".+")
    if not split_port(host)[2]:
        pattern += r"(?::\d+)?"
    return WildcardHost(host, Regex(pattern + "$", dialect="pcre"))


def _header(values: tuple[str, ...]) -> Header:
    single = values[0] if len(values) == 1 else ""
    regex = Regex(single[2:], dialect="pcre") if single.startswith("~*") else None
    return Header(frozenset(lower_ascii(value) for value in values), regex)


def _accepts(wide: Header, narrow: Header) -> bool:
    if narrow.regex is not None and (wide.regex is None or wide.regex.pattern != narrow.regex.pattern):
        return False
    return wide.values >= narrow.values


def _ends(endpoints: tuple[Endpoint, ...] | None) -> tuple[End, ...]:
    return tuple(End(endpoint.ip, endpoint.port) for endpoint in endpoints or ())


def _in_range(ip: str, text: str) -> bool:
    network = parse_network(text)
    try:
        return network is not None and ip_address(ip) in network
    except ValueError:
        return False
