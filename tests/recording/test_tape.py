"""The file: what is refused and why, and what is there when something goes wrong."""

from __future__ import annotations

import json
import logging
import os
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from konnect_agent import ConfigError, Konnect
from konnect_agent.models import ControlPlane
from konnect_agent.recording.tape import VERSION
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World

from ..handmade import TOKEN, Serve, told
from .taped import lines, rewritten

Client = Callable[..., Konnect]


@pytest.fixture
def tape(tmp_path: Path, sandbox: Sandbox, client: Client) -> Path:
    """A small recording."""
    path = tmp_path / "run.jsonl"

    async def record() -> None:
        async with client(sandbox, record=path) as konnect:
            await konnect.control_planes.list()

    anyio.run(record)
    return path


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}\n", b'{"recording": "1"}\n', b'{"recording": 1}\n', b"root:x:0:0\n", b"\xff\xfe\x00",
     b"[1]\n", b'{"pattern": "audit_configuration", "status": "complete"}\n'],
)  # fmt: skip
def test_what_is_no_recording_is_refused_as_that(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is no recording of konnect-agent"):
        Konnect.replay(path)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Konnect.replay(tmp_path / "nowhere.jsonl")


def test_a_recording_of_a_newer_form_names_the_program_that_made_it(tape: Path) -> None:
    header, *rest = lines(tape)
    newer = rewritten(tape, [header | {"recording": VERSION + 1, "program": "9.8.7", "more": 1}, *rest])
    with pytest.raises(ConfigError, match=r"newer form \(2\)") as caught:
        Konnect.replay(newer)
    assert "9.8.7" in caught.value.hint


def test_a_recording_that_is_cut_off_says_where(tape: Path) -> None:
    text = tape.read_text(encoding="utf-8")
    tape.write_text(text[: text.index('"answer"') + 40], encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cut off in line 3") as caught:
        Konnect.replay(tape)
    assert "Delete that line" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (2, {"heard": 1}),
        (3, {"tool": "GetService"}),
        (3, {"tool": "GetService", "arguments": [], "attempts": 1, "duration_s": 1, "at": 1}),
        (3, {}),
    ],
)
def test_a_line_that_is_none_is_named(tape: Path, number: int, line: dict[str, Any]) -> None:
    edited = lines(tape)
    edited[number - 1] = line
    with pytest.raises(ConfigError, match=f"Line {number} of the recording"):
        Konnect.replay(rewritten(tape, edited))


@pytest.mark.parametrize(
    ("number", "change", "told"),
    [
        (3, {"error": {"type": "SystemExit", "message": "now"}}, "there is no error called SystemExit"),
        (3, {"error": {"type": "ToolError"}}, "the error ToolError has no such message"),
        (3, {"error": {"type": "Forbidden", "message": {}, "status": 403}}, "Forbidden has no such message"),
        (3, {"error": {"type": "Forbidden", "message": "no"}}, "the error Forbidden has no such status"),
        (3, {"error": {"type": "NoMatch", "message": "no", "candidates": [1]}}, "no such candidates"),
        (3, {"at": float("nan")}, "at: "),
        (3, {"answer": "\ud800"}, ""),
        (2, {"tools": [{"title": "no name"}]}, "tools.0"),
        (2, {"tools": [{"name": "GetService", "input_schema": [1]}]}, "tools.0.input_schema"),
    ],
)  # fmt: skip
def test_contents_that_cannot_be_are_refused_before_anything_is_asked_with_their_line(
    tape: Path, number: int, change: dict[str, Any], told: str
) -> None:
    edited = lines(tape)
    edited[number - 1] |= change
    with pytest.raises(ConfigError, match=f"Line {number} of the recording .* is .*{told}"):
        Konnect.replay(rewritten(tape, edited))


@pytest.mark.parametrize("date", ["2026-01-01T00:00:00", "9999-12-31T23:59:59Z", "yesterday", 5e11])
def test_a_recording_that_began_at_no_time_is_none(tape: Path, date: Any) -> None:
    header, *rest = lines(tape)
    with pytest.raises(ConfigError, match="is no recording"):
        Konnect.replay(rewritten(tape, [header | {"started_at": date}, *rest]))


@pytest.mark.parametrize("left", [{}, {"error": None}])
def test_a_call_without_answer_and_error_is_damage_and_named(tape: Path, left: dict[str, Any]) -> None:
    edited = lines(tape)
    del edited[2]["answer"]
    with pytest.raises(ConfigError, match=r"Line 3 of the recording .* neither an answer nor an error"):
        Konnect.replay(rewritten(tape, [*edited[:2], edited[2] | left, *edited[3:]]))


@pytest.mark.anyio
async def test_an_answer_that_is_null_is_written_and_replayed_as_that(serve: Serve, tmp_path: Path) -> None:
    tape = tmp_path / "run.jsonl"
    server = serve({"Say": told("null")})
    async with Konnect(TOKEN, url=server.url, record=tape) as konnect:
        assert await konnect.call("Say") is None
    called = lines(tape)[2]
    assert (called["answer"], "error" in called) == (None, False)
    async with Konnect.replay(tape) as konnect:
        assert await konnect.call("Say") is None


def test_an_address_that_could_never_be_one_is_refused(tape: Path) -> None:
    header, *rest = lines(tape)
    with pytest.raises(ConfigError, match="not an http"):
        Konnect.replay(rewritten(tape, [header | {"endpoint": "nowhere"}, *rest]))


@pytest.mark.parametrize("path", ["no/such/folder/run.jsonl", ".", "/dev/full"])
@pytest.mark.anyio
async def test_a_file_that_cannot_be_written_is_refused_before_connecting(
    tmp_path: Path, world: World, client: Client, path: str
) -> None:
    with Sandbox(world=world) as own:
        with pytest.raises(ConfigError, match="recording cannot be written"):
            async with client(own, record=tmp_path / path):
                pass
        assert own.ledger.http == {}


@pytest.mark.anyio
async def test_every_line_can_be_read_by_a_person_and_nothing_in_it_acts(
    serve: Serve, tmp_path: Path
) -> None:
    tape = tmp_path / "run.jsonl"
    said = "Ünïcode \u202e\x1b[31m\u2028\ud83d\ude00"
    server = serve({"Say": told(json.dumps({"said": said}))})
    async with Konnect(TOKEN, url=server.url, record=tape) as konnect:
        answer = await konnect.call("Say")
    text = tape.read_text(encoding="utf-8")
    assert "Ünïcode" in text
    assert all(line.isprintable() for line in text.removesuffix("\n").split("\n"))
    async with Konnect.replay(tape) as konnect:
        assert await konnect.call("Say") == answer


@pytest.mark.anyio
async def test_an_interrupted_run_leaves_what_happened_and_says_so(
    tmp_path: Path, sandbox: Sandbox, client: Client
) -> None:
    tape = tmp_path / "run.jsonl"
    seen: list[Sequence[ControlPlane]] = []
    with anyio.CancelScope() as scope:
        async with client(sandbox, record=tape) as konnect:
            seen.append(await konnect.control_planes.list())
            scope.cancel()
            await konnect.vaults.list("any")
    assert [next(iter(line)) for line in lines(tape)] == ["recording", "connected", "tool"]
    async with Konnect.replay(tape) as konnect:
        assert [await konnect.control_planes.list()] == seen


@pytest.mark.anyio
async def test_a_failed_run_is_a_whole_recording(tmp_path: Path, sandbox: Sandbox, client: Client) -> None:
    tape = tmp_path / "run.jsonl"
    with pytest.raises(RuntimeError, match="mine"):
        async with client(sandbox, record=tape):
            raise RuntimeError("mine")
    assert lines(tape)[-1] == {"end": "whole"}


@pytest.mark.anyio
async def test_a_disk_that_is_full_ends_the_recording_and_not_the_run(
    tmp_path: Path, sandbox: Sandbox, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    tape = tmp_path / "run.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with client(sandbox, record=tape) as konnect:
        limit = os.stat(tape).st_size + 100
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with caplog.at_level(logging.WARNING, "konnect_agent"):
                planes = await konnect.control_planes.list()
                assert await konnect.control_planes.list() == planes
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = [record.getMessage() for record in caplog.records if record.name == "konnect_agent.recording"]
    assert said == [f"The recording {tape} ends here: File too large"]
    assert tape.stat().st_size == limit


@pytest.mark.anyio
async def test_only_times_and_ids_of_requests_differ_between_two_recordings_of_the_same(
    tmp_path: Path, sandbox: Sandbox, client: Client
) -> None:
    def same(path: Path) -> list[dict[str, Any]]:
        varying = {"started_at", "at", "duration_s", "request_id"}
        return [{key: value for key, value in line.items() if key not in varying} for line in lines(path)]

    tapes = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    for tape in tapes:
        async with client(sandbox, record=tape) as konnect:
            for plane in await konnect.control_planes.list():
                await konnect.plugins.list(plane.id or "")
    assert same(tapes[0]) == same(tapes[1])
