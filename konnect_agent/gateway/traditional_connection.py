"""A request in the shape the flavor `traditional` looks at it.

Absent values are empty strings, and the Host header gets the scheme's default port when it carries none. The
rules are bits, as in Kong: the fields of a route are its category, and of two categories of equal size the
one with the larger number goes first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from konnect_agent.gateway.compatible import lower_ascii
from konnect_agent.gateway.request import Facts, FieldValue

HOST, HEADER, URI, METHOD, SNI, SRC, DST = 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules a request might satisfy, and the values that hit first."""

    rules: int
    host: str | None
    uri: str | None
    header: str | None


@dataclass(frozen=True, slots=True)
class Connection:
    """A request as this flavor reads it."""

    method: str
    path: str
    host: str | None
    host_no_port: str
    host_with_port: str
    scheme: str
    headers: Mapping[str, tuple[str, ...]]
    sni: str
    source: tuple[str, int | None]
    destination: tuple[str, int | None]

    def end(self, rule: int) -> tuple[str, int | None]:
        """Address and port of the side `rule` is about."""
        return self.source if rule == SRC else self.destination

    def filed_under(self, rule: int, reached: RuleSet) -> tuple[object, ...]:
        """Values an entry of this rule may be filed under, the first that exists counting."""
        if rule == HOST:
            return (reached.host or self.host or "",)
        if rule == HEADER:
            return (reached.header,)
        if rule == URI:
            return (reached.uri,)
        if rule == METHOD:
            return (self.method,)
        return (self.sni,) if rule == SNI else self.end(rule)


class IndexedFields:
    """A connection as the candidate index looks values up; names are those of `traditional_entries`."""

    __slots__ = ("_values",)

    def __init__(self, connection: Connection, facts: Facts, *, wildcard: str | None) -> None:
        values: dict[str, Sequence[FieldValue]] = {
            "http.path": (connection.path,),
            "http.method": (connection.method,),
        }
        if connection.host is not None:
            values["traditional.hosts.plain"] = (wildcard or connection.host, connection.host_no_port)
            values["traditional.hosts.wildcard"] = (connection.host_with_port,)
        for name, given in connection.headers.items():
            values[f"traditional.headers.{name}"] = [lower_ascii(value) for value in given]
        for side, end, address in (
            ("sources", connection.source, facts.get("net.src.ip")),
            ("destinations", connection.destination, facts.get("net.dst.ip")),
        ):
            values[f"traditional.{side}.ip"] = address
            values[f"traditional.{side}.port"] = () if end[1] is None else (end[1],)
        self._values = values

    def get(self, name: str) -> Sequence[FieldValue]:
        """Values of one field."""
        return self._values.get(name, ())

    def named(self, prefix: str) -> Mapping[str, Sequence[FieldValue]]:
        """Fields under a prefix."""
        return {name: values for name, values in self._values.items() if name.startswith(prefix)}


class EndIndex:
    """All addresses, ranges and ports of one side: whether any of them fits a connection."""

    __slots__ = ("_lengths", "_networks", "_plain")

    def __init__(self, ends: Iterable[tuple[str | None, int | None]]) -> None:
        self._plain: set[str | int] = set()
        self._networks: set[IPv4Network | IPv6Network] = set()
        for ip, port in ends:
            if port is not None:
                self._plain.add(port)
            if ip is not None and "/" not in ip:
                self._plain.add(ip)
            elif ip is not None and (network := parse_network(ip)) is not None:
                self._networks.add(network)
        self._lengths = {(network.version, network.prefixlen) for network in self._networks}

    def touched(self, ip: str, port: int | None) -> bool:
        """Whether the address or the port alone fits something."""
        if ip in self._plain or (port is not None and port in self._plain):
            return True
        if not self._networks:
            return False
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        return any(
            ip_network((address, length), strict=False) in self._networks
            for version, length in self._lengths
            if version == address.version
        )


def parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """A range, host bits ignored; None if it is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def read_connection(facts: Facts) -> Connection:
    """The request in this flavor's shape."""
    request = facts.request
    scheme = str((facts.get("net.protocol") or ("",))[0])
    no_port, with_port, _ = split_port(request.host or "", 443 if scheme == "https" else 80)
    stream = request.is_stream
    return Connection(
        method="" if stream else request.method,
        path="" if stream else facts.path,
        host=None if stream else request.host,
        host_no_port=no_port,
        host_with_port=with_port,
        scheme=scheme,
        headers={} if stream else facts.headers,
        sni=request.sni or "",
        source=(request.src_ip or "", request.src_port),
        destination=(request.dst_ip or "", request.dst_port),
    )


def split_port(name: str, default: int | None = None) -> tuple[str, str, bool]:
    """Host without port, host with port (the default one if it has none), and whether it had one."""
    suffix = "" if default is None else f":{default}"
    if name.startswith("["):
        inner, bracket, port = name[1:].partition("]:")
        if name.endswith("]"):
            return name[1:-1], name + suffix, False
        if bracket and not port:
            return inner, name + suffix.removeprefix(":"), False
        if bracket and port.isascii() and port.isdigit():
            return inner, name, True
        return name, name + suffix, False
    host, colon, port = name.partition(":")
    if not colon:
        return name, name + suffix, False
    if not port:
        return host, host + suffix, False
    if port.isascii() and port.isdigit():
        return host, name, True
    return name, name if default is None else f"[{name}]{suffix}", False
