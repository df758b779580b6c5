"""Which rules a request might satisfy at all, and by which values: Kong's first look at a request.

Only plain values, prefixes, regexes and wildcards on their own are looked at, not which entry they belong to.
What is hit first stands in for the request's own value in later comparisons, which changes some results.
"""

from collections.abc import Iterator, Sequence

from konnect_agent.gateway.compatible import lower_ascii
from konnect_agent.gateway.regexes import RegexIndex
from konnect_agent.gateway.request import HEADERS, FieldValue
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
from konnect_agent.gateway.traditional.entry import Entry
from konnect_agent.gateway.traditional.networks import EndIndex

HEADER_FIELDS = "traditional.headers."


class PlainIndexes:
    """The plain values of all entries: what tells which fields a request might match at all."""

    def __init__(self, ordered: Sequence[Entry]) -> None:
        self._hosts = {host for entry in ordered for host in entry.plain_hosts}
        wildcards = [host for entry in ordered for host in entry.wildcard_hosts]
        self._wildcards = wildcards
        self._wildcard_index = RegexIndex([host.regex for host in wildcards])
        names = dict.fromkeys(name for entry in ordered for name in entry.headers)
        self._headers: dict[str, list[tuple[int, str]]] = {}
        for place, name in enumerate(names):
            self._headers.setdefault(name.replace("-", "_"), []).append((place, name))
        self._uris = {entry.path for entry in ordered if entry.path is not None and entry.uri is None}
        self._lengths = sorted({len(path) for path in self._uris}, reverse=True)
        self._regex_uris = [entry for entry in ordered if entry.uri is not None]
        self._regex_index = RegexIndex([entry.uri for entry in self._regex_uris if entry.uri is not None])
        self.regex_texts = frozenset(entry.path for entry in self._regex_uris)
        self._methods = {method for entry in ordered for method in entry.methods}
        self._snis = {sni for entry in ordered for sni in entry.snis}
        self._ends = {
            rule: EndIndex((end.ip, end.port) for entry in ordered for end in entry.ends(rule))
            for rule in (SRC, DST)
        }

    def reached(self, connection: Connection) -> Reached:
        """What the request hits."""
        rules = 0
        header = self._header(connection)
        if header is not None:
            rules |= HEADER
        host: str | None = None
        if connection.host is not None:
            if connection.host_with_port in self._hosts or connection.host_no_port in self._hosts:
                rules |= HOST
            else:
                hits = self._wildcard_index.matching(connection.host_with_port)
                if hits:
                    rules, host = rules | HOST, self._wildcards[min(hits)].value
        uri = self._uri(connection.path)
        if uri is not None:
            rules |= URI
        if connection.method in self._methods:
            rules |= METHOD
        if connection.sni in self._snis:
            rules |= SNI
        for rule in (SRC, DST):
            if self._ends[rule].touched(*connection.end(rule)):
                rules |= rule
        return Reached(rules, host, uri, header)

    def _header(self, connection: Connection) -> str | None:
        """The first header of the table that the request has."""
        if not self._headers:
            return None
        fields = connection.facts.named(HEADERS)
        names = (field.removeprefix(HEADERS).replace("-", "_") for field in fields)
        found = (place for name in names for place in self._headers.get(name, ()))
        return min((place for place in found if connection.header(place[1])), default=(0, None))[1]

    def _uri(self, path: str) -> str | None:
        hits = self._regex_index.matching(path)
        if hits:
            return self._regex_uris[min(hits)].path
        for length in self._lengths:
            if path[:length] in self._uris and length <= len(path):
                return path[:length]
        return None


class IndexedFields:
    """A connection as the candidate index looks values up; names are those of `scope`.

    Texts that stand in for the request's in some comparisons are values beside it.
    """

    __slots__ = ("_connection", "_values")

    def __init__(self, connection: Connection, reached: Reached) -> None:
        self._connection = connection
        values: dict[str, Sequence[FieldValue]] = {
            "http.path": (connection.path,) if reached.uri is None else (connection.path, reached.uri),
            "http.method": (connection.method,),
        }
        if connection.host is not None:
            values["traditional.hosts.plain"] = (reached.host or connection.host, connection.host_no_port)
            values["traditional.hosts.wildcard"] = (connection.host_with_port,)
        for side, end, address in (
            ("sources", connection.source, connection.facts.get("net.src.ip")),
            ("destinations", connection.destination, connection.facts.get("net.dst.ip")),
        ):
            values[f"traditional.{side}.ip"] = address
            values[f"traditional.{side}.port"] = () if end[1] is None else (end[1],)
        self._values = values

    def get(self, name: str) -> Sequence[FieldValue]:
        """Values of one field."""
        if name.startswith(HEADER_FIELDS):
            return [lower_ascii(value) for value in self._connection.header(name.removeprefix(HEADER_FIELDS))]
        return self._values.get(name, ())

    def named(self, prefix: str) -> Iterator[str]:
        """Header fields that may be present."""
        fields = self._connection.facts.named(HEADERS)
        return (prefix + field.removeprefix(HEADERS) for field in fields)
