"""Debug sessions on servers with words of their own: none is left running, and none is given up too early."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import (
    DebugSessionFailed,
    DebugStatus,
    InvalidArguments,
    Konnect,
    NotFound,
    ToolError,
    Undecodable,
    events,
)
from konnect_agent.models import DebugCriteria
from patterns import debug_performance

from ..handmade import TOKEN, Answer, Arguments, Handmade, Serve, as_json, refused, structured, told

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
SERVICE = "7a1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
SESSION = "5d0c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
OTHER = "b90c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
CRITERIA = DebugCriteria(http_path="/slow", service_id=SERVICE, session_duration=60)
SUMMARY = {"bottlenecks": [{"name": "kong.dns", "share": 0.5}]}


def tracing(*statuses: CallToolResult, summary: Any = SUMMARY) -> Answer:
    """An ActiveTracingSession that tells the statuses one after the other, the last one from then on."""
    looks = list(statuses)

    def answer(arguments: Arguments) -> CallToolResult:
        if arguments["operation"] == "fetch_status":
            return looks.pop(0) if len(looks) > 1 else looks[0]
        return as_json(summary if arguments["operation"] == "summarize_session" else {"stopped": True})

    return answer


def server_of(serve: Serve, created: Answer, tracing_session: Answer | None = None) -> Handmade:
    planes = as_json([{"id": CP, "name": "prod"}])
    return serve(
        {
            "GetControlPlane": planes,
            "CreateDebugSession": created,
            "ActiveTracingSession": tracing_session or tracing(as_json({"status": "completed"})),
        }
    )


def sent(server: Handmade, operation: str) -> list[str]:
    """The sessions that an operation was sent for, in order."""
    return [
        arguments["debug_session_id"]
        for _, arguments in server.calls
        if arguments.get("operation") == operation
    ]


CREATED: list[tuple[CallToolResult, str]] = [
    (as_json({"debug_session_id": 7001}), "7001"),
    (as_json({"data": {"id": 7001}}), "7001"),
    (structured({"result": 7001}), "7001"),
    (as_json({"session": 7001}), "7001"),
    (as_json({"session": "ds-1"}), "ds-1"),
    (as_json({"uuid": SESSION}), SESSION),
    (as_json({"payload": {"debug_session_id": SESSION}}), SESSION),
    (as_json({"success": True, "control_plane_id": CP, "created": {"id": "ds-1"}}), "ds-1"),
    (as_json({"output": {"tracing": {"debug_session_id": SESSION, "status": "pending"}}}), SESSION),
    (as_json({"debug_session_id": SESSION, "path": "/already/exists and more"}), SESSION),
    (as_json({"tracing_session_id": SESSION}), SESSION),
    (as_json({"activeTracingSessionId": SESSION}), SESSION),
    (as_json({"sessionId": SESSION, "id": "request-1"}), SESSION),
    (as_json({"debug-session": {"uuid": SESSION}}), SESSION),
    (as_json({"sessions": [{"id": "ds-1", "data_planes": [{"id": "dp-1"}, {"id": "dp-2"}]}]}), "ds-1"),
    (as_json({"debug_sessions": [SESSION]}), SESSION),
    (as_json({"id": "request-1", "result": {"id": "ds-1"}}), "ds-1"),
    (as_json({"jsonrpc": "2.0", "id": 4, "result": {"session": {"id": 7001}}}), "7001"),
    (as_json({"id": CP, "control_plane": {"id": CP}, "session": {"id": SESSION}}), SESSION),
    (as_json({"debug_session_id": f"{CP}:{SESSION}"}), SESSION),
    (as_json({"debug_session_id": f"{CP}:ds-1"}), "ds-1"),
    (as_json({"debug_session_id": SESSION, "errors": ["data plane dp-2 is too old"]}), SESSION),
    (as_json({"debug_session_id": SESSION, "status": "success"}), SESSION),
    (as_json({"id": 7, "uuid": SESSION}), SESSION),
    (told("Created debug session ds_123."), "ds_123"),
    (told("Created debug session ds_123. Do not start another one; it could not be traced."), "ds_123"),
    (as_json({"session_id": "ds_1", "message": "Another session can be started afterwards."}), "ds_1"),
    (told("Debug session ds_123 started for 60 seconds."), "ds_123"),
    (told("Started session 'ds-7f' for 60s, 100 samples at most"), "ds-7f"),
    (told("Debug session created (id: ds_123)."), "ds_123"),
    (told("Session ID: 7001"), "7001"),
    (told("session_id=7001"), "7001"),
    (told("The debug session was created. Its id is ds_123; it runs for 60 s."), "ds_123"),
    (told(f"Debug session {SESSION} traces service {SERVICE} on control plane {CP}."), SESSION),
    (told(f"Tracing the control plane {CP}: {SESSION}"), SESSION),
]


@pytest.mark.parametrize(("answer", "session_id"), CREATED)
async def test_a_session_whose_block_fails_is_stopped_whatever_its_id_looks_like(
    serve: Serve, answer: CallToolResult, session_id: str
) -> None:
    server = server_of(serve, answer)
    async with Konnect(TOKEN, url=server.url) as konnect:
        with suppress(ZeroDivisionError):
            async with konnect.debug_sessions.running(CP, CRITERIA) as session:
                assert (session.id, session.status) == (session_id, DebugStatus.PENDING)
                raise ZeroDivisionError
    assert sent(server, "stop_session") == [session_id]


@pytest.mark.parametrize(
    "answer",
    [
        as_json({"id": CP}),
        as_json({"session_id": SERVICE.upper()}),
        as_json({"control_plane_id": CP, "service": {"id": "svc-1"}, "ok": True}),
        as_json({"ok": True, "data_plane": {"id": "dp-1"}}),
        as_json({"success": True, "created_by": {"id": "user-1"}}),
        as_json({"existing_session": {"debug_session_id": OTHER}}),
        as_json({"started_at": "2026-09-01"}),
        as_json({"sessions": 3}),
        as_json({"session": "created"}),
        as_json({"sessions": [{"id": "ds-1"}, {"id": "ds-2"}]}),
        as_json({"jsonrpc": "2.0", "id": 4, "result": {"ok": True}}),
        as_json({"request_id": "request-1", "debug_session_id": True}),
        as_json({"success": False, "session_id": OTHER}),
        as_json({"error": "A session is already running.", "session_id": OTHER}),
        told(f"A debug session {OTHER} is already running."),
        told(f"Could not start: debug session {OTHER} exists."),
        told("Another debug session ds_9 is running."),
        told("The debug session ds_9 was not started."),
        told("Another debug session, ds_9, was started at 10:00 and goes on."),
        as_json({"jsonrpc": "2.0", "session_id": OTHER, "message": "It cannot be started: ds_9 is running."}),
        told(f"Tracing started on data plane node {OTHER}."),
        told(f"Tracing {OTHER} and {SESSION}."),
        told(f"A debug session was started on control plane {CP} for service {SERVICE}."),
        told("Debug session started for 60 seconds."),
        told("Debug session: 60 s, 100 samples"),
        told("Debug session started: 2026-09-01T10:00:00Z"),
        told("Started."),
        as_json({"ok": True, "message": "OK200"}),
    ],
)
async def test_no_id_is_taken_that_may_be_anothers_and_the_error_says_what_may_be_running(
    serve: Serve, answer: CallToolResult
) -> None:
    server = server_of(serve, answer)
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(Undecodable, match="no debug session id") as caught:
            async with konnect.debug_sessions.running(CP, CRITERIA):
                pytest.fail("nobody knows which session this is")
    for part in ("one may be running", "Look at the control plane's debug sessions", "stop(ID"):
        assert part in caught.value.hint
    assert [tool for tool, _ in server.calls] == ["CreateDebugSession"]


def test_an_interruption_does_not_hide_that_a_session_may_be_running(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def created(arguments: Arguments) -> CallToolResult:
        assert release.wait(10)
        return told("Started.")

    async def main() -> None:
        sent = asyncio.Event()

        async def debug() -> None:
            def notice(event: events.Event) -> None:
                if isinstance(event, events.CallStarted) and event.tool == "CreateDebugSession":
                    sent.set()

            with events.listening(notice):
                async with konnect.debug_sessions.running(CP, CRITERIA):
                    pytest.fail("nobody knows which session this is")

        async with Konnect(TOKEN, url=server.url) as konnect:
            await konnect.tools()
            work = asyncio.create_task(debug())
            await sent.wait()
            work.cancel()
            asyncio.get_running_loop().call_soon(release.set)
            with pytest.raises(asyncio.CancelledError):
                await work

    server = server_of(serve, created)
    with caplog.at_level("WARNING", "konnect_agent"):
        asyncio.run(main())
    assert "one may be running" in caplog.text


UNREADABLE: list[CallToolResult] = [
    as_json({"progress": {"percent": 40}}),
    as_json({"status": "success", "data": {"progress": 40}}),
    as_json({"status": "success", "payload": {"status": "pending"}}),
    as_json({"status": "success", "fetch_status": "in_progress"}),
    as_json({"status": "success", "message": "The session has not completed yet"}),
    as_json({"data_planes": [{"status": "completed"}, {"status": "completed"}]}),
    as_json({"sessions": [{"id": OTHER, "status": "completed"}, {"id": "ds-9", "status": "failed"}]}),
    told("40% complete"),
    told("3 of 10 samples completed"),
    told("It has not completed yet."),
    told("Failed to fetch the status: timeout"),
    told("<html>maintenance</html>"),
    told(),
    refused("Something went wrong."),
]


@pytest.mark.parametrize("unreadable", UNREADABLE)
async def test_a_look_that_tells_nothing_does_not_end_the_session(
    serve: Serve, unreadable: CallToolResult
) -> None:
    done = as_json({"status": {"state": "COMPLETED", "progress": 100}})
    server = server_of(serve, as_json({"debug_session_id": SESSION}), tracing(unreadable, done))
    async with Konnect(TOKEN, url=server.url, time_scale=200) as konnect:
        report = await debug_performance(konnect, CP, confirm=lambda _: True)
    assert (report.status, report.result.debug_session.status) == ("complete", "completed")
    assert report.result.bottlenecks
    assert len(sent(server, "fetch_status")) == 2
    assert sent(server, "stop_session") == []


async def test_a_session_whose_status_is_never_told_is_stopped_at_the_hard_stop_with_the_servers_words(
    serve: Serve,
) -> None:
    answer = told("The hamster is in its wheel.")
    server = server_of(serve, as_json({"debug_session_id": SESSION}), tracing(answer))
    async with Konnect(TOKEN, url=server.url, time_scale=2000) as konnect:
        with pytest.raises(DebugSessionFailed, match="The hamster is in its wheel") as caught:
            await debug_performance(konnect, CP, confirm=lambda _: True, session_duration=10)
    assert caught.value.status == "unknown"
    assert caught.value.report.result.bottlenecks  # what there is, is told
    assert sent(server, "stop_session") == [SESSION]


async def test_looks_that_tell_nothing_are_not_made_for_half_an_hour(serve: Serve) -> None:
    server = server_of(serve, told("-"), tracing(told("One moment please")))
    async with Konnect(TOKEN, url=server.url, time_scale=300) as konnect:
        with pytest.raises(DebugSessionFailed, match="One moment please"):
            await konnect.debug_sessions.wait(SESSION, control_plane_id=CP, duration=60, grace=1800)
    assert len(sent(server, "fetch_status")) == 40


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("failed", "failed"), ("ERROR", "failed"), ("Errored", "failed"), ("SESSION_STATUS_FAILED", "failed"),
        ("expired", "timed_out"), ("TIMEOUT", "timed_out"), ("timed-out", "timed_out"),
        ("stopped", "cancelled"), ("Aborted", "cancelled"), ("canceled", "cancelled"),
    ],
)  # fmt: skip
async def test_a_session_that_ended_in_other_words_is_a_failure_with_the_servers_message(
    serve: Serve, word: str, status: str
) -> None:
    """Words for a failure may be about the look, so a session is stopped then; what timed out has ended."""
    last = as_json({"status": word, "message": f"data plane 3 is gone, {TOKEN}"})
    server = server_of(serve, as_json({"debug_session_id": SESSION}), tracing(last))
    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        with pytest.raises(DebugSessionFailed, match="data plane 3 is gone") as caught:
            await debug_performance(konnect, CP, confirm=lambda _: True)
    assert caught.value.status == caught.value.report.result.debug_session.status == status
    assert TOKEN not in f"{caught.value} {caught.value.report.model_dump_json()}"
    assert len(sent(server, "fetch_status")) == 1
    assert sent(server, "stop_session") == ([SESSION] if status == "failed" else [])


@pytest.mark.parametrize("word", ["done", "Finished", "complete", "SUCCESS", "succeeded", "100% complete"])
async def test_a_session_that_completed_in_other_words_is_summarized(serve: Serve, word: str) -> None:
    server = server_of(
        serve, as_json({"debug_session_id": SESSION}), tracing(as_json({"session": {"phase": word}}))
    )
    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        report = await debug_performance(konnect, CP, confirm=lambda _: True)
    assert (report.status, report.result.debug_session.status) == ("complete", "completed")
    assert [arguments["operation"] for _, arguments in server.calls[2:]] == [
        "fetch_status",
        "summarize_session",
    ]


async def test_a_session_the_server_does_not_know_is_given_up_at_once(serve: Serve) -> None:
    server = server_of(
        serve, as_json({"debug_session_id": SESSION}), tracing(refused(f"session {SESSION} not found"))
    )
    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        with pytest.raises(NotFound):
            await debug_performance(konnect, CP, confirm=lambda _: True)
    assert len(sent(server, "fetch_status")) == 1
    assert sent(server, "stop_session") == [SESSION]


async def test_an_endless_status_is_told_in_short(serve: Serve) -> None:
    server = server_of(serve, told("-"), tracing(as_json({"status": "x" * 1_000_000})))
    async with Konnect(TOKEN, url=server.url, time_scale=20_000) as konnect:
        with pytest.raises(DebugSessionFailed) as caught:
            await konnect.debug_sessions.wait(SESSION, control_plane_id=CP)
    assert len(str(caught.value)) < 1000
    assert len(caught.value.status or "") < 400


async def test_criteria_go_out_exactly_as_documented(serve: Serve) -> None:
    server = server_of(serve, as_json({"debug_session_id": SESSION}))
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.debug_sessions.create(
            CP, http_path="/checkout", http_method="get", http_status_code=500, http_latency=">= 1000 ms",
            service_id=f"{CP}:{SERVICE}", session_duration=30, max_samples=5,
        )  # fmt: skip
        await konnect.debug_sessions.create(CP)
    assert [arguments for _, arguments in server.calls] == [
        {
            "control_plane_id": CP, "http_path": "/checkout", "http_method": "GET", "http_status_code": "500",
            "http_latency": ">=1000ms", "service_id": SERVICE, "session_duration": 30, "max_samples": 5,
        },
        {"control_plane_id": CP},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "goes_out"),
    [(7001, "7001"), ("7001", "7001"), (f"{CP}:{SESSION}", SESSION), (f"{CP}:7001", "7001")],
)
@pytest.mark.parametrize("plane", ["prod", CP, None])
async def test_a_session_is_resumed_by_any_id(
    serve: Serve, given: Any, goes_out: str, plane: str | None
) -> None:
    server = server_of(serve, told("never asked"))
    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        report = await debug_performance(konnect, plane, confirm=lambda _: False, debug_session_id=given)
    assert report.result.debug_session.id == goes_out
    assert sent(server, "fetch_status") == sent(server, "summarize_session") == [goes_out]


async def test_a_number_goes_out_as_a_number_where_the_schema_asks_for_one(serve: Serve) -> None:
    schema = {"type": "object", "properties": {"operation": {}, "debug_session_id": {"type": "integer"}}}
    answers = {"ActiveTracingSession": as_json({"status": "completed"})}
    server = serve(answers, schemas={"ActiveTracingSession": schema})
    async with Konnect(TOKEN, url=server.url) as konnect:
        await konnect.debug_sessions.fetch_status("7001", control_plane_id=CP)
    assert [arguments["debug_session_id"] for _, arguments in server.calls] == [7001]


async def test_a_session_of_another_control_plane_is_not_looked_for_here(serve: Serve) -> None:
    server = server_of(serve, told("never asked"))
    async with Konnect(TOKEN, url=server.url) as konnect:
        with pytest.raises(InvalidArguments, match="not one of the control plane prod"):
            await debug_performance(
                konnect, "prod", confirm=lambda _: True, debug_session_id=f"{OTHER}:{SESSION}"
            )
    assert {tool for tool, _ in server.calls} == {"GetControlPlane"}


async def test_a_session_that_completed_is_not_stopped_because_its_summary_is_refused(serve: Serve) -> None:
    def tracing_session(arguments: Arguments) -> CallToolResult:
        if arguments["operation"] == "fetch_status":
            return as_json({"status": "completed"})
        return refused("no data yet")

    server = server_of(serve, as_json({"debug_session_id": SESSION}), tracing_session)
    async with Konnect(TOKEN, url=server.url, time_scale=600) as konnect:
        with pytest.raises(ToolError, match="no data yet") as caught:
            await debug_performance(konnect, CP, confirm=lambda _: True)
    assert caught.value.report.result.debug_session.status == "completed"
    assert sent(server, "stop_session") == []
