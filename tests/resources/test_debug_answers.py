"""Statuses in every form and sentence that servers may use; what tells nothing is never an end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent import DebugStatus, Undecodable
from konnect_agent.resources.debug_answers import ids_in, session_id_in, status_in, words_in

OURS, OTHER, THIRD = (f"{digit}d0c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10" for digit in "567")

STATUSES: list[tuple[Any, DebugStatus]] = [
    ({"status": {"state": "completed"}}, DebugStatus.COMPLETED),
    ({"status": {"value": "COMPLETED", "progress": 100}}, DebugStatus.COMPLETED),
    ({"session_state": "completed"}, DebugStatus.COMPLETED),
    ({"sessionState": "COMPLETED"}, DebugStatus.COMPLETED),
    ({"phase": "completed"}, DebugStatus.COMPLETED),
    ({"status": "ok", "phase": "completed"}, DebugStatus.COMPLETED),
    ({"data": {"debug_session": {"attributes": {"status": "completed"}}}}, DebugStatus.COMPLETED),
    ({"sessions": [{"status": "completed"}]}, DebugStatus.COMPLETED),
    ([{"id": OURS, "status": "completed"}], DebugStatus.COMPLETED),
    ({"sessions": [{"id": OTHER, "status": "completed"}, {"id": OURS, "status": "pending"}]},
     DebugStatus.PENDING),
    ({"success": True, "completed": True}, DebugStatus.COMPLETED),
    ({"status": "completed_with_errors"}, DebugStatus.COMPLETED),
    ({"state": "sessionCompleted"}, DebugStatus.COMPLETED),
    ({"status": "success"}, DebugStatus.COMPLETED),
    ({"status": "success", "data": {"status": "in_progress"}}, DebugStatus.IN_PROGRESS),
    ({"status": "completed", "data": {"status": "in_progress"}}, DebugStatus.IN_PROGRESS),
    ({"status": "success", "message": "Session is in progress (40%)"}, DebugStatus.IN_PROGRESS),
    ({"status": "success", "payload": {"status": "pending"}}, DebugStatus.PENDING),
    ({"status": "ok", "details": {"status": "in_progress"}}, DebugStatus.IN_PROGRESS),
    ({"status": "success", "info": {"session_status": "pending"}}, DebugStatus.PENDING),
    ({"status": "success", "session_details": {"state": "IN_PROGRESS"}}, DebugStatus.IN_PROGRESS),
    ({"status": "success", "operation": "fetch_status", "at": "12:00", "output": {"status": "pending"}},
     DebugStatus.PENDING),
    ({"status": "success", "fetch_status": "in_progress"}, DebugStatus.IN_PROGRESS),
    ({"status": "success", "debug_session": "in_progress"}, DebugStatus.IN_PROGRESS),
    ({"status": "success", "debug_session_id": OURS}, DebugStatus.COMPLETED),
    ({"status": "success", "message": "The session has finished."}, DebugStatus.COMPLETED),
    ({"payload": {"status": "completed"}}, DebugStatus.COMPLETED),
    ({"tracing": {"info": {"debug_session_id": OURS, "state": "cancelled"}}}, DebugStatus.CANCELLED),
    ({"value": "completed"}, DebugStatus.COMPLETED),
    ({"debug_session_id": OURS, "fetch_status": "timed_out"}, DebugStatus.TIMED_OUT),
    ({"payload": "The session has completed."}, DebugStatus.COMPLETED),
    ({"status": "error", "data": None, "message": "data plane gone"}, DebugStatus.FAILED),
    ({"status": "failed", "message": "The session was pending for too long."}, DebugStatus.FAILED),
    ({"status": "completed", "message": "The session is in progress."}, DebugStatus.IN_PROGRESS),
    ({"status": "waiting for data planes"}, DebugStatus.UNKNOWN),
    ({"status": "not_completed"}, DebugStatus.UNKNOWN),
    ({"status": "40% complete"}, DebugStatus.UNKNOWN),
    ({"status": "in_progress", "data_planes": [{"status": "completed"}]}, DebugStatus.IN_PROGRESS),
    ({"status": "in_progress", "items": [{"status": "completed"}, {"status": "failed"}]},
     DebugStatus.IN_PROGRESS),
    ({"status": "in_progress", "data": [{"status": "completed"}]}, DebugStatus.IN_PROGRESS),
    ({"result": "done"}, DebugStatus.COMPLETED),
    ("Done.", DebugStatus.COMPLETED),
    ("100% complete", DebugStatus.COMPLETED),
    ("Status: COMPLETED (100 samples)", DebugStatus.COMPLETED),
    ("Session completed after 60 seconds with 12 samples.", DebugStatus.COMPLETED),
    (f"Session {OURS} has completed", DebugStatus.COMPLETED),
    ("It has not timed out, it is in progress", DebugStatus.IN_PROGRESS),
    ("Session is in progress (40%)", DebugStatus.IN_PROGRESS),
    ("Session failed: data plane gone", DebugStatus.FAILED),
    ("The debug session has expired.", DebugStatus.TIMED_OUT),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "status"), STATUSES)
def test_a_status_is_found_in_whatever_it_is_wrapped(answer: Any, status: DebugStatus) -> None:
    found = status_in(answer, session_id=OURS)
    assert found is not None
    assert DebugStatus.read(found) is status


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success", "data": {"progress": 40}},
        {"status": "success", "payload": {"progress": 40}},
        {"status": "success", "message": "The session has not completed yet"},
        {"status": "done", "message": "The session isn't completed"},
        {"status": "success", "completed": False},
        {"status": "success", "active": True},
        {"data_plane": {"status": "completed"}},
        {"control_plane_state": "completed"},
        {"last_session": {"status": "completed"}},
        {"started_at": "2026-09-01T10:00:00Z"},
        {"completed": False},
        {"completed": 12},
        {"data_planes": [{"status": "completed"}]},
        {"result": {"data_plane_status": "completed"}},
        {"sessions": [{"id": OTHER, "status": "completed"}, {"id": THIRD, "status": "pending"}]},
        "40% complete",
        "99.5% completed",
        "In progress: 100% complete",
        "The session has not completed yet.",
        "Results are available when completed",
        "It will be cancelled in 20 s",
        "3 of 10 samples completed",
        "Completed 3 of 10 samples",
        "completed: false",
        "The session will be stopped.",
        "The session has not failed.",
        "Failed to fetch status: timeout",
        "2 requests failed in this session",
    ],
)
def test_what_tells_no_status_is_not_taken_for_one(answer: Any) -> None:
    assert status_in(answer, session_id=OURS) is None


def test_the_words_beside_a_status_are_short_and_carry_no_token() -> None:
    said = words_in({"status": "failed", "error": {"message": f"kpat_abcdef123456 {'x ' * 1000}"}})
    assert said is not None
    assert "kpat_abc" not in said
    assert len(said) < 400
    assert words_in({"status": "failed"}) is None


def test_ids_that_go_out_are_known_at_any_depth() -> None:
    sent = {"control_plane_id": OURS, "service_id": f"{OURS}:{OTHER}", "filters": [{"routeIds": ["r-1"]}]}
    assert {OURS, OTHER, "r-1"} <= ids_in({**sent, "session_duration": 60})
    assert "60" not in ids_in({"session_duration": 60, "http_status_code": "500"})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([OURS, OTHER, "ds_1", "completed", "error"])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "uuid", "session", "sessions", "session_id", "data", "status", "state", "error", "message"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(anything)
def test_no_answer_breaks_the_reading_or_makes_a_sent_id_the_sessions(answer: Any) -> None:
    status_in(answer, session_id=OURS)
    words_in(answer, session_id=OURS)
    try:
        found = session_id_in(answer, sent={OURS})
    except Undecodable:
        return
    assert found
    assert OURS not in found
