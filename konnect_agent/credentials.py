"""Which values of a caller's headers are credentials: they are masked wherever the token is, by their value.

A token is known by its shape; the key of a gateway looks like nothing in particular, and headers also carry
words that turn up everywhere. So a value is a credential (inferred, no product documents it)

1. never below eight characters;
2. under a name that says so (`apikey`, `X-Auth`, `Cookie`), with or without its scheme (`Bearer`, `Basic`),
   and so is each part of it that has a digit, and what a `Basic` one encodes, with or without its user;
3. never under a name that is about the message (`Accept`, `User-Agent`, `X-Forwarded-For`, `traceparent`,
   `...-Id`, `...-Type`), nor if it is a UUID or small words with dashes: so are entities called;
4. under any other name if it looks like one: letters of both cases and digits, or very long, without blanks.

A shorter key is still masked where its name stands before it (`apikey=...`): see `konnect_agent.redaction`.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping

from konnect_agent.redaction import is_secret_name, remember

_SHORTEST, _LONG = 8, 24
_NAMED = re.compile(r"(?:^|_)auth(?:entication)?$|signature|session|jwt|passw|credential", re.IGNORECASE)
_ABOUT_THE_MESSAGE = re.compile(
    r"accept.*|content_.*|user_agent|host|origin|referer|via|connection|cache_control"
    r"|(?:x_)?forwarded.*|trace.*|b3|.*(?<!session)_id|.*_(?:types?|mode|scheme|method|version)",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[\s;,]+")
_ASSIGNED = re.compile(r"[\w.-]+=\"?([^\"]+)\"?")
_ORDINARY = re.compile(
    r"https?://.*|[a-z]+/[a-z.+-]+|[\d.:TZ+-]+|[a-z]{1,12}(?:[-_.][a-z\d]{1,12})+"
    r"|[\da-fA-F]{8}(?:-[\da-fA-F]{4}){3}-[\da-fA-F]{12}"
)
_MIXED = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{12,}|.*(?=[A-Za-z]*\d)[A-Za-z\d]{16,}.*")


def keep_secret(headers: Mapping[str, str]) -> None:
    """Mask the credentials among the values of `headers` from now on, wherever a token is."""
    remember(found for name, value in headers.items() for found in credentials_of(name, value))


def credentials_of(name: str, value: str) -> Iterator[str]:
    """What in the value of one header may not be shown."""
    said, value = name.strip().replace("-", "_"), value.strip()
    if not (is_secret_name(said) or _NAMED.search(said)):
        if _looks_like_one(value) and not _ABOUT_THE_MESSAGE.fullmatch(said):
            yield value
        return
    scheme, _, rest = value.partition(" ")
    found = [value, rest] if scheme.isalpha() else [value]
    if scheme.lower() == "basic":
        plain = _decoded(rest)
        found += [plain, plain.partition(":")[2]]
    for part in _PARTS.split(value):
        inner = _ASSIGNED.fullmatch(part)
        found += [each for each in (part, inner[1] if inner else "") if any(map(str.isdecimal, each))]
    yield from (each for each in found if len(each) >= _SHORTEST)


def _decoded(encoded: str) -> str:
    """What Base64 encodes, an empty text if it is none."""
    try:
        return b64decode(encoded.strip()).decode()
    except ValueError:
        return ""


def _looks_like_one(value: str) -> bool:
    if _PARTS.search(value) or _ORDINARY.fullmatch(value):
        return False
    return len(value) >= _LONG or _MIXED.fullmatch(value) is not None
