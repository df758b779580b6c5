"""What a summary says in prose: its tables, its JSON, and lines that name one span and its figures.

Summaries may be written for a language model to read. Only what cannot mean anything else is taken: a table
whose columns have names; a line with one documented span name (`kong.access.plugin.acl`, debugger-spans) or
the whole of a request, and percentiles with units or a share of the time. A line that compares, advises or
denies is left alone. Everything becomes the entries that data would have had.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

_LONGEST_TEXT, _LONGEST_LINE = 100_000, 500
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_ROW = re.compile(r"\s*\|(.+)\|\s*")
_RULE = re.compile(r"[\s:|-]*-[\s:|-]*")
_SPAN = re.compile(r"\bkong\.[\w-]+(?:\.[\w-]+)*", re.IGNORECASE)
_WHOLE = re.compile(
    r"\W*(?:overall|total|end-to-end)\s+(?:request\s+)?(?:latency|duration|time)\b", re.IGNORECASE
)
_DOUBTFUL = re.compile(
    r"\b(?:should|would|could|might|may|if|not|no|never|without|target|threshold|goal|budget|limit|slo|sla"
    r"|expected|typical|usually|recommend\w*|reduc\w*|exceed\w*|below|above|under|over|less|more|than|instead)\b"
    r"|[<>≤≥~]",
    re.IGNORECASE,
)
_PERCENT = r"(\d+(?:\.\d+)?)\s*%"
_SHARE = re.compile(
    rf"(?:^\W{{1,4}}|\b(?:takes?|took|accounts? for|share|spends?|consumes?)(?: up| of)?\W{{1,3}}){_PERCENT}"
    r"(?!\s*(?:of\s+(?:(?:all|the)\s+)?(?:samples|traces|requests|errors|calls)|higher|lower|slower|faster))"
    rf"|{_PERCENT}\s+of\s+(?:(?:all|the)\s+)?(?:total|overall|whole|request|time|latency|duration)\b",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"\b(p\d\d|median|mean|average|avg|max)(?:\s+(?:latency|duration|time))?(?:\s*(?:is|was|of|[:=]))?\s*"
    r"(\d[\d,]*(?:\.\d+)?\s*(?:ms|[µμu]s|ns|s|seconds|min|minutes|milliseconds|microseconds))\b",
    re.IGNORECASE,
)


def data_in(text: str) -> list[Any]:
    """The fenced JSON in a text, parsed."""
    found: list[Any] = []
    for block in _FENCED.findall(text[:_LONGEST_TEXT]):
        try:
            found.append(json.loads(block))
        except (ValueError, RecursionError):
            continue
    return found


def entries_in(text: str) -> list[dict[str, Any]]:
    """The entries that a text's tables and lines are: a name, and figures as they are written."""
    lines = text[:_LONGEST_TEXT].splitlines()
    return [*_tables(lines), *filter(None, map(entry_in, lines))]


def entry_in(line: str) -> dict[str, Any] | None:
    """The entry that one line is; None when it is none, or when it could mean something else."""
    line = re.sub(r"[*_`]{1,3}(?=\W|$)|(?<!\w)[*_`]{1,3}", "", line[:_LONGEST_LINE])
    named = span_named(line)
    whole = _WHOLE.match(line)
    start = _SPAN.search(line) or whole
    if start is None or (named is None and whole is None) or _ROW.fullmatch(line):
        return None
    said = line[start.end() :]
    if _DOUBTFUL.search(_SPAN.sub("", line)):
        return None
    share = _SHARE.search(said)
    figures = {found[1].lower(): found[2] for found in _DURATION.finditer(said)}
    if share:
        figures["percent"] = f"{share[1] or share[2]}%"
    return {"name": named or "total", **figures} if figures else None


def span_named(text: str) -> str | None:
    """The one span that a text names."""
    names = {name.lower() for name in _SPAN.findall(text)}
    return names.pop() if len(names) == 1 else None


def _tables(lines: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of Markdown tables, by the names of their columns."""
    for is_row, block in groupby(lines, key=lambda line: bool(_ROW.fullmatch(line[:_LONGEST_LINE]))):
        rows = (
            [[cell.strip(" *`_") for cell in line.strip().strip("|").split("|")] for line in block]
            if is_row
            else []
        )
        if len(rows) > 2 and _RULE.fullmatch("|".join(rows[1])):
            yield from (dict(zip(rows[0], row, strict=False)) for row in rows[2:])
