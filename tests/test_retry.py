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
    SessionLost,
    TimedOut,
    TooLarge,
    ToolError,
    ToolUnavailable,
    Unauthorized,
    Undecodable,
    Unreachable,
)
from konnect_agent.retry import Policy, is_throttle

POLICY = Policy(max_attempts=5, first_wait=1.0, max_wait=10.0)


def wait(error: Exception, *, attempt: int = 1, idempotent: bool = True, draw: float = 0.5) -> float | None:
    return POLICY.wait(error, attempt=attempt, idempotent=idempotent, draw=draw)


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("reset"),
        SessionLost("404"),
        TimedOut("slow", limit="call"),
        TimedOut("silent", limit="idle"),
        RateLimited("429", status=429),
        ServerError("503", status=503),
    ],
)
def test_a_read_is_tried_again_after_what_may_pass(error: Exception) -> None:
    assert wait(error) == 0.5
    assert wait(error, idempotent=False) is None


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("401", status=401),
        Forbidden("403", status=403),
        McpAccessDisabled("403", status=403),
        NotFound("no"),
        InvalidArguments("no"),
        ToolError("no"),
        ServerError("501", status=501),
        ServerError("505", status=505),
        ToolUnavailable("no"),
        Undecodable("what"),
        TooLarge("big", size=2, cap=1),
        TimedOut("over", limit="deadline"),
        KonnectError("?"),
        ValueError("a mistake of ours"),
    ],
)
def test_what_will_not_pass_is_never_tried_again(error: Exception) -> None:
    assert wait(error) is None


@pytest.mark.parametrize(
    "error", [Unreachable("refused", sent=False), TimedOut("no", limit="connect", sent=False)]
)
def test_what_must_not_happen_twice_is_replayed_only_when_it_never_left(error: Exception) -> None:
    assert wait(error, idempotent=False) == 0.5


def test_waits_grow_with_full_jitter_up_to_the_cap() -> None:
    longest = [wait(Unreachable("x"), attempt=attempt, draw=1.0) for attempt in (1, 2, 3, 4)]
    assert longest == [1.0, 2.0, 4.0, 8.0]
    assert wait(Unreachable("x"), attempt=4, draw=0.0) == 0.0
    patient = Policy(max_attempts=10_000, first_wait=1.0, max_wait=10.0)
    assert patient.wait(Unreachable("x"), attempt=9_999, idempotent=True, draw=1.0) == 10.0


def test_retry_after_is_honoured_and_clamped() -> None:
    assert wait(RateLimited("x", status=429, retry_after=3.0)) == 3.5
    assert wait(ServerError("x", status=503, retry_after=3600.0)) == 10.5


def test_attempts_are_bounded() -> None:
    assert wait(Unreachable("x"), attempt=4) is not None
    assert wait(Unreachable("x"), attempt=5) is None


def test_only_too_many_calls_is_a_throttle() -> None:
    assert is_throttle(RateLimited("x", status=429))
    assert is_throttle(ServerError("x", status=503, retry_after=1.0))
    assert not is_throttle(ServerError("x", status=503))
    assert not is_throttle(Unreachable("x"))
