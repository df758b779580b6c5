"""A request in the shape the flavor `traditional` looks at it, and what of a table it reaches.

Absent values are empty strings, and the Host header gets the scheme's default port when it carries none. The
rules are bits, as in Kong: the fields of a route are its category, and of two categories of equal size the
one with the larger number goes first.
"""

from dataclasses import dataclass

from konnect_agent.gateway.request import Facts

HOST, HEADER, URI, METHOD, SNI, SRC, DST = 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01


def category_order(rules: int) -> tuple[int, int]:
    """Larger ones go first: more rules, then the more important ones."""
    return rules.bit_count(), rules


@dataclass(frozen=True, slots=True)
class Connection:
    """A request as this flavor reads it."""

    method: str
    path: str
    host: str | None
    host_no_port: str
    host_with_port: str
    scheme: str
    sni: str
    source: tuple[str, int | None]
    destination: tuple[str, int | None]
    facts: Facts

    def header(self, name: str) -> tuple[str, ...]:
        """Values of a header; connections have none."""
        return () if self.facts.request.is_stream else self.facts.header(name)

    def end(self, rule: int) -> tuple[str, int | None]:
        """Address and port of the side `rule` is about."""
        return self.source if rule == SRC else self.destination


@dataclass(frozen=True, slots=True)
class Reached:
    """The rules a request might satisfy, and the values that hit first."""

    rules: int
    host: str | None
    uri: str | None
    header: str | None

    def filed_under(self, rule: int, connection: Connection) -> tuple[object, ...]:
        """Values an entry of this rule may be filed under, the first that exists counting."""
        if rule == HOST:
            return (self.host or connection.host or "",)
        if rule == HEADER:
            return (self.header,)
        if rule == URI:
            return (self.uri,)
        if rule == METHOD:
            return (connection.method,)
        return (connection.sni,) if rule == SNI else connection.end(rule)


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
        sni=request.sni or "",
        source=(request.src_ip or "", request.src_port),
        destination=(request.dst_ip or "", request.dst_port),
        facts=facts,
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
