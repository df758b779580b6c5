"""Enough of HCL to read a configuration back: blocks, attributes, objects, lists, literals and references.

Written from HCL's specification and strict about it: a quoted text in which a template begins is an error,
as is everything that is left over.
"""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(
    r'[ \t]*(?:(?P<newline>\n)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)'
    r"|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>[{}\[\]=,]))"
)
_PART = re.compile(
    r"\$\$\{|%%\{|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([nrt\"\\])|\$\{|%\{|\\|[^\\$%]+|[$%]"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
Token = tuple[str, str]


class Reference(str):
    """An expression that is no literal, such as `var.name`."""

    __slots__ = ()


def blocks(text: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """The blocks of a file by type and labels."""
    reader = _Reader(_tokens(text))
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    while reader.skip_newlines().here != ("end", ""):
        kind = reader.take("name")
        labels: list[str] = []
        while reader.here[0] == "text":
            labels.append(_unquoted(reader.take("text")))
        found[(kind, *labels)] = reader.body()
    return found


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0

    @property
    def here(self) -> Token:
        return self._tokens[self._at]

    def take(self, kind: str, sign: str | None = None) -> str:
        found, text = self.here
        assert found == kind, f"{kind} expected, {found} {text!r} found"
        assert sign in (None, text), f"{sign} expected, {text!r} found"
        self._at += 1
        return text

    def skip_newlines(self) -> _Reader:
        while self.here[0] == "newline":
            self._at += 1
        return self

    def body(self) -> dict[str, Any]:
        """Attributes between braces, one on a line; a block inside reads as an attribute."""
        self.take("sign", "{")
        entries: dict[str, Any] = {}
        while self.skip_newlines().here != ("sign", "}"):
            key = _unquoted(self.take("text")) if self.here[0] == "text" else self.take("name")
            assert key not in entries
            if self.here == ("sign", "{"):
                entries[key] = self.body()
            else:
                self.take("sign", "=")
                entries[key] = self.value()
            self.take("newline")
        self.take("sign", "}")
        return entries

    def value(self) -> Any:
        kind, text = self.here
        if (kind, text) == ("sign", "{"):
            return self.body()
        if (kind, text) == ("sign", "["):
            return self._items()
        self._at += 1
        if kind == "text":
            return _unquoted(text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        assert kind == "name", f"a value expected, {text!r} found"
        literals = {"true": True, "false": False, "null": None}
        return literals[text] if text in literals else Reference(text)

    def _items(self) -> list[Any]:
        self.take("sign", "[")
        items: list[Any] = []
        while self.skip_newlines().here != ("sign", "]"):
            items.append(self.value())
            if self.skip_newlines().here != ("sign", "]"):
                self.take("sign", ",")
        self.take("sign", "]")
        return items


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None, f"no HCL: {text[at : at + 40]!r}"
        found.append((match.lastgroup or "", match[match.lastgroup or 0]))
        at = match.end()
    return [*found, ("newline", "\n"), ("end", "")]


def _unquoted(text: str) -> str:
    decoded: list[str] = []
    inside, at = text[1:-1], 0
    while at < len(inside):
        match = _PART.match(inside, at)
        assert match is not None
        part = match[0]
        assert part not in ("${", "%{", "\\"), f"a template or a bad escape in {text}"
        if part in ("$${", "%%{"):
            decoded.append(part[1:])
        elif match[1] or match[2]:
            decoded.append(chr(int(match[1] or match[2], 16)))
        else:
            decoded.append(_ESCAPES[match[3]] if match[3] else part)
        at = match.end()
    return "".join(decoded)
