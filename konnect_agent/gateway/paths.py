"""The request path as Kong's router sees it (fact sheet 7.2, documented by source).

1. cut the query string at the first `?`, unless it is the very first character;
2. decode percent triplets except those of reserved characters, whose hex is upper-cased;
3. resolve dot segments and merge slashes.
Bytes that are not UTF-8 survive as surrogates, so lengths and prefixes stay those of the wire.
"""

import re

_RESERVED = frozenset(b"!*'();:@&=+$,/?%#[]")
_TRIPLET = re.compile(rb"%[0-9A-Fa-f]{2}")


def encode(text: str) -> bytes:
    """The bytes of a request text; undecodable ones were kept as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """The inverse of `encode`."""
    return data.decode("utf-8", "surrogateescape")


def matching_path(path: str) -> str:
    """The normalised path, without query, of a request target such as `/a/../b%20c?x=1`."""
    return normalize(split_query(path)[0])


def split_query(path: str) -> tuple[str, str]:
    """Path and query string of a request target; a `?` in first place is part of the path."""
    cut = path.find("?", 1)
    return (path, "") if cut < 0 else (path[:cut], path[cut + 1 :])


def normalize(path: str) -> str:
    """Percent-decode, resolve dot segments, merge slashes. A path without any of these is returned as is."""
    if "%" in path:
        path = decode(_TRIPLET.sub(_decode, encode(path)))
    if "." not in path and "//" not in path:
        return path
    return _resolve(path)


def _decode(triplet: re.Match[bytes]) -> bytes:
    code = int(triplet.group()[1:], 16)
    return triplet.group().upper() if code in _RESERVED else bytes((code,))


def _resolve(path: str) -> str:
    """Remove `.`, `..` and empty segments as Kong's loop does, each segment keeping its leading slash."""
    kept: list[str] = []
    rest = path
    if not rest.startswith("/"):
        rest = _drop_leading_dots(rest)
        if rest and not rest.startswith("/"):
            first, slash, tail = rest.partition("/")
            kept.append(first)
            rest = slash + tail
    segments = rest.split("/")[1:]
    last = len(segments) - 1
    for position, segment in enumerate(segments):
        if segment in (".", "..") or (segment == "" and position < last):
            if segment == ".." and kept:
                kept.pop()
            if segment and position == last:
                kept.append("/")
            continue
        kept.append("/" + segment)
    return "".join(kept)


def _drop_leading_dots(path: str) -> str:
    while True:
        if path in (".", ".."):
            return ""
        if path.startswith("../"):
            path = path[3:]
        elif path.startswith("./"):
            path = path[2:]
        else:
            return path
