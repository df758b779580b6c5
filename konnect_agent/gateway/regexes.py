"""The only module that talks to re2: compiled regexes, and one search over many of them at once.

re2 matches in time linear in the subject, whatever the pattern; what it cannot take becomes a `problem`,
and questions about it are answered with None ("undecidable") instead of a guess. Memory is bounded twice:
`PATTERN_MEMORY` for one pattern, `TABLE_INSTRUCTIONS` for all patterns of a routing table.
`RegexIndex` answers "which of these 10,000 match": a pattern is filed under the rarest short text it
requires, so most are never looked at; patterns under one text are searched together as an re2 set.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import re2

from konnect_agent.gateway.regex_syntax import RegexDialect, read_syntax

PATTERN_MEMORY = 1 << 20
TABLE_INSTRUCTIONS = 4_000_000  # about 64 MB of compiled programs
_SET_MEMORY = 32 << 20
_SET_SIZE = 256
_SET_INSTRUCTIONS = 40_000
_GRAM = 5  # longer texts to file under are hardly rarer and cost a lookup per position


class _Found(Protocol):
    def group(self, number: int, /) -> bytes | None: ...
    def groups(self) -> tuple[bytes | None, ...]: ...
    def groupdict(self) -> dict[bytes, bytes | None]: ...


class _Compiled(Protocol):
    @property
    def programsize(self) -> int: ...
    def search(self, text: bytes, /) -> _Found | None: ...
    def match(self, text: bytes, /) -> _Found | None: ...


class _Set(Protocol):  # the library's own spelling
    def Add(self, pattern: bytes, /) -> int: ...
    def Compile(self) -> None: ...
    def Match(self, text: bytes, /) -> list[int] | None: ...


class _Sets(Protocol):
    def SearchSet(self, options: object, /) -> _Set: ...
    def MatchSet(self, options: object, /) -> _Set: ...


class _Library(Protocol):
    """re2's module, which carries no types."""

    @property
    def error(self) -> type[Exception]: ...
    @property
    def Options(self) -> type: ...
    @property
    def Set(self) -> _Sets: ...


_RE2 = cast("_Library", re2)
# The constructor behind compile(), where there is one: compile()'s cache costs more than small patterns do,
# and would keep a customer's patterns alive.
_NEW = cast("Callable[[bytes, object], _Compiled]", vars(re2).get("_Regexp", vars(re2)["compile"]))


@dataclass(frozen=True, slots=True)
class Captured:
    """A successful search: the matched text, and the groups that took part, by number and by name."""

    text: str
    groups: Mapping[int | str, str]


def encode(text: str) -> bytes:
    """The bytes of a request text; undecodable ones were kept as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """The inverse of `encode`."""
    return data.decode("utf-8", "surrogateescape")


class Regex:
    """One pattern. `anchored` searches match at the start only, as PCRE's anchored option does."""

    __slots__ = ("_compiled", "_wide", "anchored", "dialect", "pattern", "problem", "size", "syntax")

    def __init__(self, pattern: str, *, dialect: RegexDialect = "rust", anchored: bool = False) -> None:
        self.pattern, self.anchored = pattern, anchored
        self.dialect: RegexDialect = dialect
        self.syntax = read_syntax(pattern, dialect=dialect)
        self.problem = self.syntax.problem
        self._compiled: _Compiled | None = None
        self._wide: _Compiled | None = None
        self.size = 0
        if self.problem is None:
            try:
                self._compiled = _compile(pattern, dialect)
                self.size = self._compiled.programsize
            except _RE2.error as refused:
                self.problem = _reason(refused)

    def give_up(self, problem: str) -> None:
        """Release the program and answer every later question with "undecidable"."""
        self.problem, self._compiled, self.size = problem, None, 0

    def search(self, text: str) -> Captured | None:
        """The first match in `text`. None also when undecidable: ask `decides` first."""
        compiled = self._for(text)
        if compiled is None:
            return None
        data = encode(text)
        found = compiled.match(data) if self.anchored else compiled.search(data)
        if found is None:
            return None
        whole = found.group(0) or b""
        groups: dict[int | str, str] = {0: decode(whole)}
        for number, value in enumerate(found.groups(), start=1):
            if value is not None:
                groups[number] = decode(value)
        for name, value in found.groupdict().items():
            if value is not None:
                groups[decode(name)] = decode(value)
        return Captured(decode(whole), groups)

    def test(self, text: str) -> bool | None:
        """Whether `text` contains a match; None when undecidable."""
        compiled = self._for(text)
        if compiled is None:
            return None
        data = encode(text)
        return (compiled.match(data) if self.anchored else compiled.search(data)) is not None

    def _for(self, text: str) -> _Compiled | None:
        if not self.syntax.unicode_sensitive or text.isascii() or self._compiled is None:
            return self._compiled
        if self._wide is None and self.syntax.unicode_form is not None:
            try:
                self._wide = _compile(self.syntax.unicode_form, self.dialect)
            except _RE2.error:
                return None
        return self._wide


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


def _compile(pattern: str, dialect: RegexDialect) -> _Compiled:
    return _NEW(encode(pattern), _OPTIONS[dialect])


def _reason(refused: Exception) -> str:
    detail = refused.args[0] if refused.args else ""
    return detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)


def bound_memory(regexes: Sequence[Regex]) -> None:
    """Give up on patterns, in order, once the table's programs together exceed `TABLE_INSTRUCTIONS`."""
    total = 0
    for regex in regexes:
        total += regex.size
        if total > TABLE_INSTRUCTIONS:
            total -= regex.size
            regex.give_up("the patterns of this routing table together need too much memory")


class RegexIndex:
    """Which of many regexes match one text. All must share a dialect and anchoring; problems are left out."""

    __slots__ = ("_buckets", "_lengths", "_sensitive", "_unfiled")

    def __init__(self, regexes: Sequence[Regex]) -> None:
        usable = [number for number, regex in enumerate(regexes) if regex.problem is None]
        self._sensitive = [(n, regexes[n]) for n in usable if regexes[n].syntax.unicode_sensitive]
        filed = _rarest_grams(regexes, usable)
        buckets: dict[str, list[int]] = {}
        for number, gram in zip(usable, filed, strict=True):
            buckets.setdefault(gram, []).append(number)
        self._unfiled = _Together.of(regexes, buckets.pop("", []))
        self._buckets = {gram: _Together.of(regexes, numbers) for gram, numbers in buckets.items()}
        self._lengths = sorted({len(gram) for gram in buckets})

    def matching(self, text: str) -> list[int]:
        """Numbers of the regexes that match `text`, in no particular order."""
        data = encode(text)
        groups = list(self._unfiled)
        for length in self._lengths:
            grams = {text[at : at + length] for at in range(len(text) - length + 1)}
            for gram in grams & self._buckets.keys():
                groups.extend(self._buckets[gram])
        hits = [number for group in groups for number in group.matching(data)]
        if not text.isascii():
            missed = {number for number, regex in self._sensitive if regex.test(text)}
            sensitive = {number for number, _ in self._sensitive}
            hits = [number for number in hits if number not in sensitive] + sorted(missed)
        return hits


def _grams(regex: Regex) -> Iterator[str]:
    for run in regex.syntax.required:
        width = min(len(run), _GRAM)
        for at in range(len(run) - width + 1):
            yield run[at : at + width]


def _rarest_grams(regexes: Sequence[Regex], usable: Sequence[int]) -> list[str]:
    counts = Counter(gram for number in usable for gram in set(_grams(regexes[number])))
    return [
        min(_grams(regexes[number]), key=lambda gram: (counts[gram], -len(gram)), default="")
        for number in usable
    ]


class _Together:
    """A few regexes searched in one pass; falls back to one by one if re2 cannot hold them together."""

    __slots__ = ("_numbers", "_regexes", "_set")

    def __init__(self, regexes: Sequence[Regex], numbers: Sequence[int]) -> None:
        self._numbers, self._regexes = numbers, [regexes[number] for number in numbers]
        self._set: _Set | None = None
        if len(numbers) > 1:
            self._set = _compile_set(self._regexes)

    @classmethod
    def of(cls, regexes: Sequence[Regex], numbers: Sequence[int]) -> "list[_Together]":
        groups: list[_Together] = []
        chunk: list[int] = []
        instructions = 0
        for number in numbers:
            if chunk and (len(chunk) >= _SET_SIZE or instructions > _SET_INSTRUCTIONS):
                groups.append(cls(regexes, chunk))
                chunk, instructions = [], 0
            chunk.append(number)
            instructions += regexes[number].size
        if chunk:
            groups.append(cls(regexes, chunk))
        return groups

    def matching(self, data: bytes) -> list[int]:
        if self._set is not None:
            hits = self._set.Match(data) or ()
            # re2 reports "out of memory" as "nothing matches", so the set's last pattern matches everything.
            if len(self._numbers) in hits:
                return [self._numbers[hit] for hit in hits if hit < len(self._numbers)]
        text = decode(data)
        return [n for n, regex in zip(self._numbers, self._regexes, strict=True) if regex.test(text)]


def _compile_set(regexes: Sequence[Regex]) -> _Set | None:
    options = _SET_OPTIONS[regexes[0].dialect]
    anchored = regexes[0].anchored
    together = _RE2.Set.MatchSet(options) if anchored else _RE2.Set.SearchSet(options)
    try:
        for regex in regexes:
            together.Add(encode(regex.pattern))
        together.Add(b"")
        together.Compile()
    except _RE2.error:
        return None
    return together
