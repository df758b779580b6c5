"""The data written in a text: JSON, in whatever dress servers put it.

1. The text is JSON and nothing else, fenced or not: an object, a list, a quoted string, null.
2. Or one document after the other (NDJSON), which make one list.
3. Or Python's notation (`{'id': None}`): code mode writes bodies so (fact sheet 1.2), and so does `str()`.
4. Or documents among prose, each at the head of a line or after a colon: `among_prose`.
`rewritten` finds them anywhere, for whoever has to see all of them rather than what a text is about.

Broken JSON is neither repaired nor stepped over: a part of a list would pass for the whole of it. A text is
read from front to back once in each notation, however long and however odd it is.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable
from typing import Any, cast

_DECODER = json.JSONDecoder()
_FENCE, _FENCES = re.compile(r"\A```\w*|```\Z"), re.compile(r"```\w*")
_FIRST, _LAST = ("{", "[", '"'), ("}", "]", '"')
_NEXT = re.compile(r"\s*+(?=[\[{])")
_PYTHON = re.compile(  # a string without an end reaches to the end of the text, so that none is read twice
    r"'[^'\\]*+(?:\\.[^'\\]*+)*+'?|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"?|\b(?:True|False|None)\b", re.DOTALL
)
_PYTHONS_OWN = ("'", "T", "F", "N", "\\")  # where JSON stumbles over Python
_CONSTANTS = {"True": "true", "False": "false", "None": "null"}
_OPENING = re.compile(  # of an object or a list: at the head of a line, an item or a fence, or after a colon
    r"(?:\A|[\n:])[ \t\r]*+(?:[-*•]|\d{1,6}[.)])?[ \t`]*+(?=\[\s*+[\[{\"'\]]|\{\s*+[\"'}])"
)
_MORE = re.compile(r"\[\s*+[\[{]|\{\s*+[\"']")
_CONTAINER = re.compile(r"[\[{]\s*+[\[{\"']")
_TOKEN = re.compile(  # a string, its quotes escaped or not, or a bracket
    r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|(?P<quote>\\+[\"']).*?(?<!\\)(?P=quote)|[\[{\]}]", re.DOTALL
)
_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}
_MOST_READ = 16  # times the length of a text, where nearly all of it is broken
_FIELD = re.compile(r"^[ \t]*+[\w-]{1,40}[ \t]*+:[ \t]*+\S", re.MULTILINE)


def parsed(text: str) -> Any:
    """The data a text is; the same `text` when it is anything else."""
    stripped = text.strip().lstrip("\ufeff").lstrip()
    if stripped.startswith("```"):
        stripped = _FENCE.sub("", stripped).strip()
    if stripped == "null":
        return None
    if not (stripped.startswith(_FIRST) and stripped.endswith(_LAST)):
        return text
    try:
        return _all_of(stripped)
    except (ValueError, RecursionError):
        return text


def among_prose(text: str) -> tuple[Any, str] | None:
    """The data in a text that also talks, and its prose, with … for the data; None for any other text.

    Data that cannot be read, or stands anywhere else, leaves it alone, and so does an object written out line
    by line (`name: users`): what stands in one of its fields is not what the text is about.
    """
    found: list[Any] = []
    said: list[str] = []
    done = 0
    try:
        while opening := _OPENING.search(text, done):
            said.append(text[done : opening.end()])
            value, done, text = _document(text, opening.end())
            found.append(value)
    except (ValueError, RecursionError):
        return None
    prose = _FENCES.sub("", "…".join((*said, text[done:]))).strip()
    if not found or _MORE.search(prose) or len(_FIELD.findall(prose)) > 1:
        return None
    return _one(found), prose


def closed(text: str, start: int) -> int:
    """Where the bracket at `start` is closed again; the end of `text` if it is not."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += _DEEPER.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(text)


def rewritten(text: str, change: Callable[[Any], Any]) -> str:
    """`text` with all data in it changed, wherever it stands: what `change` makes something else of, as JSON.

    It can be read where it could be before. Data that is cut off is none, but what is whole inside it is.
    """
    if text.lstrip().startswith('"') and isinstance(inner := parsed(text), str) and inner is not text:
        told = rewritten(inner, change)
        return text if told == inner else json.dumps(told, ensure_ascii=False)
    kept: list[str] = []
    done, place, patience = 0, 0, _MOST_READ * len(text)
    while patience > 0 and (opening := _CONTAINER.search(text, place)):
        start, end = opening.start(), closed(text, opening.start())
        written = text[start:end]
        data = parsed(written)
        if data is written:
            place, patience = start + 1, patience - len(written)
            continue
        place, changed = end, change(data)
        if changed != data:
            indent = 1 if "\n" in written else None  # what began a line does so again
            kept += text[done:start], json.dumps(changed, ensure_ascii=False, indent=indent)
            done = end
    return "".join((*kept, text[done:]))


def _all_of(text: str) -> Any:
    """The documents that make up the whole of `text`. Raises `ValueError` when there is anything else."""
    value, end, text = _document(text, 0)
    found = [value]
    while end < len(text):
        following = _NEXT.match(text, end)
        if following is None or isinstance(value, str):
            raise ValueError("there is more than data in the text")
        value, end, text = _document(text, following.end())
        found.append(value)
    return _one(found)


def _document(text: str, start: int) -> tuple[Any, int, str]:
    """The document that begins at `start`, where it ends, and `text`: from there on JSON, if it was Python's.

    Raises `ValueError` for what is neither JSON nor Python's notation, `RecursionError` for what is too deep.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        if text[error.pos : error.pos + 1] not in _PYTHONS_OWN:
            raise
        text = text[:start] + _from_python(text[start:])
        value, end = _DECODER.raw_decode(text, start)
    if "\\ud" in text[start:end].lower():  # half a surrogate pair is legal JSON, and breaks whoever prints it
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value, end, text


def _one(found: list[Any]) -> Any:
    """One document as it is; several as one list of what is in them."""
    if len(found) == 1:
        return found[0]
    lists = (cast("list[Any]", value) if isinstance(value, list) else [value] for value in found)
    return [entry for entries in lists for entry in entries]


def _from_python(text: str) -> str:
    """Python's notation as JSON, string by string; what is no Python stays as it is, and will not parse."""
    with warnings.catch_warnings(action="ignore"):  # of the compiler, about escapes nobody knows
        return _PYTHON.sub(_in_json, text)


def _in_json(match: re.Match[str]) -> str:
    """A string or constant of Python as JSON writes it."""
    word = match[0]
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if len(word) < 2 or word[-1] != word[0]:
        return word
    if "\\" in word:
        try:
            return json.dumps(ast.literal_eval(word))
        except (ValueError, SyntaxError):
            return word
    inner = word[1:-1]
    return json.dumps(inner) if '"' in inner else f'"{inner}"'
