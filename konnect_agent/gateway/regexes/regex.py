"""A route's regular expression, evaluated as the gateway's library would, or not at all.

What re2 cannot take, or would read differently (see `syntax`), becomes a `problem`, and questions about
it are answered with None ("undecidable") instead of a guess. Memory is bounded twice: for one pattern (see
`re2_binding`) and, by `TABLE_INSTRUCTIONS`, for all patterns of a routing table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from konnect_agent.gateway.paths import decode, encode
from konnect_agent.gateway.regexes.forms import re2_form, unicode_form
from konnect_agent.gateway.regexes.re2_binding import Compiled, Found, PatternRefused, compile_one
from konnect_agent.gateway.regexes.syntax import RegexDialect, is_malformed, read_syntax

TABLE_INSTRUCTIONS = 4_000_000  # about 64 MB of compiled programs


@dataclass(frozen=True, slots=True)
class Captured:
    """A successful search: the matched text, and the groups that took part, by number and by name.

    `count` says how many numbered groups the pattern has, whether they took part or not.
    """

    text: str
    groups: Mapping[int | str, str]
    count: int


class Regex:
    """One pattern. `anchored` searches match at the start only, as PCRE's anchored option does.

    `problem` says why it cannot be evaluated here; a `malformed` one the gateway's library rejects as well.
    """

    __slots__ = (
        "_compiled",
        "_wide",
        "anchored",
        "dialect",
        "form",
        "malformed",
        "pattern",
        "problem",
        "size",
        "syntax",
    )

    def __init__(self, pattern: str, *, dialect: RegexDialect = "rust", anchored: bool = False) -> None:
        self.pattern, self.anchored = pattern, anchored
        self.dialect: RegexDialect = dialect
        self.syntax = read_syntax(pattern, dialect=dialect)
        self.form = re2_form(pattern, dialect=dialect)
        self.problem = self.syntax.problem
        self.malformed = self.syntax.malformed
        self._compiled: Compiled | None = None
        self._wide: Compiled | None = None
        self.size = 0
        if self.problem is None:
            try:
                self._compiled = compile_one(self.form, dialect=dialect)
                self.size = self._compiled.programsize
            except PatternRefused as refused:
                self.problem = str(refused)
                self.malformed = dialect == "rust" and is_malformed(pattern, self.problem)

    def give_up(self, problem: str) -> None:
        """Release the program and answer every later question with "undecidable"."""
        self.problem, self._compiled, self.size = problem, None, 0

    def search(self, text: str) -> Captured | None:
        """The first match in `text`. None also when undecidable: ask `test`."""
        compiled = self._for(text)
        found = None if compiled is None else self._run(compiled, encode(text))
        if found is None:
            return None
        numbered = found.groups()
        groups: dict[int | str, str] = {0: decode(found.group(0) or b"")}
        groups.update((n, decode(value)) for n, value in enumerate(numbered, 1) if value is not None)
        groups.update(
            (decode(n), decode(value)) for n, value in found.groupdict().items() if value is not None
        )
        return Captured(groups[0], groups, len(numbered))

    def test(self, text: str) -> bool | None:
        """Whether `text` contains a match; None when undecidable."""
        compiled = self._for(text)
        return None if compiled is None else self._run(compiled, encode(text)) is not None

    def _for(self, text: str) -> Compiled | None:
        """The program for this text: Rust's shorthand classes are wider than re2's outside ASCII."""
        if self.dialect == "pcre" or not self.syntax.sensitive or text.isascii() or self._compiled is None:
            return self._compiled
        if self._wide is None and (form := unicode_form(self.pattern)) is not None:
            try:
                self._wide = compile_one(form, dialect=self.dialect)
            except PatternRefused:
                return None
        return self._wide

    def _run(self, compiled: Compiled, data: bytes) -> Found | None:
        run = compiled.match if self.anchored else compiled.search
        found = run(data)
        if found is None and self.dialect == "pcre" and self.syntax.sensitive and data.endswith(b"\n"):
            return run(data[:-1])  # PCRE's `$` also holds before a newline at the end
        return found


def bound_memory(regexes: Sequence[Regex]) -> None:
    """Give up on patterns, in order, once the table's programs together exceed `TABLE_INSTRUCTIONS`."""
    total = 0
    for regex in regexes:
        total += regex.size
        if total > TABLE_INSTRUCTIONS:
            total -= regex.size
            regex.give_up("the patterns of this routing table together need too much memory")
