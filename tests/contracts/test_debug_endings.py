"""Debug sessions that are refused, cannot be watched or stopped, or are left running: it is always said."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult

from konnect_agent import ConfirmationDeclined, Konnect, McpAccessDisabled, ToolError, ToolUnavailable
from konnect_agent.models import DebugCriteria
from patterns import debug_performance
from patterns.command.call import read_arguments

from ..handmade import TOKEN, Answer, Arguments, Handmade, Serve, as_json, refused, structured, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
SESSION = "5d0c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
CRITERIA = DebugCriteria(http_path="/slow", session_duration=60)
OPERATIONS = ("fetch_status", "summarize_session", "compact_traces", "compressed_traces", "stop_session")


def server_of(serve: Serve, *, stop: Answer, created: Answer | None = None, **schemas: Any) -> Handmade:
    """A server whose sessions go on until they are stopped."""

    def tracing(arguments: Arguments) -> CallToolResult:
        if arguments["operation"] != "stop_session":
            return as_json({"status": "in_progress"})
        return stop if isinstance(stop, CallToolResult) else stop(arguments)

    return serve(
        {
            "GetControlPlane": as_json([{"id": CP, "name": "prod"}]),
            "CreateDebugSession": created or as_json({"debug_session_id": SESSION}),
            "ActiveTracingSession": tracing,
        },
        schemas=schemas,
    )


def offering(*operations: str, **more: Any) -> dict[str, Any]:
    """The schema of a tool that lists its operations."""
    return {"type": "object", "properties": {"operation": {"type": "string", "enum": [*operations], **more}}}


def left_running(text: str) -> tuple[datetime, dict[str, Any]]:
    """When a session that is left running ends, and with what it can be stopped."""
    assert f"debug session {SESSION} on control plane {CP} may still be running until " in text
    end = text.partition("running until ")[2].partition(" UTC, stop it with `")[0]
    command = shlex.split(text.split("`")[1])
    assert (command[:3], command[-1]) == (["konnect-agent", "call", "ActiveTracingSession"], "--yes")
    return datetime.fromisoformat(end).replace(tzinfo=UTC), read_arguments(command[3:-1])


NOT_STOPPED: list[CallToolResult] = [
    refused("You may not stop sessions: permission denied"),
    refused("It is too late for that."),
    told("Error: you may not stop sessions"),
]


@pytest.mark.parametrize("answer", NOT_STOPPED)
async def test_a_session_that_an_error_leaves_running_is_told_with_its_end_and_how_to_stop_it(
    serve: Serve, answer: CallToolResult, caplog: pytest.LogCaptureFixture
) -> None:
    server = server_of(serve, stop=answer)
    before = datetime.now(UTC).replace(microsecond=0)
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ZeroDivisionError) as caught:
            async with konnect.debug_sessions.running(CP, CRITERIA):
                raise ZeroDivisionError
    (note,) = caught.value.__notes__
    end, arguments = left_running(note)
    assert before <= end - timedelta(seconds=60) <= datetime.now(UTC)
    assert arguments == {
        "operation": "stop_session", "control_plane_id": CP, "debug_session_id": SESSION,
    }  # fmt: skip
    assert server.calls[-1] == ("ActiveTracingSession", arguments)
    assert note in caplog.text


async def test_a_session_that_a_cancellation_leaves_running_is_told(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = server_of(serve, stop=refused("It is too late for that."))
    notes: list[str] = []
    async with Konnect(TOKEN, url=server.url) as konnect:
        with anyio.CancelScope() as scope:
            try:
                async with konnect.debug_sessions.running(CP, CRITERIA):
                    scope.cancel()
                    await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class() as cancelled:
                notes = cancelled.__notes__
                raise
    assert scope.cancelled_caught
    left_running(notes[0])
    left_running(caplog.text)


async def test_a_session_that_was_stopped_is_not_said_to_be_running(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = server_of(serve, stop=told("The session was stopped."))
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ZeroDivisionError) as caught:
            async with konnect.debug_sessions.running(CP, CRITERIA):
                raise ZeroDivisionError
    assert not hasattr(caught.value, "__notes__")
    assert "running" not in caplog.text


async def test_a_stop_that_is_refused_in_plain_words_is_an_error(serve: Serve) -> None:
    server = server_of(serve, stop=told("Error: this session is somebody else's"))
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolError, match="somebody else's"):
            await konnect.debug_sessions.stop(SESSION, control_plane_id=CP)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (told("Error: another session is already running"), ToolError, "another session is already running"),
        (structured({"result": "error: too late"}), ToolError, "too late"),
        (told("Error: access denied"), McpAccessDisabled, "access denied"),
    ],
)
async def test_an_answer_that_calls_itself_an_error_keeps_its_words(
    serve: Serve, answer: CallToolResult, kind: type[Exception], words: str
) -> None:
    server = server_of(serve, stop=told("-"), created=answer)
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(kind, match=words):
            await konnect.debug_sessions.create(CP, CRITERIA)
    assert [tool for tool, _ in server.calls] == ["CreateDebugSession"]


@pytest.mark.parametrize(
    "answer",
    [
        told(f"Errors: none. Debug session {SESSION} was created."),
        told(f"Error: none. Debug session {SESSION} was created."),
        as_json({"debug_session_id": SESSION, "error": ""}),
    ],
)
async def test_an_error_that_is_none_hides_no_session(serve: Serve, answer: CallToolResult) -> None:
    server = server_of(serve, stop=told("-"), created=answer)
    async with Konnect(TOKEN, url=server.url) as konnect:
        session = await konnect.debug_sessions.create(CP, CRITERIA)
    assert session.id == SESSION


@pytest.mark.parametrize("missing", ["fetch_status", "summarize_session"])
async def test_nothing_is_created_that_could_not_be_watched(serve: Serve, missing: str) -> None:
    schema = offering(*(operation for operation in OPERATIONS if operation != missing))
    server = server_of(serve, stop=told("-"), ActiveTracingSession=schema)
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ToolUnavailable, match=f"ActiveTracingSession offers no operation {missing}"):
            await debug_performance(konnect, "prod", confirm=lambda _: True)
    assert server.calls == []


@pytest.mark.parametrize(
    ("schema", "stoppable"),
    [
        (offering("fetch_status", "summarize_session"), False),
        (offering("FETCH_STATUS", "SUMMARIZE", "compact_traces"), False),
        (offering("fetchStatus", "summarizeSession", "stopSession"), True),
        (offering("get_status", "summary", "stop"), True),
        (offering("fetch_status", "summarize_session", enum=None), True),
        ({"type": "object"}, True),
        ({"type": "object", "properties": {"operation": {"type": "string"}}}, True),
        (
            {
                "type": "object",
                "properties": {"operation": {"anyOf": [{"enum": ["fetch_status"]}, {"type": "string"}]}},
            },
            True,
        ),
        (
            {
                "type": "object",
                "properties": {"operation": {"$ref": "#/$defs/operation"}},
                "$defs": {
                    "operation": {"oneOf": [{"const": "fetch_status"}, {"const": "summarize_session"}]}
                },
            },
            False,
        ),
    ],
)
async def test_whoever_confirms_is_told_when_a_session_cannot_be_stopped(
    serve: Serve, schema: dict[str, Any], stoppable: bool
) -> None:
    plans: list[Any] = []
    server = server_of(serve, stop=told("-"), ActiveTracingSession=schema)
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(ConfirmationDeclined) as caught:
            await debug_performance(konnect, "prod", confirm=lambda plan: bool(plans.append(plan)))
    assert plans[0].stoppable is stoppable
    assert ("no way to stop it" in str(caught.value)) is not stoppable
    assert {tool for tool, _ in server.calls} == {"GetControlPlane"}
