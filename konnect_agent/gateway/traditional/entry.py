"""An entry of the flavor `traditional`: one route with one of its paths, and when it matches.

Every list of a route is one rule; all rules must hold, any value of a rule suffices. Hosts with `*` become
regexes on the host with its port, path regexes are anchored at the start and open at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from konnect_agent.gateway.compatible import lower_ascii
from konnect_agent.gateway.entities import RouteRecord, ServiceRecord
from konnect_agent.gateway.paths import decode, encode
from konnect_agent.gateway.regexes import Captured, Regex
from konnect_agent.gateway.traditional.connection import (
    DST,
    HEADER,
    HOST,
    METHOD,
    SNI,
    SRC,
    URI,
    Connection,
    Reached,
)
from konnect_agent.gateway.traditional.networks import in_range


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
        if self.ip is not None and not (in_range(ip, self.ip) if "/" in self.ip else self.ip == ip):
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

    def accepts(self, values: Sequence[str]) -> bool | None:
        """Whether one of a request's values, in lower case, is accepted."""
        if any(value in self.values for value in values):
            return True
        if self.regex is None or not values:
            return False
        answers = {self.regex.test(value) for value in values}
        return True if True in answers else None if None in answers else False


@dataclass(slots=True)
class Entry:
    """One route with one path (or none). `path` is without the `~` of a regex.

    Smaller sort keys go first: submatch weight, number of headers, regex_priority, length of the prefix.
    """

    route: RouteRecord
    service: ServiceRecord | None
    rules: int
    sort_key: tuple[int, int, int, int]
    plain_hosts: frozenset[str]
    wildcard_hosts: tuple[WildcardHost, ...]
    headers: Mapping[str, tuple[Header, ...]]
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
        for headers in self.headers.values():
            yield from (header.regex for header in headers if header.regex is not None)

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
            parts = dict.fromkeys(part for end in self.ends(rule) for part in (end.ip, end.port))
            yield from ((rule, part) for part in parts if part is not None)

    def holds(self, request: Connection, reached: Reached) -> bool | None:
        """Whether every field matches; None when that hangs on a regex that cannot be evaluated."""
        unknown = False
        for _, answer in self.answers(request, reached):
            if answer is False:
                return False
            unknown |= answer is None
        return None if unknown else True

    def answers(self, request: Connection, reached: Reached) -> Iterator[tuple[str, bool | None]]:
        """Whether each field of the route matches, cheap ones first."""
        if self.rules & HOST:
            yield "hosts", self.host_holds(request, reached.host)
        if self.rules & METHOD:
            yield "methods", request.method in self.methods
        if self.rules & SNI:
            yield "snis", request.scheme == "http" or request.sni in self.snis
        for rule, name in ((SRC, "sources"), (DST, "destinations")):
            if self.rules & rule:
                yield name, any(end.holds(*request.end(rule)) for end in self.ends(rule))
        if self.rules & URI:
            yield "paths", self.path_holds(request.path, reached.uri)
        for name in self.headers:
            yield f"header {name}", self.header_holds(name, request)

    def host_holds(self, request: Connection, wildcard: str | None) -> bool:
        """Whether one of the hosts matches.

        `wildcard` is the wildcard host the request hit first; it replaces the host in plain comparisons.
        """
        if request.host is None:
            return False
        if (wildcard or request.host) in self.plain_hosts or request.host_no_port in self.plain_hosts:
            return True
        return any(host.regex.test(request.host_with_port) for host in self.wildcard_hosts)

    def path_holds(self, path: str, hit: str | None) -> bool | None:
        """Whether the path matches; the empty path matches nothing.

        `hit` is the route path the request hit first. An entry with that very text holds whatever it means,
        and so does, without a hit, one whose text is the request's path: "/a(b)" for a regex `/a(b)`.
        """
        if not path or self.path is None:
            return False
        answer = self.uri.test(path) if self.uri is not None else path.startswith(self.path)
        return True if answer is False and self.path == (path if hit is None else hit) else answer

    def header_holds(self, name: str, request: Connection) -> bool | None:
        """Whether the request's values are accepted for this header, as often as the route names it."""
        values = [lower_ascii(value) for value in request.header(name)]
        answers = {header.accepts(values) for header in self.headers[name]}
        return False if False in answers else None if None in answers else True

    def matched_path(self, path: str) -> MatchedPath:
        """How the path of a request that this entry won was matched."""
        if self.path is None:
            return MatchedPath(None, None, {})
        found: Captured | None = None
        if self.uri is not None:
            found = Regex(f"{self.path}(?P<uri_postfix>.*)", dialect="pcre", anchored=True).search(path)
        if found is None:
            length = len(encode(self.path))
            data = encode(path)
            return MatchedPath(decode(data[:length]), decode(data[length:]), {})
        groups = dict(found.groups)
        remainder = groups.pop("uri_postfix", None)
        if remainder is None:  # the regex ended in another alternative than the one with the postfix
            return MatchedPath(None, None, groups)
        del groups[found.count]
        captures = groups if found.count > 1 else {}
        return MatchedPath(path[: len(path) - len(remainder)], remainder, captures)
