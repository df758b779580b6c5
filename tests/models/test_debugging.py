from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from konnect_agent import DebugCriteria, DebugStatus, InvalidArguments

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
SERVICE = "7a0c51de-1111-4222-8333-944455566677"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("pending", DebugStatus.PENDING),
        (" In Progress ", DebugStatus.IN_PROGRESS),
        ("inProgress", DebugStatus.IN_PROGRESS),
        ("IN-PROGRESS", DebugStatus.IN_PROGRESS),
        ("Completed.", DebugStatus.COMPLETED),
        ("complete", DebugStatus.COMPLETED),
        ("TIMED_OUT", DebugStatus.TIMED_OUT),
        ("timedOut", DebugStatus.TIMED_OUT),
        ("timeout", DebugStatus.TIMED_OUT),
        ("canceled", DebugStatus.CANCELLED),
        ("DEBUG_SESSION_STATUS_COMPLETED", DebugStatus.COMPLETED),
        ("Done", DebugStatus.COMPLETED),
        ("finished", DebugStatus.COMPLETED),
        ("SUCCESS", DebugStatus.COMPLETED),
        ("succeeded", DebugStatus.COMPLETED),
        ("expired", DebugStatus.TIMED_OUT),
        ("stopped", DebugStatus.CANCELLED),
        ("Failed", DebugStatus.FAILED),
        ("error", DebugStatus.FAILED),
        ("errored", DebugStatus.FAILED),
        ("not_completed", DebugStatus.UNKNOWN),
        ("40% complete", DebugStatus.UNKNOWN),
        ("incomplete", DebugStatus.UNKNOWN),
        ("unknown", DebugStatus.UNKNOWN),
        ("warming up", DebugStatus.UNKNOWN),
        ("", DebugStatus.UNKNOWN),
        ("完了", DebugStatus.UNKNOWN),
    ],
)
def test_a_status_is_read_in_any_spelling(text: str, status: DebugStatus) -> None:
    assert DebugStatus.read(text) is status


@pytest.mark.parametrize("text", ["done", "success", "expired", "stopped", "failed", "error"])
def test_words_that_are_not_kongs_are_left_out_when_read_strictly(text: str) -> None:
    assert DebugStatus.read(text, strictly=True) is DebugStatus.UNKNOWN
    assert DebugStatus.read("Complete", strictly=True) is DebugStatus.COMPLETED


def test_a_session_goes_on_while_it_is_pending_in_progress_or_nobody_knows_what() -> None:
    assert {status for status in DebugStatus if not status.is_final} == {
        DebugStatus.PENDING,
        DebugStatus.IN_PROGRESS,
        DebugStatus.UNKNOWN,
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        ({"http_latency": ">= 500 ms"}, {"http_latency": ">=500ms"}),
        ({"http_latency": ">=500MS"}, {"http_latency": ">=500ms"}),
        ({"http_method": " delete "}, {"http_method": "DELETE"}),
        ({"http_status_code": 404}, {"http_status_code": "404"}),
        ({"service_id": f"{CP}:{SERVICE}"}, {"service_id": f"{CP}:{SERVICE}"}),
        ({"session_duration": "30"}, {"session_duration": 30}),
        ({"http_path": None, "max_samples": 5}, {"max_samples": 5}),
        ({"sampling_rule": "x", "nested": {"a": [1]}}, {"sampling_rule": "x", "nested": {"a": [1]}}),
        ({"httpPath": "/a", "MaxSamples": 5}, {"http_path": "/a", "max_samples": 5}),
        ({"http_path": "/a", "httpPath": "/b"}, {"http_path": "/a", "httpPath": "/b"}),
        ({"control_plane_id": 7, "service_id": 8}, {"control_plane_id": "7", "service_id": "8"}),
        ({"sampling": {"httpPath": "/a", "x": None}}, {"sampling": {"httpPath": "/a", "x": None}}),
    ],
)
def test_criteria_go_out_as_documented_and_only_when_given(
    given: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert DebugCriteria.of(given).arguments() == sent


def test_criteria_know_the_documented_defaults() -> None:
    criteria = DebugCriteria()
    assert (criteria.session_duration, criteria.max_samples) == (60, 100)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"http_latency": "1000"}, "http_latency"),
        ({"http_latency": ">1000ms"}, "http_latency"),
        ({"http_latency": ">=-1ms"}, "http_latency"),
        ({"http_method": "OPTIONS"}, "http_method"),
        ({"http_status_code": "999"}, "http_status_code"),
        ({"http_status_code": True}, "http_status_code"),
        ({"http_path": "checkout"}, "http_path"),
        ({"http_path": ""}, "http_path"),
        ({"service_id": ""}, "service_id"),
        ({"session_duration": 9}, "session_duration"),
        ({"session_duration": 1801}, "session_duration"),
        ({"session_duration": 10.5}, "session_duration"),
        ({"max_samples": 0}, "max_samples"),
        ({"sessionDuration": "10 minutes"}, "session_duration"),
        ({"httpLatency": 1000}, "http_latency"),
    ],
)
def test_criteria_that_cannot_be_right_are_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArguments, match=named) as caught:
        DebugCriteria.of(wrong)
    assert ">=1000ms" in caught.value.hint


def test_what_is_shown_of_criteria_holds_no_secret_and_what_is_sent_is_whole() -> None:
    deep: dict[str, Any] = {"token": "hunter2"}
    for _ in range(300):
        deep = {"a": deep}
    criteria = DebugCriteria.of({"http_path": "/a", "password": "hunter2", "more": deep})
    assert criteria.arguments() == {"http_path": "/a", "password": "hunter2", "more": deep}
    assert criteria.resolved()["session_duration"] == 60
    assert "hunter2" not in str(criteria.resolved())


def test_a_refusal_shows_no_value() -> None:
    with pytest.raises(InvalidArguments) as caught:
        DebugCriteria.of({"http_latency": "hunter2", "max_samples": 0})
    assert "hunter2" not in str(caught.value)
    assert "max_samples" in str(caught.value)


def test_criteria_do_not_change() -> None:
    criteria = DebugCriteria(http_path="/slow")
    with pytest.raises(ValidationError):
        criteria.http_path = "/fast"  # pyright: ignore[reportAttributeAccessIssue]
    assert criteria.model_copy(update={"service_id": "s"}).arguments() == {
        "http_path": "/slow",
        "service_id": "s",
    }
