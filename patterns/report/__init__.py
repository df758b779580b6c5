"""How reports look. `render(report, format)` writes any report in any format.

    documents/     report -> document: blocks that know no format (one file per pattern)
    as_*.py        document or report -> text of one format (one file and one line of FORMATS each)
    fitting.py     tables for terminals of any width
    cleaning.py    what a server sent -> text that may be shown

Formats are loaded when first used, so that none costs anything before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from patterns.regions import RegionsReport
    from patterns.workflow import Report

AnyReport: TypeAlias = "Report[Any] | RegionsReport[Any]"
FORMATS = {"text": "as_text", "json": "as_json", "markdown": "as_markdown", "html": "as_html"}


@dataclass(frozen=True, slots=True)
class Medium:
    """What a rendering is made for: `width` in columns, colours or none, a page of its own or part of one."""

    width: int = 120
    colour: bool = False
    standalone: bool = False


def render(report: AnyReport, format: str, *, medium: Medium | None = None) -> str:  # noqa: A002
    """`report` in one of `FORMATS`, ending with a line break. Raises `ValueError` for any other."""
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}; there are {', '.join(FORMATS)}")
    write: Callable[[AnyReport, Medium], str] = import_module(f"{__name__}.{FORMATS[format]}").write
    return write(report, medium or Medium())
