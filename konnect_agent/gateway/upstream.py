"""The path a matched request reaches upstream (fact sheet 7.8, documented by source).

What the route matched is stripped (`strip_path`) or kept, then joined to the service's path. `path_handling`
v0 joins with exactly one slash; v1, honoured by the flavor `traditional` only, joins as it stands.
"""

from urllib.parse import quote

from konnect_agent.gateway.paths import decode, encode

_UNESCAPED = "!#$&'()*+,/:;=?@[]-_.~%"


def upstream_path(
    path: str,
    *,
    base: str,
    strip_path: bool,
    matched: str | None,
    path_handling: str = "v0",
    remainder: str | None = None,
) -> str:
    """The upstream path for the normalised request `path` under the service path `base`.

    `matched` is the part the route matched, None when it names no path; `remainder` overrides what is left
    of `path` behind it.
    """
    if remainder is None:
        remainder = _behind(path, matched) if strip_path and matched is not None else path[1:]
    remainder = neutralize(remainder)
    if path_handling == "v1":
        if not strip_path:
            return base + path[1:]
        joined_twice = base.endswith("/") and remainder.startswith("/")
        return (base[:-1] if joined_twice else base) + remainder
    return _joined_once(path, base=base, remainder=remainder if strip_path else None)


def escape(path: str) -> str:
    """A path as Kong forwards it: what is neither reserved nor unreserved in a URI is percent-encoded."""
    return quote(encode(path), safe=_UNESCAPED)


def _behind(path: str, matched: str) -> str:
    """What is left of `path`: as many bytes as were matched are cut, even if they stood elsewhere in it."""
    return (
        path.removeprefix(matched)
        if path.startswith(matched)
        else decode(encode(path)[len(encode(matched)) :])
    )


def neutralize(remainder: str) -> str:
    """Drop a leading `./` or `../`, so that stripping cannot climb out of the service's path."""
    if remainder in (".", ".."):
        return ""
    for dots in ("./", "../"):
        if remainder.startswith(dots):
            return remainder[len(dots) :]
    return remainder


def _joined_once(path: str, *, base: str, remainder: str | None) -> str:
    slashed = base.endswith("/")
    if remainder is None:
        if slashed:
            return base + path[1:]
        return base if path == "/" else base + path
    if remainder:
        return _append(base[:-1] if slashed else base, remainder)
    if slashed:
        return base if base == "/" or path.endswith("/") else base[:-1]
    return base + "/" if len(path) > 1 and path.endswith("/") else base


def _append(base: str, remainder: str) -> str:
    return base + (remainder if remainder.startswith("/") else "/" + remainder)
