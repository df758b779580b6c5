"""Reads a route's regular expression without running it: which text it requires, and what re2 would misread.

Kong evaluates regexes with Rust's `regex` crate (PCRE in the flavor `traditional`), we with re2. The
syntaxes are close, so one pass over the pattern answers three questions:
1. `required`: literal runs every match contains, for an index (none when there is a top-level `|` or a flag),
   and `prefix`, the one every match starts with;
2. `problem`: constructs that re2 rejects or, worse, accepts with another meaning;
3. `unicode_form`: Rust's \\d, \\w and \\s know all of Unicode, re2's only ASCII. Only a subject outside
   ASCII can tell, so this longer form is kept apart for those; None when it cannot be written.
Source: re2 and Rust `regex` syntax pages (documented).
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

RegexDialect: TypeAlias = Literal["rust", "pcre"]

_TEXT = re.compile(r"[^\\\[\](){}|*+?.^$]+")
_QUANTIFIER = re.compile(r"\{(\d+)(?:,\d*)?\}")
_PLAIN_GROUP = re.compile(r"\(\?(?::|P?<(?![=!])([^>]*)>)")
_WORD = r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}"
_SPACE = r"\s\x{85}\p{Z}"
_WIDE = {"d": r"\p{Nd}", "w": _WORD, "s": _SPACE}


@dataclass(frozen=True, slots=True)
class Syntax:
    """What one pass over a pattern tells. If `unicode_sensitive`, texts outside ASCII need `unicode_form`."""

    required: tuple[str, ...]
    prefix: str
    problem: str | None
    unicode_sensitive: bool
    unicode_form: str | None


def read_syntax(pattern: str, *, dialect: RegexDialect) -> Syntax:
    """Scan `pattern` once. Never raises: whether re2 can compile it at all is for re2 to say."""
    scan = _Scan(pattern, dialect)
    scan.run()
    if dialect == "pcre":
        return Syntax(scan.required(), "", scan.problem, False, pattern)
    wide = None if scan.boundary else "".join(scan.wide)
    return Syntax(scan.required(), scan.prefix(), scan.problem, scan.sensitive, wide)


class _Scan:
    def __init__(self, pattern: str, dialect: RegexDialect) -> None:
        self.pattern, self.rust = pattern, dialect == "rust"
        self.at = self.depth = 0
        self.runs: list[str] = []
        self.current: list[str] = []
        self.wide: list[str] = []
        self.names: set[str] = set()
        self.problem: str | None = None
        self.sensitive = self.boundary = self.no_literals = False

    def required(self) -> tuple[str, ...]:
        return () if self.no_literals else tuple(self.runs)

    def prefix(self) -> str:
        """The text every match starts with; only patterns that start with `^` and a literal have one."""
        literal = self.pattern.startswith("^") and not self.no_literals and self.runs
        return self.runs[0] if literal and self.pattern.startswith("^" + self.runs[0]) else ""

    def run(self) -> None:
        while self.at < len(self.pattern):
            start = self.at
            char = self.pattern[start]
            if char == "\\":
                self._escape(in_class=False)
            elif char == "[":
                self._end_run()
                self._character_class()
            elif text := _TEXT.match(self.pattern, start):
                self._literal(text[0])
                self.wide.append(text[0])
                self.at = text.end()
            else:
                self._plain(char)
                self.wide.append(self.pattern[start : self.at])
        self._end_run()

    def _plain(self, char: str) -> None:
        width = 1
        if char == "(":
            self.depth += 1
            self._end_run()
            if self.pattern.startswith("(?", self.at):
                group = _PLAIN_GROUP.match(self.pattern, self.at)
                self.no_literals |= group is None
                width = len(group[0]) if group else 2
                if group and group[1] is not None:
                    self._name(group[1])
        elif char == ")":
            self.depth -= 1
            self._end_run()
        elif char == "|":
            self.no_literals |= self.depth <= 0
            self._end_run()
        elif char in "*?":
            self._end_run(drop_last=True)
        elif char == "{":
            quantifier = _QUANTIFIER.match(self.pattern, self.at)
            if quantifier:
                width = len(quantifier.group())
            elif self.rust:
                self._report("a brace that is neither escaped nor a repetition")
            self._end_run(drop_last=quantifier is None or int(quantifier[1]) == 0)
        elif char in "+.^$":
            self._end_run()
        else:
            self._literal(char)
        self.at += width

    def _name(self, name: str) -> None:
        if name in self.names:
            self._report(f"two groups named {name}")
        self.names.add(name)

    def _escape(self, *, in_class: bool) -> None:
        """Consume one escape; shorthand classes are widened, everything else is copied."""
        start = self.at
        char = self.pattern[start + 1 : start + 2]
        self.at += 2
        if char in ("x", "p", "P"):
            self._skip_argument(2 if char == "x" else 1)
        copied = self.pattern[start : self.at]
        if char in ("<", ">") and self.rust:
            self._report(f"the word boundary \\{char}")
        if char and not char.isalnum():
            if not in_class:
                self._literal(char)
            self.wide.append(copied)
            return
        self._end_run()
        if char.isdigit():
            self._report("a back-reference")
        elif char in ("Q", "C") and self.rust:
            self._report(f"\\{char}, which the gateway's regex library does not have")
        elif char == "Q":
            self.no_literals = True
        elif char in ("b", "B"):
            self.sensitive = self.boundary = True
        elif char and char in "dwsDWS":
            self.sensitive = True
            copied = self._widened(char, in_class=in_class)
        self.wide.append(copied)

    def _widened(self, char: str, *, in_class: bool) -> str:
        wide = _WIDE[char.lower()]
        if char.islower():
            return wide if in_class else f"[{wide}]"
        if in_class and char != "D":
            self.boundary = True  # a complement inside a class has no unicode form in re2 either
        return r"\P{Nd}" if in_class else f"[^{wide}]"

    def _skip_argument(self, width: int) -> None:
        if self.pattern.startswith("{", self.at):
            close = self.pattern.find("}", self.at)
            self.at = len(self.pattern) if close < 0 else close + 1
        else:
            self.at += width

    def _character_class(self) -> None:
        opening = self.at
        self.at += 2 if self.pattern.startswith("[^", self.at) else 1
        if self.pattern.startswith("]", self.at):
            self.at += 1
        self.wide.append(self.pattern[opening : self.at])
        while self.at < len(self.pattern) and self.pattern[self.at] != "]":
            char = self.pattern[self.at]
            if char == "\\":
                self._escape(in_class=True)
                continue
            named_class_end = self.pattern.find(":]", self.at)
            if self.pattern.startswith("[:", self.at) and named_class_end > 0:
                self.wide.append(self.pattern[self.at : named_class_end + 2])
                self.at = named_class_end + 2
                continue
            if self.rust and (char == "[" or self.pattern[self.at : self.at + 2] in ("&&", "--", "~~")):
                self._report("set operations inside a character class")
            self.wide.append(char)
            self.at += 1
        self.wide.append("]")
        self.at += 1

    def _literal(self, text: str) -> None:
        if self.depth == 0:
            self.current.extend(text)

    def _end_run(self, *, drop_last: bool = False) -> None:
        if drop_last and self.current:
            self.current.pop()
        if self.current:
            self.runs.append("".join(self.current))
        self.current = []

    def _report(self, problem: str) -> None:
        self.problem = self.problem or problem
