"""Reads a route's regular expression without running it: which text it requires, and what re2 would misread.

Kong evaluates regexes with Rust's `regex` crate (PCRE in the flavor `traditional`), we with re2. The
syntaxes are close, so one pass over the pattern answers three questions:
1. `required`: literal runs every match contains, for an index (none when there is a top-level `|` or a flag),
   and `prefix`, the one every match starts with;
2. `problem`: constructs that re2 rejects or, worse, accepts with another meaning;
3. `sensitive`: whether some texts need care (see `forms` and `regex`).
What is no regex for Rust either is `malformed`: of that, the gateway's answer is known.
Source: the syntax pages of re2, Rust's `regex` and PCRE2 (documented), compared on random patterns.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

RegexDialect: TypeAlias = Literal["rust", "pcre"]

_TEXT = re.compile(r"[^\\\[\](){}|*+?.^$]+")
_QUANTIFIER = re.compile(r"\{(\d+)(?:,\d*)?\}")
_PLAIN_GROUP = re.compile(r"\(\?(?::|P?<(?![=!])([^>]*)>)")
_NUMBERS_IN_BRACES = re.compile(r"\{[\d\s,]*\}")  # some of these are repetitions to newer versions of Rust's
_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")  # comments and spaces: what is read here is not what is meant
_MALFORMED = re.compile(
    r"missing [)\]]: |unexpected \): |no argument for repetition operator: |trailing \\"
    r"|invalid character class range: [a-zA-Z0-9]-[a-zA-Z0-9]$"
)
_NEW_QUANTIFIER = re.compile(r"\{[\d\s,]+\}")  # with spaces or without a minimum: PCRE2 10.43 and later


@dataclass(frozen=True, slots=True)
class Syntax:
    """What one pass over a pattern tells.

    `sensitive` patterns need care with some texts: Rust's shorthand classes outside ASCII, PCRE's `$` before
    a newline at the end.
    """

    required: tuple[str, ...]
    prefix: str
    problem: str | None
    malformed: bool
    sensitive: bool


def read_syntax(pattern: str, *, dialect: RegexDialect) -> Syntax:
    """Scan `pattern` once. Never raises: whether re2 can compile it at all is for re2 to say."""
    scan = _Scan(pattern, dialect)
    scan.run()
    if dialect == "pcre":
        return Syntax(scan.required(), "", scan.problem, False, "$" in pattern)
    malformed = scan.malformed and _VERBOSE.search(pattern) is None
    return Syntax(scan.required(), scan.prefix(), scan.problem, malformed, scan.sensitive)


def is_malformed(pattern: str, refusal: str) -> bool:
    """Whether what re2 says of a pattern holds for Rust's `regex` as well, which rejects it then."""
    return _MALFORMED.match(refusal) is not None and _VERBOSE.search(pattern) is None


class _Scan:
    def __init__(self, pattern: str, dialect: RegexDialect) -> None:
        self.pattern, self.rust = pattern, dialect == "rust"
        self.at = self.depth = 0
        self.runs: list[str] = []
        self.current: list[str] = []
        self.names: set[str] = set()
        self.problem: str | None = None
        self.sensitive = self.no_literals = self.malformed = False

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
                self.at = text.end()
            else:
                self._plain(char)
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
            elif self.rust or _NEW_QUANTIFIER.match(self.pattern, self.at):
                escaped = self.pattern[max(self.at - 2, 0)] == "\\"  # `\u{e9}`, `\b{start}`
                self.malformed |= not (
                    self.problem or escaped or _NUMBERS_IN_BRACES.match(self.pattern, self.at)
                )
                self._report("a brace that is neither escaped nor a repetition re2 knows")
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
        """Consume one escape."""
        char = self.pattern[self.at + 1 : self.at + 2]
        self.at += 2
        if char in ("x", "p", "P"):
            self._skip_argument(2 if char == "x" else 1)
        if char in ("<", ">") and self.rust:
            self._report(f"the word boundary \\{char}")
        if char and not char.isalnum():
            if not in_class:
                self._literal(char)
            return
        self._end_run()
        if char.isdigit():
            self._report("a back-reference")
        elif char in ("C", "Q" if self.rust else "v"):
            self._report(f"\\{char}, which the gateway's regex library does not have or reads otherwise")
        elif char == "Q":
            self.no_literals = True
        elif char and char in "bBdwsDWS":
            self.sensitive = True

    def _skip_argument(self, width: int) -> None:
        if self.pattern.startswith("{", self.at):
            close = self.pattern.find("}", self.at)
            self.at = len(self.pattern) if close < 0 else close + 1
        else:
            self.at += width

    def _character_class(self) -> None:
        self.at += 2 if self.pattern.startswith("[^", self.at) else 1
        if self.pattern.startswith("]", self.at):
            self.at += 1
        while self.at < len(self.pattern) and self.pattern[self.at] != "]":
            char = self.pattern[self.at]
            if char == "\\":
                self._escape(in_class=True)
                continue
            named_class_end = self.pattern.find(":]", self.at)
            if self.pattern.startswith("[:", self.at) and named_class_end > 0:
                self.at = named_class_end + 2
                continue
            if self.rust and (char == "[" or self.pattern[self.at : self.at + 2] in ("&&", "--", "~~")):
                self._report("set operations inside a character class")
            self.at += 1
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
