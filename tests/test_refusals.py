"""Every error form of Kong's documents: problem bodies, older ones, the retired server's, code mode's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from konnect_agent.errors import (
    Forbidden,
    HttpError,
    InvalidArguments,
    KonnectError,
    McpAccessDisabled,
    NotFound,
    RateLimited,
    ServerError,
    ToolError,
    ToolUnavailable,
    Unauthorized,
)
from konnect_agent.refusals import hidden_error, http_error, refusal, retry_after_seconds

TRACE = "kong:trace:1234567890"


def problem(status: int, title: str, detail: str) -> dict[str, Any]:
    return {"status": status, "title": title, "instance": TRACE, "detail": detail}


PROBLEMS = [
    (problem(401, "Unauthenticated", "A valid token is required"), Unauthorized),
    (problem(403, "Permission denied", "You do not have permission to perform this action"), Forbidden),
    (problem(403, "Forbidden", "access denied: MCP is switched off"), McpAccessDisabled),
    (problem(404, "Not Found", "no such control plane"), NotFound),
    (problem(409, "Conflict", "still in_progress"), HttpError),
    (problem(429, "Rate Limited", "Too many requests"), RateLimited),
    (problem(500, "Internal Error", "An unexpected error occurred"), ServerError),
    (problem(503, "Service Unavailable", "permissions could not be read"), ServerError),
]


def execute(cause: str) -> str:
    return f"Error calling tool 'execute': {cause}"


def operation(cause: str) -> str:
    return execute(f"Exception: Error calling tool 'list_service': {cause}")


@pytest.mark.parametrize(("body", "expected"), PROBLEMS)
def test_a_problem_body_becomes_its_class_with_detail_and_trace(
    body: dict[str, Any], expected: type[KonnectError]
) -> None:
    for error in (
        http_error(body["status"], json.dumps(body)),
        http_error(body["status"], json.dumps(body).encode()),
        refusal(json.dumps(body), body),
        hidden_error(body),
        hidden_error({"result": body}),
        hidden_error({"result": json.dumps(body)}),
        hidden_error(json.dumps(body)),
    ):
        assert type(error) is expected
        assert body["detail"] in str(error)
        assert TRACE in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "No API key found in request", "status": 401}, "No API key found in request"),
        ({"message": "Unauthorized"}, "Unauthorized"),
        ({"title": "Unauthenticated"}, "Unauthenticated"),
        ({"error": {"message": "token expired"}}, "token expired"),
        ("plain words", "plain words"),
        ("<!doctype html><title>Sign in</title>", "HTML page"),
        (b"\xff\xfe", "HTTP 401"),
        (None, "HTTP 401"),
        ("", "HTTP 401"),
        ({}, "HTTP 401"),
    ],
)
def test_older_bodies_and_none_at_all_still_say_what_they_can(body: Any, words: str) -> None:
    error = http_error(401, body)
    assert isinstance(error, Unauthorized)
    assert words in error.message


def test_invalid_parameters_are_listed() -> None:
    parameter = {
        "field": "time_range.time_range",
        "rule": "unknown_property",
        "reason": "is not one of 15M, 1H",
    }
    body = {**problem(400, "Invalid Request", "Invalid Parameters"), "invalid_parameters": [parameter, "?"]}
    error = http_error(400, body)
    assert isinstance(error, InvalidArguments)
    assert "time_range.time_range: is not one of 15M, 1H" in str(error)


def test_a_refused_connection_points_at_the_organisation_switch() -> None:
    assert isinstance(http_error(403, "", connecting=True), McpAccessDisabled)
    assert "AI Settings" in http_error(403, "", connecting=True).hint


def test_retry_after_travels_with_the_error() -> None:
    error = http_error(503, None, retry_after=7.0, request_id="r-1")
    assert isinstance(error, ServerError)
    assert (error.retry_after, error.request_id) == (7.0, "r-1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            operation("HTTP error 404: Not Found - {'message': 'Not found', 'code': None, 'ok': False}"),
            NotFound,
        ),
        (
            operation("HTTP error 429: Too Many Requests - {'status': 429, 'detail': 'Too many requests'}"),
            RateLimited,
        ),
        (
            operation('HTTP error 401: Unauthorized - {"message": "Unauthorized", "status": 401}'),
            Unauthorized,
        ),
        (operation("HTTP error 403: Forbidden - {'detail': 'Permission denied'}"), Forbidden),
        (operation("HTTP error 502: Bad Gateway - <html>upstream</html>"), ServerError),
        (operation("HTTP error 400: Bad Request - {'detail': 'Invalid Parameters'}"), InvalidArguments),
        (operation("HTTP error 409: Conflict - "), HttpError),
        (operation("HTTP request timed out (ReadTimeout)"), ServerError),
        (operation("Request error (ConnectError): all attempts failed"), ServerError),
        (execute("Exception: Unknown tool: list_servces"), ToolUnavailable),
        (execute("Exception: Unknown tool: search"), ToolUnavailable),
        ("Unknown tool: 'GetControlPlane'", ToolUnavailable),
        (execute("KeyError: 'missing'"), ToolError),
        (execute("ZeroDivisionError: division by zero"), ToolError),
        (execute("Expected ')', found newline at byte range 12..13"), ToolError),
        (execute("TimeoutError: time limit exceeded: 30.0s"), ToolError),
        (execute("MemoryError: memory limit exceeded: 104857600"), ToolError),
        (execute("RuntimeError: Tool call limit exceeded: at most 50 calls"), ToolError),
        (execute("RecursionError: maximum recursion depth exceeded"), ToolError),
        ("Error calling tool 'execute'", ToolError),
        ("1 validation error for call[execute]\ncode\n  Missing required argument", InvalidArguments),
        (
            "Error: API Error (Status 401): Unauthorized\n\nTroubleshooting tips:\n- check the key",
            Unauthorized,
        ),
        ("Error: API Error (Status 404): Not found", NotFound),
        ("Error: API Error (Status 429): slow down", RateLimited),
        ("Error: API Error (Status 500): oops", ServerError),
        ("Request failed with status code 503", ServerError),
        ("access denied", McpAccessDisabled),
        ("You do not have permission to read payments", Forbidden),
        ("Rate limit exceeded, try again later", RateLimited),
        ("The token has expired", Unauthorized),
        ("No consumer named 'rate limited' was found", NotFound),
        ("consumer_name: prod has no consumer 'access denied'; it does not exist", NotFound),
        ("Invalid arguments for tool GetPlugin: plugin_id: 'rate-limiting' is not a UUID", InvalidArguments),
        ("Invalid arguments: status_code 500 is not of type 'string'", InvalidArguments),
        ("http_status_code: 503 must be a string", InvalidArguments),
        ("'access denied'", McpAccessDisabled),
        ("the data plane is on fire", ToolError),
        ("   ", ToolError),
    ],
)
def test_an_error_text_becomes_its_class_and_keeps_its_words(text: str, expected: type[KonnectError]) -> None:
    error = refusal(text, text)
    assert type(error) is expected
    assert error.message.strip()
    if " - " not in text:
        assert text.strip() in error.message


def test_the_tail_of_a_code_mode_error_is_read_as_the_python_it_is() -> None:
    error = refusal(
        operation("HTTP error 404: Not Found - {'detail': \"it's gone\", 'instance': 'kong:trace:9'}"), None
    )
    assert error.message == "HTTP 404: it's gone [kong:trace:9]"


@pytest.mark.parametrize(
    "tail", ["{'a': '\\d'}", "{" * 5000, "{'n': " + "9" * 9000 + "}", "{1: {2: 3}}", "[\x00]"]
)
def test_a_tail_that_is_neither_json_nor_python_stays_text(tail: str) -> None:
    assert isinstance(refusal(operation(f"HTTP error 404: Not Found - {tail}"), None), NotFound)


def test_an_error_answer_without_text_is_read_from_its_data() -> None:
    assert refusal("", {"reason": "it broke", "id": "x"}).message == "it broke"
    assert refusal("", None).message == "the tool answered with an error and no text"


def test_very_long_refusals_are_cut() -> None:
    assert len(refusal("no " * 100_000, None).message) <= 2000


def test_no_refusal_shows_a_token() -> None:
    token = "spat_0123456789abcdef"
    for error in (
        http_error(401, {"detail": f"{token} is revoked"}),
        refusal(f"Unauthorized: {token}", None),
        hidden_error({"error": f"bad token {token}"}),
    ):
        assert token not in f"{error!s} {error!r} {getattr(error, 'hint', '')}"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Wed, 04 Mar 2026 12:00:30 GMT", 30.0),
        ("Wed, 04 Mar 2026 11:00:00 GMT", 0.0),
        ("Wed, 04 Mar 2026 12:00:30 -0000", 30.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, now=datetime(2026, 3, 4, 12, 0, tzinfo=UTC)) == seconds
