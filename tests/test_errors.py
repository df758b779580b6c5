from __future__ import annotations

import pytest

from konnect_agent.errors import (
    Candidate,
    ConnectionFailed,
    HttpError,
    InvalidArguments,
    KonnectError,
    NotFound,
    Undecodable,
)

TRACE = "kong:trace:1234567890"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("one\r\ntwo\tthree", "one  two three"),
        ("next\u2028line", "next line"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("half a pair: \ud800", r"half a pair: \ud800"),
        ("clean\x9b2J", r"clean\x9b2J"),
        ("naïve 東京 👩\u200d🚀", "naïve 東京 👩\u200d🚀"),
    ],
)
def test_no_terminal_obeys_an_error_and_its_words_stay(said: str, shown: str) -> None:
    error = KonnectError(said, operation="GetRoute", attempts=2, endpoint="http://localhost/")
    assert str(error) == f"GetRoute: {shown} after 2 attempts (at http://localhost/)"
    assert str(error).encode()
    assert error.message == said


def test_names_the_server_gave_are_harmless_in_the_text_too() -> None:
    candidates = [Candidate("1", "pay\x1b[2Jments", 90.0, "fuzzy")]
    told = str(Undecodable("what is this?", path="$.na\nme", excerpt="\x07"))
    assert "\n" not in told
    assert "\x07" not in told
    assert "\x1b" not in str(NotFound(f"no such thing, but {candidates[0].name}"))


@pytest.mark.parametrize("kind", [KonnectError, NotFound, InvalidArguments, ConnectionFailed])
def test_every_error_can_carry_the_trace_and_says_it(kind: type[KonnectError]) -> None:
    error = kind("no", trace=TRACE)
    assert error.trace == TRACE
    assert str(error) == f"no [{TRACE}]"
    assert kind("no").trace is None


def test_a_trace_that_is_a_token_is_none_to_show() -> None:
    error = HttpError("HTTP 500", status=500, trace="kpat_0123456789")
    assert "kpat_0123" not in f"{error} {error!r} {error.trace}"
