"""What the free words of a refusal are taken for, and what they must not be taken for."""

from __future__ import annotations

import pytest

from konnect_agent.errors import (
    Forbidden,
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
from konnect_agent.refusals import refusal
from konnect_agent.wording import most_allowed, status_in

MEANINGS: dict[type[KonnectError], tuple[str, ...]] = {
    Unauthorized: (
        "API key missing", "Invalid API key", "Invalid credentials", "Please authenticate",
        "Not authenticated", "Missing authorization header", "Error: 401", "statusCode: 401",
        "The access token has expired",
        "AxiosError: Request failed with status code 401",
    ),
    Forbidden: (
        "This operation is not allowed for your role", "You are not allowed to do this",
        "User lacks role Viewer", "Not allowed to read services", "You don't have access to this resource",
        "RBAC: denied",
        "A required permission is missing", "rpc error: code = PermissionDenied desc = nope", "403: no",
        "Error: 403", "status code 403", "Request was blocked: 403 Forbidden.", "Error code: 403 - {'a': 1}",
        "Client error '403 Forbidden' for url 'https://konnect.example/'",
    ),
    McpAccessDisabled: ("MCP is not enabled for this organization", "The MCP Server is switched off"),
    ToolUnavailable: (
        "Feature not enabled for this organization", "Plan upgrade required", "Tool is disabled",
    ),
    NotFound: (
        "Cannot find service x", "Can't find it", "Unable to locate the route", "there is no consumer x",
        "No control plane matches", "404 page not found", "Error 404: gone", "Resource NOT_FOUND",
        "The service no longer exists", "Error executing tool GetService: Service 'x' not found",
    ),
    RateLimited: (
        "Status: 429", "[429] slow down", "Throttled", "Your requests are throttled", "Rate exceeded",
    ),
    ServerError: (
        "502 Bad Gateway", "Bad gateway", "Internal server error",
        "An internal error occurred: row not found", "Gateway timeout",
        "Service temporarily unavailable", "upstream timed out", "Error: 500",
        "context deadline exceeded", "request timed out", "connection reset by peer",
        "An unexpected error occurred", "Error: timeout awaiting response headers", "read ECONNRESET",
        "timeout of 5000ms exceeded", "The upstream server is timing out",
        "An invalid response was received from the upstream server", "socket hang up",
        "Server error '502 Bad Gateway' for url 'https://konnect.example/'",
    ),
    InvalidArguments: ("unknown operation 'list'", "Bad request", "Validation failed: id", "Malformed id"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "text"), [(kind, text) for kind, texts in MEANINGS.items() for text in texts]
)
def test_a_refusal_in_free_words_becomes_the_class_they_speak_of(
    expected: type[KonnectError], text: str
) -> None:
    error = refusal(text, None)
    assert type(error) is expected
    assert text in error.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Service 'Error: 403' not found", NotFound),
        ("No service named 'HTTP 500'", NotFound),
        ("Route 'Internal server error' does not exist", NotFound),
        ("There is no consumer “502 Bad Gateway”", NotFound),
        ("service bad-gateway not found", NotFound),
        ("The consumer doesn't exist, so there isn't any 'access denied'", NotFound),
        ("Invalid arguments: status_code 500 is not of type 'string'", InvalidArguments),
        ("http_status_code: 503 must be a string", InvalidArguments),
        ("500 is not one of [200, 404]", InvalidArguments),
        ("[500] must be a list of strings", InvalidArguments),
        ("control_plane_id is not allowed to be empty", InvalidArguments),
        ("Additional properties are not allowed ('x' was unexpected)", InvalidArguments),
        ("There is no operation 'get_by_id'", InvalidArguments),
        ("Invalid page token", InvalidArguments),
        ("Error: 500 rows are too many", ToolError),
        ("The route has status 404 rows behind it", ToolError),
        ("Cannot read properties of undefined (reading 'id')", ToolError),
        ("the session is busy", ToolError),
    ],
)
def test_a_name_in_quotes_or_a_number_of_something_is_no_status(
    text: str, expected: type[KonnectError]
) -> None:
    assert type(refusal(text, None)) is expected


def test_an_entity_inside_a_refusal_is_no_refusal_of_its_own() -> None:
    words = 'Validation failed for {"name": "Internal server error", "config": {"status_code": 503}}'
    assert status_in(words) is None
    assert type(refusal(words, None)) is InvalidArguments


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("max_results: 1000 is greater than the maximum of 500", 500),
        ("Input validation error: 1000 is greater than the maximum of 200", 200),
        ("max_results must be less than or equal to 500", 500),
        ("maxResults must be between 1 and 250.", 250),
        ("max_results must be <= 100", 100),
        ("limit: at most 50", 50),
        ("size must not exceed 500", 500),
        ("max_results must be at most 5000", None),
        ("max_results must be a number", None),
        ("status_codes: at most 10 of them", None),
        ("no", None),
    ],
)
def test_a_refusal_of_so_many_may_say_how_many_it_takes(words: str, most: int | None) -> None:
    assert most_allowed(words, 1000) == most
