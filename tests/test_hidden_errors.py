"""Errors inside answers that call themselves successes, and what merely talks about errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from konnect_agent.errors import (
    Forbidden,
    KonnectError,
    NotFound,
    RateLimited,
    ServerError,
    ToolError,
)
from konnect_agent.refusals import hidden_error

from .test_refusals import TRACE, operation, problem


@pytest.mark.parametrize(
    "data",
    [
        {"error": "unauthorized"},
        {"error": {"code": 403, "message": "Forbidden"}},
        {"errors": [{"message": "Rate limit exceeded"}], "data": None},
        {"error": "services could not be read", "services": [], "status": "error"},
        {"success": False, "message": "failed", "error": "boom"},
        {"message": "Too many requests", "request_id": "a1b2"},
        {"result": "Error: API Error (Status 500): oops"},
        {"result": "Too many requests"},
        "Too many requests",
        "Error: access denied",
        operation("HTTP error 500: Internal Server Error - "),
    ],
)
def test_an_error_inside_a_success_is_an_error(data: Any) -> None:
    assert isinstance(hidden_error(data), KonnectError)


@pytest.mark.parametrize(
    "nothing", [{"data": []}, {"services": None}, {"data": {"services": None}}, {"data": {}}]
)
@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ({"success": False}, ToolError),
        ({"ok": False, "message": "Permission denied"}, Forbidden),
        ({"status": "error"}, ToolError),
        ({"status": "failed", "detail": "You are not allowed to list services"}, Forbidden),
        ({"error": {"code": 500, "message": "backend down"}, "meta": {"page": 1}}, ServerError),
        ({"errors": [{"message": "permission denied"}]}, Forbidden),
        ({"error": "boom", "control_plane_id": "cp-1", "status": "success"}, ToolError),
        ({"status": 403, "message": "Forbidden", "total": 0}, Forbidden),
        ({"code": "429"}, RateLimited),
        ({"message": "You do not have permission to list services", "total": 0}, Forbidden),
        ({"warnings": ["permission denied for all of them"], "control_plane_id": "cp-1"}, Forbidden),
    ],
)
def test_a_refusal_beside_nothing_is_why_there_is_nothing(
    nothing: dict[str, Any], beside: dict[str, Any], expected: type[KonnectError]
) -> None:
    for data in ({**nothing, **beside}, {"result": {**nothing, **beside}, "meta": {"took": 3}}):
        assert type(hidden_error(data)) is expected


UNWOUND = """Traceback (most recent call last):
  File "<block>", line 3, in <module>
    return await call_tool(name, arguments)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
Exception: Error calling tool 'list_service': HTTP error 403: Forbidden - """ + repr(
    problem(403, "Forbidden", "not yours")
)


@pytest.mark.parametrize(
    "data",
    [
        {"success": False, "stderr": UNWOUND, "stdout": "", "output": None},
        {"ok": False, "exception": UNWOUND.rpartition("Exception: ")[2]},
        {"exception": {"type": "Exception", "message": UNWOUND}, "result": None},
        {"exit_code": 1, "stdout": "so far\n", "stderr": UNWOUND},
        {"returncode": "1", "stdout": "", "stderr": f"{UNWOUND[:40]}{'  at a line' * 300}\n{UNWOUND}"},
        {"result": {"exitCode": 1, "traceback": UNWOUND}},
    ],
)
def test_code_that_failed_tells_the_error_it_failed_with(data: Any) -> None:
    error = hidden_error(data)
    assert isinstance(error, Forbidden)
    assert (error.detail, error.trace, error.inside) == ("not yours", TRACE, "list_service")


@pytest.mark.parametrize(
    ("data", "expected", "detail"),
    [
        ({"status_code": 403, "body": problem(403, "Forbidden", "not yours")}, Forbidden, "not yours"),
        ({"status": 404, "headers": {"a": "b"}, "body": json.dumps(problem(404, "a", "b"))}, NotFound, "b"),
        ({"result": {"status_code": 500, "headers": {}, "body": "oops"}}, ServerError, None),
        ({"status": 403, "statusText": "Forbidden", "data": problem(403, "a", "b")}, Forbidden, "b"),
        ({"statusCode": 502, "body": None, "reason": "Bad Gateway"}, ServerError, None),
    ],
)
def test_an_http_answer_that_is_passed_on_as_data_is_the_error_it_was(
    data: Any, expected: type[KonnectError], detail: str | None
) -> None:
    error = hidden_error(data)
    assert isinstance(error, expected)
    assert error.detail == detail
    assert "headers" not in str(error)


def test_the_header_of_a_throttled_answer_that_is_passed_on_says_how_long_to_wait() -> None:
    error = hidden_error({"status_code": 429, "headers": {"Retry-After": "7"}, "body": "slow down"})
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7


def test_a_tool_result_inside_the_result_may_be_an_error() -> None:
    content = [{"type": "text", "text": "Permission denied"}]
    assert isinstance(hidden_error({"isError": True, "content": content}), Forbidden)
    content = [{"type": "text", "text": json.dumps({"status": 404, "detail": "no such control plane"})}]
    assert isinstance(hidden_error({"isError": True, "content": content}), NotFound)
    assert hidden_error({"isError": False, "content": content[:0]}) is None
    assert isinstance(hidden_error({"isError": True}), ToolError)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        "completed",
        {"id": "p-1", "name": "error", "status": 500, "title": "x", "detail": "y"},
        {"name": "request-termination", "config": {"status_code": 503, "message": "access denied"}},
        {"data": [{"id": "1", "error": "boom"}], "error": None},
        {"data": [{"id": "1"}], "errors": [{"message": "one shard is slow"}]},
        {"latency": {"p95": 3}, "errors": [{"span": "x"}]},
        {"status": "timed_out", "error": "no data plane answered"},
        {"status": "completed", "message": "Too many requests matched"},
        {"message": "The session was stopped."},
        {"errors": 3, "requests": 10},
        {"success": True, "data": [], "error": None, "errors": []},
        {"status": "success", "data": [], "message": "No failed requests found, 0 errors"},
        {"requests": [], "success": 0, "errors": 12},
        {"data": [{"id": "1"}], "success": False, "warnings": ["permission denied for 3 others"]},
        {"data": {"services": [{"id": "1"}], "routes": None}, "errors": [{"message": "permission denied"}]},
        {"id": "s-1", "tags": [], "success": False, "error": "boom"},
        {"name": "errors", "tags": None, "error": "boom", "status": "failed"},
        {"debug_session_id": "d-1", "status": "failed", "traces": []},
        {"debug_session_id": "d-1", "traces": [], "message": "Traces are unavailable until it completed"},
        {"status": "in_progress", "traces": [], "error": "not yet"},
        {"samples": 12, "bottlenecks": [], "message": "3 spans could not be read"},
        {"description": "permission denied", "host": "error"},
        {"content": [], "isError": False},
        {"response_http_status": "503", "request_uri": "/error", "status": 503},
        "Rate limiting\nToo many requests are answered with 429 and the words 'API rate limit exceeded'.",
        "Error codes\n\nHTTP 401: no API key found in request. HTTP 403: access denied.",
        "Access denied by the ACL plugin means that the consumer is in no allowed group.\nAdd it to one.",
        "Errors such as 502 Bad Gateway come from the upstream.",
        {"exit_code": 0, "stdout": "", "stderr": "warning: exceptions were deprecated", "result": "done"},
        {"exit_code": 1, "stderr": "half of it", "data": [{"id": "a"}]},
        {"exit_code": 0, "stdout": "a", "stderr": ""},
        {"status_code": 200, "headers": {}, "body": {"data": [], "message": "none"}},
        {"status_code": 503, "body": "down", "content_type": "text/plain", "echo": False},
        {"status": 500, "data": [{"count": 3}]},
        {"name": "request-termination", "status_code": 403, "body": "no"},
    ],
)
def test_what_merely_talks_about_errors_is_none(data: Any) -> None:
    assert hidden_error(data) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"name": "ForbiddenError", "message": "You do not have permission", "status": 403}, Forbidden),
        ({"name": "HttpError", "code": 403, "message": "Forbidden"}, Forbidden),
        ({"statusCode": 500, "name": "InternalServerError", "message": "boom"}, ServerError),
        ({"id": "abc", "status": 403, "title": "Forbidden", "detail": "no permission"}, Forbidden),
        ({"id": "err-1", "error": {"status": 403, "message": "Forbidden"}}, Forbidden),
        ({"name": "GetService", "error": "HTTP 403 Forbidden"}, Forbidden),
        ({"id": "run-1", "status": "failed", "error": "HTTP error 404: Not Found - {}"}, NotFound),
    ],
)
def test_a_failure_with_an_id_or_a_name_is_no_entity(data: Any, kind: type[KonnectError]) -> None:
    assert isinstance(hidden_error(data), kind)


@pytest.mark.parametrize(
    "data",
    [
        {"id": "ds-1", "status": "failed", "error": "HTTP 502 from the data plane"},
        {"username": "forbidden", "custom_id": "403"},
        {"id": "r-1", "status": "500", "request_uri": "/x"},
        {"name": "request-termination", "status_code": 403, "message": "no", "enabled": True},
    ],
)
def test_what_was_asked_for_may_have_a_status_of_its_own(data: Any) -> None:
    assert hidden_error(data) is None
