"""HTML, by jinja2 with autoescape: a fragment for notebooks, a page of its own for files.

Everything printed by the template passes `_clean` before it is escaped; what a template prints without a
filter is one line. There are no links and no scripts, and a page of its own forbids them. Colours follow
the notebook's theme, or the reader's preference for light or dark.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from patterns.report.cleaning import many_lines, one_line
from patterns.report.document import Document
from patterns.report.documents import document_of

if TYPE_CHECKING:
    from patterns.report import AnyReport, Medium

_SENTENCES = 2000


def write(report: AnyReport, medium: Medium) -> str:
    """A report as HTML."""
    return write_document(document_of(report), medium)


def write_document(document: Document, medium: Medium) -> str:
    """Any document as HTML."""
    return _template().render(document=document, standalone=medium.standalone)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("patterns", "report"),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"sentence": _sentence, "verbatim": _verbatim, "width": _width, "kind": _kind}
    return environment.get_template("report.html.j2")


def _clean(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sentence(text: str) -> Markup:
    return escape(one_line(text, limit=_SENTENCES))


def _verbatim(text: str) -> Markup:
    return escape(many_lines(text))


def _width(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.1f}"


def _kind(part: object) -> str:
    return type(part).__name__
