"""The only module that talks to re2, which carries no types.

re2 matches in time linear in the subject, whatever the pattern. Memory is bounded per pattern; what exceeds
the bound, or has constructs re2 does not know, is refused with a reason.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

import re2

from konnect_agent.gateway.paths import encode
from konnect_agent.gateway.regexes.syntax import RegexDialect

PATTERN_MEMORY = 1 << 20
_SET_MEMORY = 32 << 20


class PatternRefused(ValueError):
    """re2 does not take a pattern; the message says why."""


class Found(Protocol):
    """A match."""

    def group(self, number: int, /) -> bytes | None: ...
    def groups(self) -> tuple[bytes | None, ...]: ...
    def groupdict(self) -> dict[bytes, bytes | None]: ...


class Compiled(Protocol):
    """A pattern; `programsize` counts its instructions, about 16 bytes each."""

    @property
    def programsize(self) -> int: ...
    def search(self, text: bytes, /) -> Found | None: ...
    def match(self, text: bytes, /) -> Found | None: ...


class CompiledSet(Protocol):
    """Several patterns searched in one pass; `Match` is the library's own spelling."""

    def Add(self, pattern: bytes, /) -> int: ...
    def Compile(self) -> None: ...
    def Match(self, text: bytes, /) -> list[int] | None: ...


class _Sets(Protocol):
    def SearchSet(self, options: object, /) -> CompiledSet: ...
    def MatchSet(self, options: object, /) -> CompiledSet: ...


class _Library(Protocol):
    @property
    def error(self) -> type[Exception]: ...
    @property
    def Options(self) -> type: ...
    @property
    def Set(self) -> _Sets: ...


_RE2 = cast("_Library", re2)
# The constructor behind compile(), where there is one: compile()'s cache costs more than small patterns do,
# and would keep a customer's patterns alive.
_NEW = cast("Callable[[bytes, object], Compiled]", vars(re2).get("_Regexp", vars(re2)["compile"]))


def _options(dialect: RegexDialect, memory: int) -> object:
    options = _RE2.Options()
    options.log_errors = False
    options.max_mem = memory
    if dialect == "pcre":  # the gateway runs PCRE on bytes
        options.encoding = options.Encoding.LATIN1
    return options


_OPTIONS: Mapping[RegexDialect, object] = {
    "rust": _options("rust", PATTERN_MEMORY),
    "pcre": _options("pcre", PATTERN_MEMORY),
}
_SET_OPTIONS: Mapping[RegexDialect, object] = {
    "rust": _options("rust", _SET_MEMORY),
    "pcre": _options("pcre", _SET_MEMORY),
}


def compile_one(pattern: str, *, dialect: RegexDialect) -> Compiled:
    """One pattern, compiled; raises PatternRefused."""
    try:
        return _NEW(encode(pattern), _OPTIONS[dialect])
    except _RE2.error as refused:
        detail = refused.args[0] if refused.args else ""
        raise PatternRefused(
            detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        ) from None


def compile_set(patterns: Sequence[str], *, dialect: RegexDialect, anchored: bool) -> CompiledSet:
    """Many patterns to be searched together, numbered as they come; raises PatternRefused.

    re2 reports "out of memory" as "nothing matches", so one more pattern, which matches everything, is added
    at the end: an answer without it is none.
    """
    options = _SET_OPTIONS[dialect]
    together = _RE2.Set.MatchSet(options) if anchored else _RE2.Set.SearchSet(options)
    try:
        for pattern in (*patterns, ""):
            together.Add(encode(pattern))
        together.Compile()
    except _RE2.error as refused:
        raise PatternRefused(str(refused)) from None
    return together
