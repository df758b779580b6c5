"""A request, and the facts about it that Kong's router compares (fact sheet 7.2, 7.4, 7.7).

`Request` is what a person writes down; `Facts` is its normal form, computed once per match. Facts are kept
under the field names of the expressions language (`http.path`, `net.dst.port`, ...), each with all its
values, because every flavor can be stated in that language. A field without a value is absent.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from typing import TypeAlias, cast
from urllib.parse import unquote_to_bytes, urlencode

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.entities import STREAM_PROTOCOLS
from konnect_agent.gateway.paths import normalize, split_query

FieldValue: TypeAlias = str | int | IPv4Address | IPv6Address
Values: TypeAlias = str | Sequence[str]

_HTTP_SCHEMES = {"grpc": "http", "ws": "http", "grpcs": "https", "wss": "https"}
HEADERS = "http.headers."
QUERIES = "http.queries."
_SEGMENT = "http.path.segments."
_MOST_READ = 100  # headers, and arguments, that the gateway looks at (fact sheet 7.9)
_SMALLEST = -(1 << 63)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.I | re.A)
_HEX = re.compile(r"[+-]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[+-]?\d+)?", re.I | re.A)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to route, or a connection when `scheme` is `tcp`, `udp`, `tls` or `tls_passthrough`.

    `path` may carry a query string; `queries` overrides it. `host` is the Host header as sent, port included.
    `scheme` defaults to https, as routes do. `http2` matters to gRPC routes only; None means "as required".
    `dst_port` is the listener's port and is used when `host` carries none. Raises ConfigError for a
    header or a query argument that is neither a text nor a list of texts.
    """

    method: str = "GET"
    path: str = "/"
    host: str | None = None
    scheme: str = "https"
    headers: Mapping[str, Values] = field(default_factory=dict[str, Values])
    sni: str | None = None
    queries: Mapping[str, Values] | None = None
    src_ip: str | None = None
    src_port: int | None = None
    dst_ip: str | None = None
    dst_port: int | None = None
    http2: bool | None = None

    def __post_init__(self) -> None:
        for kind, given in (("header", self.headers), ("query argument", self.queries or {})):
            for name, values in given.items():
                if not _is_text(values):
                    raise ConfigError(
                        f"The {kind} {name} of a request is {type(values).__name__}.",
                        hint="Give a text or a list of texts.",
                    )

    @property
    def is_stream(self) -> bool:
        """Whether this is a connection (TCP, UDP, TLS) rather than an HTTP request."""
        return self.scheme in STREAM_PROTOCOLS


class Facts:
    """The router's view of one request. `get(field)` gives the values of a field, empty when absent."""

    __slots__ = (
        "_headers",
        "_queries",
        "_segments",
        "_values",
        "host",
        "path",
        "port",
        "request",
    )

    def __init__(self, request: Request) -> None:
        self.request = request
        target, query = split_query(request.path)
        self.path = normalize(target)
        self.host, self.port = split_host_port(request.host)
        self._headers = _headers(request)
        self._queries = parse_query(query) if request.queries is None else _first_read(request.queries)
        self._segments: list[str] | None = None
        self._values: dict[str, tuple[FieldValue, ...]] = {}
        self._set("net.protocol", _protocol(request))
        self._set("tls.sni", request.sni)
        self._set("net.src.ip", _address(request.src_ip))
        self._set("net.src.port", request.src_port)
        self._set("net.dst.ip", _address(request.dst_ip))
        # The port of the Host header wins over the listener's.
        is_http_port = self.port is not None and not request.is_stream
        self._set("net.dst.port", self.port if is_http_port else request.dst_port)
        if not request.is_stream:
            self._set("http.method", request.method)
            self._set("http.path", self.path)
            self._set("http.host", self.host)

    @property
    def refused(self) -> Iterator[str]:
        """Fields with a value the gateway's router gives up on, if it looks at them."""
        for name, text in (("net.src.ip", self.request.src_ip), ("net.dst.ip", self.request.dst_ip)):
            if text is not None and not self.get(name):
                yield name

    @property
    def arguments(self) -> str:
        """The query as it is forwarded, with its `?`: as sent, or written from `queries`."""
        request = self.request
        if request.queries is None:
            return request.path[len(split_query(request.path)[0]) :]
        given = {name: _values(values) for name, values in request.queries.items()}
        return f"?{urlencode(given, doseq=True)}" if given else ""

    @property
    def is_text(self) -> bool:
        """Whether all of the request is UTF-8: the gateway's router gives up on a value that is not."""
        texts = [self.path, self.request.method, self.host or "", self.request.sni or ""]
        for values in (*self._headers.values(), *self._queries.values()):
            texts.extend(values)
        return all(map(str.isascii, texts)) or not any(map(is_broken, texts))

    def get(self, name: str) -> tuple[FieldValue, ...]:
        """All values of a field of the expressions language."""
        found = self._values.get(name)
        if found is None:
            found = self._values[name] = self._derived(name)
        return found

    def header(self, name: str) -> tuple[str, ...]:
        """Values of a request header, looked up as the gateway does.

        A header sent under this very name, in lower case, goes before the one with `-` for every `_`.
        """
        found = self._headers.get(name)
        return self._headers.get(name.lower().replace("_", "-"), ()) if found is None else found

    def named(self, prefix: str) -> Iterator[str]:
        """Fields of a family (`http.headers.`, `http.queries.`) that are present, spelled as sent."""
        present = {HEADERS: self._headers, QUERIES: self._queries}[prefix]
        return (prefix + name for name in present)

    def _set(self, name: str, value: FieldValue | None) -> None:
        if value is not None:
            self._values[name] = (value,)

    def _derived(self, name: str) -> tuple[FieldValue, ...]:
        if self.request.is_stream:
            return ()
        if name.startswith(HEADERS):
            return self.header(name.removeprefix(HEADERS))
        if name.startswith(QUERIES):
            return self._queries.get(name.removeprefix(QUERIES), ())
        return self._segment(name.removeprefix(_SEGMENT)) if name.startswith(_SEGMENT) else ()

    def _segment(self, wanted: str) -> tuple[FieldValue, ...]:
        if self._segments is None:
            rest = self.path[1:].rstrip("/")
            self._segments = rest.split("/") if rest else []
        segments = self._segments
        if wanted == "len":
            return (len(segments),)
        first, _, last = wanted.partition("_")
        if not first.isdigit() or (last and not last.isdigit()) or wanted.endswith("_"):
            return ()
        start = int(first)
        if not last:
            return (segments[start],) if start < len(segments) else ()
        end = int(last)
        return ("/".join(segments[start : end + 1]),) if start < end < len(segments) else ()


def split_host_port(host: str | None) -> tuple[str | None, int | None]:
    """Host and port of a Host header: split at the first colon, and only if Lua reads a number behind it."""
    if host is None:
        return None, None
    name, _, rest = host.partition(":")
    port = _lua_number(rest)
    return (host, None) if port is None else (name, port)


def _lua_number(text: str) -> int | None:
    """What LuaJIT's `tonumber` makes of a text (`80`, `0x50`, `8e1`, ` 80`), as a 64-bit integer."""
    plain = text.strip(" \t\n\v\f\r")
    if _HEX.fullmatch(plain):
        number = float.fromhex(plain)
    elif _DECIMAL.fullmatch(plain):
        number = float(plain)
    else:
        return None
    return int(number) if math.isfinite(number) and abs(number) < -_SMALLEST else _SMALLEST


def parse_query(query: str) -> dict[str, tuple[str, ...]]:
    """The arguments the gateway reads of a query string, decoded; one without `=` has the empty value."""
    found: dict[str, list[str]] = {}
    for argument in query.split("&", _MOST_READ)[:_MOST_READ]:
        name, _, value = argument.partition("=")
        if name:
            found.setdefault(_unescape(name), []).append(_unescape(value))
    return {name: tuple(values) for name, values in found.items()}


def _first_read(given: Mapping[str, Values]) -> dict[str, tuple[str, ...]]:
    """The values the gateway reads, by name as sent."""
    found: dict[str, tuple[str, ...]] = {}
    sent = ((name, value) for name, values in given.items() for value in _values(values))
    for name, value in islice(sent, _MOST_READ):
        found[name] = (*found.get(name, ()), value)
    return found


def _unescape(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "surrogateescape")


def _headers(request: Request) -> dict[str, tuple[str, ...]]:
    """Headers by lower-case name; the same name in several spellings is one header with several values."""
    found: dict[str, tuple[str, ...]] = {}
    for name, values in _first_read(request.headers).items():
        folded = name.lower()
        found[folded] = found.get(folded, ()) + values
    if request.host is not None:
        found.setdefault("host", (request.host,))
    return found


def _is_text(values: object) -> bool:
    if isinstance(values, str):
        return True
    several = isinstance(values, Sequence)
    return several and all(isinstance(value, str) for value in cast("Sequence[object]", values))


def _values(given: Values) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def is_broken(text: str) -> bool:
    """Whether a text holds bytes that are not UTF-8; those were kept as surrogates."""
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _protocol(request: Request) -> str:
    """`net.protocol`. Passthrough is not a protocol of its own: Kong tells tls from tcp by the SNI then."""
    if request.scheme == "tls_passthrough":
        return "tls" if request.sni else "tcp"
    return _HTTP_SCHEMES.get(request.scheme, request.scheme)


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    """An address as Kong's router reads it: without a zone."""
    try:
        return None if text is None or "%" in text else ip_address(text)
    except ValueError:
        return None
