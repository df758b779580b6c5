from __future__ import annotations

import anyio
import pytest

from konnect_agent.events import Advanced, Event, emit, listening


def test_sinks_hear_what_happens_while_they_listen() -> None:
    inner: list[Event] = []
    outer: list[Event] = []
    emit(Advanced("early", 0, 1))
    with listening(outer.append):
        with listening(inner.append):
            emit(Advanced("both", 1, 3))
        emit(Advanced("outer", 2, 3))
    emit(Advanced("late", 3, 3))
    assert inner == [Advanced("both", 1, 3)]
    assert outer == [Advanced("both", 1, 3), Advanced("outer", 2, 3)]


def test_a_sink_that_fails_hinders_neither_the_call_nor_the_other_sinks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(event: Event) -> None:
        raise ValueError("nobody reads this terminal any more")

    heard: list[Event] = []
    with listening(fail), listening(heard.append):
        emit(Advanced("pieces", 1, 3))
    assert heard == [Advanced("pieces", 1, 3)]
    assert "A sink failed on Advanced" in caplog.text


@pytest.mark.anyio
async def test_tasks_started_below_are_heard_and_their_neighbours_are_not() -> None:
    heard: list[Event] = []

    async def work(what: str) -> None:
        emit(Advanced(what, 1, 1))

    async with anyio.create_task_group() as outside:
        with listening(heard.append):
            async with anyio.create_task_group() as inside:
                inside.start_soon(work, "inside")
        outside.start_soon(work, "outside")
    assert heard == [Advanced("inside", 1, 1)]
