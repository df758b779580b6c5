"""Operations as a text tells them: Markdown with a heading for each, or a line for each.

FastMCP writes `### name` with a list of `` - `parameter` (type, required) `` below, or `- name: words` (fact
sheet 1.2, documented). The rest is inferred, and read line by line in one way: what marks a line (a bullet, a
number, hashes, a table's bars, a tag, the word `name:`) is taken off, and so are emphasis and a method; then
comes a name, and behind it nothing, or something that separates. Without any mark only a name of several
words is one. Parameters are read alike, from lists, from tables, and from JSON in a fence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from konnect_agent.decoding import Object, as_object, opened
from konnect_agent.dialects.code_mode.arguments import describes, entry, input_schema, of_entries
from konnect_agent.spelling import words
from konnect_agent.toolbox import Tool

_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*)")
_MARK = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)])\s+")
_LABEL = re.compile(r"(?:name|operation|operation_?id|tool|id)\s*:\s+(?=[\w.:-]+$)", re.IGNORECASE)
_METHOD = re.compile(r"\[?(?:get|post|put|patch|delete)\]?\s+(?=\w)", re.IGNORECASE)
_ENDPOINT = re.compile(r"(GET|POST|PUT|PATCH|DELETE)\s+(/[^\s`)|,;]*)")
_ENTRY = re.compile(r"([A-Za-z_][\w.-]*(?::[\w.-]+)*)(?:$|\s*[:,|\t(]|\s+[-–—→](?=\s)|\s*->)\s*(.*)")
_TAG, _EMPHASIS = re.compile(r"<[^<>]*>"), re.compile(r"\*\*|__(?=\W|$)|(?<!\w)__|`")
_RULE = re.compile(r"\s*\|?\s*:?-{2,}")
_PARAMETER = re.compile(
    r"(\s*)[-*•+]\s+(?:\*\*|__)?(`[^`\n]+`|[A-Za-z_][\w.$\[\]-]*)(?:\*\*|__)?\s*(?:[(:–—-]|$)(.*)"
)
_TAKES = frozenset(("parameters", "arguments", "inputs", "input", "args", "params", "schema"))
_GIVES = frozenset(("returns", "return", "response", "responses", "output", "outputs"))
_NO_NAMES = _TAKES | _GIVES | {"description", "example", "examples", "tools", "operations", "notes"}
_NAMING = frozenset(("name", "parameter", "argument", "field", "input", "param"))
_NONE = re.compile(r"\bno (?:parameters|arguments|inputs?)\b", re.IGNORECASE)
_YES = frozenset(("true", "yes", "required", "y", "x", "✓", "✔", "✅"))


def operations_in(text: str) -> Iterator[Tool]:
    """The operations of a text: of its headings, and of its lines where no heading is about one."""
    lines = text.splitlines()
    heads = [place for place, line in enumerate(lines) if _headed(line)]
    for place, end in zip([None, *heads], [*heads, len(lines)], strict=True):
        head = None if place is None else _headed(lines[place])
        section = lines[0 if place is None else place + 1 : end]
        if head is not None:
            told = next((line.strip() for line in section if line.strip()), "")
            schema = _taken(section)
            yield Tool(head.name, told, schema, endpoint=head.endpoint)
            if schema:
                continue
        yield from filter(None, map(_listed, section, [*section[1:], ""]))


def _headed(line: str) -> Tool | None:
    """The operation that a heading names."""
    heading = _HEADING.match(line)
    found = _named(heading[1]) if heading else None
    return None if found is None or found.name.lower() in _NO_NAMES else found


def _listed(line: str, following: str) -> Tool | None:
    """The operation that a line is about; a table's first line names its columns."""
    bare = _TAG.sub("\t", line).strip() if line.lstrip().startswith("<") else line.strip()
    if bare.startswith("|"):
        cells: list[str] = [] if _RULE.match(line) or _RULE.match(following) else _cells(line)
        found = [each for each in map(_named, cells) if each and not each.description]
        several = [each for each in found if len(words(each.name)) > 1]
        endpoint = next((found for found in map(_endpoint, cells) if found), "")
        told = cells[-1] if len(cells) > 1 else ""
        return next((Tool(each.name, told, endpoint=endpoint) for each in several or found), None)
    mark = _MARK.match(line)
    rest = line[mark.end() :].strip() if mark else bare
    label = _LABEL.match(rest)
    found = _named(rest[label.end() :] if label else rest)
    is_name = found is not None and (mark or label or len(words(found.name)) > 1)
    return found if is_name else None


def _named(told: str) -> Tool | None:
    """The name at the head of what is told, with what is told behind it."""
    bare = _EMPHASIS.sub("", told).strip()
    method = _METHOD.match(bare)
    match = _ENTRY.fullmatch(bare[method.end() :] if method else bare)
    return Tool(match[1], match[2].strip(), endpoint=_endpoint(match[2])) if match else None


def _endpoint(told: str) -> str:
    """The endpoint that words begin with; what stands later in them may be another operation's."""
    endpoint = _ENDPOINT.match(told)
    return f"{endpoint[1]} {endpoint[2]}" if endpoint else ""


def _taken(section: Sequence[str]) -> Object:
    """The schema of what an operation takes; empty where its section does not tell."""
    labels = [_label(line) for line in section]
    end = next((place for place, label in enumerate(labels) if label in _GIVES), len(section))
    start = next((place for place, label in enumerate(labels[:end]) if label in _TAKES), None)
    told = section[:end] if start is None else section[start:end]
    for fenced in _fenced(told):
        item = as_object(opened(fenced))
        if item is not None and describes(item):
            return input_schema(item, item)
    found = {**_in_table(told), **_in_list(told, is_labelled=start is not None)}
    if not found and not any(map(_NONE.search, told)):
        return {}
    return of_entries(found)


def _fenced(lines: Sequence[str]) -> Iterator[str]:
    """What stands between fences."""
    fences = [place for place, line in enumerate(lines) if line.lstrip().startswith("```")]
    for start, end in zip(fences[::2], fences[1::2], strict=False):
        yield "\n".join(lines[start + 1 : end])


def _label(line: str) -> str:
    """The word that a line consists of, whatever it is marked with."""
    return line.strip(" \t#*_:").lower()


def _in_list(lines: Sequence[str], *, is_labelled: bool) -> dict[str, Object]:
    """The parameters of a list, those of its first level; with no label over it, only names in backticks."""
    matches = [match for match in map(_PARAMETER.match, lines) if match]
    named = [match for match in matches if is_labelled or match[2].startswith("`")]
    first = min((len(match[1].expandtabs()) for match in named), default=0)
    return {match[2].strip("`"): entry(match[3]) for match in named if len(match[1].expandtabs()) == first}


def _in_table(lines: Sequence[str]) -> dict[str, Object]:
    """The parameters of a table, whose columns say what is what."""
    found: dict[str, Object] = {}
    columns: dict[str, int] = {}
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if not line.lstrip().startswith("|"):
            columns = {}
        elif _RULE.match(following):
            columns = {cell.lower(): place for place, cell in enumerate(_cells(line))}
        elif columns and not _RULE.match(line):
            row = dict(zip(columns, _cells(line), strict=False))
            name = next((cell for column, cell in row.items() if column in _NAMING), "")
            must = row.get("required", "").lower() in _YES
            told: dict[str, Any] = {**entry(row.get("type", "")), **({"required": True} if must else {})}
            found |= {name: told} if name else {}
    return found


def _cells(line: str) -> list[str]:
    return [_EMPHASIS.sub("", cell).strip() for cell in line.strip().strip("|").split("|")]
