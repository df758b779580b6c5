"""Every format shows any report, and none lets a server's words become structure."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from patterns.report import FORMATS, Medium, render
from patterns.report.as_markdown import literal
from patterns.workflow import Report

from .samples import reports_of

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "\u202egnp.exe\u2066",
    "[bold red]markup[/] [link=https://evil.example]x[/link] :skull:",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "](https://evil.example) ![x](https://evil.example/p.png) `code` **bold** ~~x~~",
    "| cell | cell |\n|---|---|\n# heading\n- item\n```\nfence\n```\n<details>",
    "````\n```` https://evil.example www.evil.example @everyone",
    "a\nb\r\nc\x00\x07\x7f\x85\u2028\ud800",
    "x" * 100_000,
    "\u0301" * 100,
]
TEXTS = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(HOSTILE[:-2])
PATTERNS = range(6)


def encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("form", FORMATS)
def test_no_control_character_survives_in_any_format(form: str, text: str) -> None:
    for report in reports_of(text):
        written = render(report, form, medium=Medium(standalone=True))
        assert written.endswith("\n")
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", written
        )


@few
@given(TEXTS, st.sampled_from(PATTERNS), st.integers(40, 160))
def test_text_holds_nothing_but_printable_characters_and_keeps_its_width(
    text: str, which: int, width: int
) -> None:
    written = render(reports_of(text)[which], "text", medium=Medium(width=width))
    assert all(line.isprintable() or set(line) & {"\u200c", "\u200d"} for line in written.split("\n"))
    assert max(cell_len(line) for line in written.split("\n")) <= width


def test_text_is_plain_unless_colours_are_asked_for() -> None:
    for report in reports_of("name"):
        plain = render(report, "text", medium=Medium(width=100))
        coloured = render(report, "text", medium=Medium(width=100, colour=True))
        assert "\x1b" not in plain
        assert re.sub(r" *$", "", re.sub(r"\x1b\[[\d;]*m", "", coloured), flags=re.MULTILINE) == plain


def test_rich_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    written = render(reports_of("[bold red]payments[/] :skull:")[1], "text")
    assert "[bold red]payments[/] :skull:" in written


@few
@given(TEXTS.map(encodable), st.sampled_from(PATTERNS))
def test_json_reads_back_as_the_report_itself(text: str, which: int) -> None:
    report = reports_of(text)[which]
    assert json.loads(render(report, "json")) == json.loads(json.dumps(report.model_dump(mode="json")))


def test_json_has_no_numbers_that_json_does_not_have() -> None:
    report = reports_of("x")[0]
    result = report.result.model_copy(update={"summary": {"p50": float("nan"), "all": [float("inf"), 1.5]}})
    written = render(report.model_copy(update={"result": result}), "json")
    summary = json.loads(written, parse_constant=pytest.fail)["result"]["summary"]
    assert summary == {"p50": None, "all": [None, 1.5]}


class Structure(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[Any] = []
        self.names: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def structure(report: Report[Any]) -> Structure:
    page = Structure()
    page.feed(render(report, "html", medium=Medium(standalone=True)))
    page.close()
    return page


@few
@given(TEXTS, st.sampled_from(PATTERNS))
def test_the_structure_of_html_does_not_depend_on_what_a_server_says(text: str, which: int) -> None:
    assert structure(reports_of("x" + text)[which]).tags == structure(reports_of("x")[which]).tags


def test_html_shows_markup_as_text() -> None:
    page = structure(reports_of("<b>bold</b> & {{ 7*7 }}")[1])
    assert "<b>bold</b> & {{ 7*7 }}" in page.text
    assert "b" not in page.names


def test_html_has_no_links_scripts_or_images() -> None:
    for report in reports_of("x"):
        tags = structure(report).names
        assert tags.isdisjoint({"a", "script", "img", "iframe", "link", "form", "object", "svg"})


def test_a_notebook_gets_a_fragment_and_a_file_a_page() -> None:
    report = reports_of("x")[0]
    assert report._repr_html_() == render(report, "html")  # pyright: ignore[reportPrivateUsage]
    assert render(report, "html").startswith('<div class="konnect-report">')
    page = render(report, "html", medium=Medium(standalone=True))
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'" in page


def markdown(report: Report[Any]) -> list[tuple[str, list[str]]]:
    """The block structure, and what stands inside apart from plain text."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [
        (token.type, [child.type for child in token.children or () if not child.type.startswith("text")])
        for token in reader.parse(render(report, "markdown"))
    ]


@few
@given(TEXTS, st.sampled_from(PATTERNS))
def test_the_structure_of_markdown_does_not_depend_on_what_a_server_says(text: str, which: int) -> None:
    assert markdown(reports_of("x" + text)[which]) == markdown(reports_of("x")[which])


@pytest.mark.parametrize(
    "text",
    ["- x", "+ x", "* x", "1. x", "23) x", "# x", "> x", "--- ", "===", "```", "~~~", "    x", "|x|",
     "[x]: y", "_x_", "__x__", "a_ _b", "<b>", "&lt;",
     "www.x.example", "https://x.example", ":smile:", "$x$", "#12"],
)  # fmt: skip
@pytest.mark.parametrize("which", PATTERNS)
def test_no_beginning_of_a_text_means_anything_in_markdown(text: str, which: int) -> None:
    assert markdown(reports_of(text)[which]) == markdown(reports_of("x")[which])


def test_markdown_is_readable_as_it_is() -> None:
    text = "plugin rate-limiting_2.0 (on partners.orders), 10:53"
    assert literal(text) == text


def test_addresses_and_emoji_stay_text_in_markdown() -> None:
    assert (
        literal("www.x.example https://x.example :smile:") == "www\\.x.example https\\://x.example \\:smile:"
    )


def test_markdown_mentions_nobody() -> None:
    assert "@everyone" not in render(reports_of("@everyone")[1], "markdown")


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="text, json, markdown, html"):
        render(reports_of("x")[0], "sarif")
