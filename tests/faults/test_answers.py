"""Whatever an answer looks like, it is read correctly or refused in words, and never waited for in vain."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable

import anyio
import pytest

from konnect_agent import Konnect
from konnect_agent.errors import KonnectError, TimedOut, TooLarge, Undecodable, Unreachable
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, ScriptedServer, event, rpc, tool_result

pytestmark = [
    pytest.mark.anyio,
    # httpx2 leaves its own generators open when it refuses what they yield; only trio says so.
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]

MEBIBYTE = 1024 * 1024
PLANES = [{"id": "8e5e8bd8-6b0a-4a0b-9c6d-0d6a3b0a1c55", "name": "shop"}]


def answer_to(request: Request, data: object = PLANES) -> str:
    return rpc(request.id, result=tool_result(data))


async def asked(konnect: Konnect) -> object:
    with anyio.fail_after(20):
        return await konnect.call("GetControlPlane", {"operation": "list"})


def in_one_event(request: Request, data: object) -> None:
    request.stream(event(answer_to(request, data)))


def in_one_document(request: Request, data: object) -> None:
    request.answer(answer_to(request, data))


def compressed(request: Request, data: object) -> None:
    request.answer(gzip.compress(answer_to(request, data).encode(), 1), content_encoding="gzip")


@pytest.mark.parametrize(("mebibytes", "send"), [(5, in_one_event), (10, in_one_document)])
async def test_large_answers_arrive_whole(
    connect: Connect, mebibytes: int, send: Callable[[Request, object], None]
) -> None:
    data = {"text": "é" * (mebibytes * MEBIBYTE // 2)}
    with ScriptedServer(lambda request: send(request, data)) as server:
        async with connect(server) as konnect:
            assert await asked(konnect) == data


@pytest.mark.parametrize("send", [in_one_event, in_one_document, compressed])
async def test_an_answer_over_the_cap_is_refused_and_costs_only_that_call(
    connect: Connect, send: Callable[[Request, object], None]
) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            send(request, {"text": "x" * 3 * MEBIBYTE})
        else:
            request.result(PLANES)

    with ScriptedServer(script) as server:
        async with connect(server, max_response_bytes=2 * MEBIBYTE) as konnect:
            with pytest.raises(TooLarge) as caught:
                await asked(konnect)
            assert await asked(konnect) == PLANES
        assert len(server.of("initialize")) == 1
    assert caught.value.cap == 2 * MEBIBYTE
    assert caught.value.size >= caught.value.cap
    assert f"{2 * MEBIBYTE:,}" in str(caught.value)
    assert "GetControlPlane" in str(caught.value)
    assert "max_response_bytes" in caught.value.hint


def lying(request: Request) -> None:
    """A length that is none, because the chunks behind it decide."""
    request.head(content_length="10", transfer_encoding="chunked")
    for _ in range(40):
        request.write(b"%x\r\n%s\r\n" % (MEBIBYTE, b" " * MEBIBYTE))
    request.write("0\r\n\r\n")


def bomb(request: Request, content_type: str = "application/json") -> None:
    """A gibibyte of line ends in one packet."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflate.compress(b"\n" * MEBIBYTE) + deflate.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
    request.answer(head + block * 1024, content_encoding="gzip", content_type=content_type)


def bomb_of_events(request: Request) -> None:
    bomb(request, content_type="text/event-stream")


@pytest.mark.parametrize("send", [lying, bomb])
async def test_nothing_is_read_far_beyond_the_cap_whatever_was_announced(
    connect: Connect, send: Callable[[Request], None]
) -> None:
    with ScriptedServer(send) as server:
        async with connect(server, max_response_bytes=MEBIBYTE, max_attempts=1) as konnect:
            with pytest.raises(TooLarge) as caught:
                await asked(konnect)
    assert caught.value.size <= 2 * MEBIBYTE


async def test_a_stream_of_nothing_that_was_compressed_ends_with_the_time_of_the_call(
    connect: Connect,
) -> None:
    with ScriptedServer(bomb_of_events) as server:
        async with connect(server, call_timeout=0.1, max_attempts=1) as konnect:
            with pytest.raises(TimedOut) as caught:
                await asked(konnect)
    assert caught.value.limit == "call"


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
async def test_encodings_on_top_of_each_other_are_not_taken_off(connect: Connect, content_type: str) -> None:
    def script(request: Request) -> None:
        twice = gzip.compress(gzip.compress(answer_to(request).encode()))
        request.answer(twice, content_encoding="gzip, gzip", content_type=content_type)

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises(Undecodable, match="several encodings"):
                await asked(konnect)


async def test_a_compressed_event_stream_is_an_answer(connect: Connect) -> None:
    def script(request: Request) -> None:
        body = gzip.compress(event(answer_to(request)).encode())
        request.answer(body, content_encoding="gzip", content_type="text/event-stream")

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            assert await asked(konnect) == PLANES


async def test_an_answer_without_end_is_cut_off_at_the_cap(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults=Faults("oversize:1", oversize=1024 * MEBIBYTE)) as sandbox:
        async with connect(sandbox, max_response_bytes=MEBIBYTE) as konnect:
            with pytest.raises(TooLarge) as caught:
                await konnect.control_planes.list()
            assert await konnect.control_planes.list()
    assert caught.value.size < 8 * MEBIBYTE


async def test_a_slow_drip_is_an_answer(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults=Faults("slow:1", drip=0.2)) as sandbox:
        async with connect(sandbox, idle_timeout=5.0) as konnect:
            assert await konnect.control_planes.list()
        assert len(sandbox.ledger.calls) == 1


NONSENSE: dict[str, Callable[[Request], None]] = {
    "a login page": lambda r: r.answer("<html><h1>Sign in</h1></html>", content_type="text/html"),
    "a login page that calls itself JSON": lambda r: r.answer("<!doctype html><html></html>"),
    "garbage": lambda r: r.answer(b"\x00\xff{{not json"),
    "plain text": lambda r: r.answer("All is well.", content_type="text/plain"),
    "an empty body": lambda r: r.answer(""),
    "202 Accepted": lambda r: r.answer("", status=202),
    "204 No Content": lambda r: r.answer("", status=204),
    "JSON that is no message": lambda r: r.answer('{"ok": true}'),
    "a JSON list": lambda r: r.answer("[1, 2, 3]"),
    "JSON too deep to read": lambda r: r.answer("[" * 100_000),
    "an answer too deep to read": lambda r: r.answer(
        f'{{"jsonrpc": "2.0", "id": {r.id}, "result": {{"content": [], "x": {"[" * 300}{"]" * 300}}}}}'
    ),
    "a result of nothing": lambda r: r.answer(rpc(r.id, result=None)),
    "a result that is a list": lambda r: r.stream(event(rpc(r.id, result=PLANES))),
    "an id that only looks like it": lambda r: r.answer(rpc([r.id], result=tool_result(PLANES))),
    "an id without end": lambda r: r.answer(f'{{"jsonrpc": "2.0", "id": {"9" * 5000}, "result": {{}}}}'),
    "half a message": lambda r: r.answer(answer_to(r)[:40]),
    "the answer to another request": lambda r: r.answer(rpc(4711, result=tool_result(PLANES))),
    "an event with the answer to another request": lambda r: r.stream(
        event(rpc(4711, result=tool_result(PLANES)))
    ),
    "events that are no JSON": lambda r: r.stream(event("hello"), event("world")),
    "an event stream of nothing": lambda r: r.stream(),
    "an event stream of comments": lambda r: r.stream(": ping\n\n", ": ping\n\n"),
    "an event that breaks off": lambda r: r.stream(event(answer_to(r))[:60]),
    "a result that is none": lambda r: r.answer(rpc(r.id, result={"content": "nothing to see"})),
    "a compression that is none": lambda r: r.answer(answer_to(r), content_encoding="gzip"),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_nonsense_is_told_in_words_and_costs_only_that_call(connect: Connect, nonsense: str) -> None:
    def script(request: Request) -> None:
        if request.number == 1:
            NONSENSE[nonsense](request)
        else:
            request.result(PLANES)

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises((Undecodable, Unreachable)) as caught:
                await asked(konnect)
            assert await asked(konnect) == PLANES
        assert len(server.of("initialize")) == 1
    error = caught.value
    assert error.operation == "GetControlPlane"
    assert error.request_id
    assert error.hint


async def test_a_login_page_is_called_one(connect: Connect, world: World) -> None:
    with Sandbox(world=world, faults="html:1") as sandbox:
        async with connect(sandbox) as konnect:
            with pytest.raises(Undecodable, match="HTML page") as caught:
                await konnect.control_planes.list()
    assert "proxy" in caught.value.hint
    assert "regional host" in caught.value.hint


CORRECT: dict[str, Callable[[Request], None]] = {
    "a wrong content type": lambda r: r.answer(answer_to(r), content_type="text/plain"),
    "no content type": lambda r: r.answer(answer_to(r), content_type=""),
    "a content type with a charset": lambda r: r.answer(
        answer_to(r), content_type="Application/JSON; charset=utf-8"
    ),
    "the id as a string": lambda r: r.answer(rpc(str(r.id), result=tool_result(PLANES))),
    "the version left out": lambda r: r.answer(json.dumps({"id": r.id, "result": tool_result(PLANES)})),
    "an error that is none": lambda r: r.answer(rpc(r.id, result=tool_result(PLANES), error=None)),
    "an event of another name": lambda r: r.stream(event(answer_to(r), name="result")),
    "202 Accepted, with the answer": lambda r: r.answer(answer_to(r), status=202),
    "a batch of one": lambda r: r.answer(f"[{answer_to(r)}]"),
    "a byte order mark before it": lambda r: r.answer(b"\xef\xbb\xbf" + answer_to(r).encode()),
    "an error about no request before it": lambda r: r.stream(
        event(rpc(None, error={"code": -32000, "message": "another one broke"})), event(answer_to(r))
    ),
    "an error about no request before it in a batch": lambda r: r.answer(
        f"[{rpc(None, error={'code': -32000, 'message': 'another one broke'})}, {answer_to(r)}]"
    ),
    "white space around it": lambda r: r.answer(f"\n\n  {answer_to(r)}  \n"),
    "the answer twice": lambda r: r.stream(event(answer_to(r)), event(answer_to(r))),
    "the answer, then another": lambda r: r.stream(event(answer_to(r)), event(answer_to(r, ["later"]))),
    "the answer to another request first": lambda r: r.stream(
        event(rpc(4711, result=tool_result(["not mine"]))), event(answer_to(r))
    ),
    "events out of order": lambda r: r.stream(event("", event_id="9"), event(answer_to(r), event_id="3")),
    "other events around it": lambda r: r.stream(
        ": ping\n\n",
        event("{}", name="heartbeat"),
        event(json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})),
        event(answer_to(r)),
        ": ping\n\n",
    ),
    "several data lines": lambda r: r.stream(
        event(json.dumps({"jsonrpc": "2.0", "id": r.id, "result": tool_result(PLANES)}, indent=1))
    ),
    "line feeds alone": lambda r: r.stream(event(answer_to(r)).replace("\r\n", "\n")),
    "fields nobody knows": lambda r: r.answer(rpc(r.id, result={**tool_result(PLANES), "surprise": 1})),
}


@pytest.mark.parametrize("form", CORRECT)
async def test_a_peculiar_answer_is_still_the_answer(connect: Connect, form: str) -> None:
    with ScriptedServer(CORRECT[form]) as server:
        async with connect(server, max_attempts=1) as konnect:
            assert await asked(konnect) == PLANES


async def test_a_stream_that_stays_open_behind_the_answer_holds_nobody_up(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(content_type="text/event-stream")
        request.write(event(answer_to(request)))
        request.hold()

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            assert await asked(konnect) == PLANES
            assert await asked(konnect) == PLANES


async def test_an_error_about_no_request_is_the_answer_when_no_better_one_comes(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(content_type="text/event-stream")
        request.write(event(rpc(None, error={"code": -32700, "message": "Parse error"})))
        request.hold()

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises(Undecodable, match="Parse error"):
                await asked(konnect)


async def test_json_that_breaks_off_with_its_connection_is_asked_for_again(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(connection="close")
        request.write(answer_to(request)[: 40 if request.number == 1 else None])
        request.cut()

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await asked(konnect) == PLANES
        assert len(server.of("tools/call")) == 2


async def test_json_that_calls_itself_events_is_no_cut_connection(connect: Connect) -> None:
    with ScriptedServer(lambda r: r.answer(answer_to(r), content_type="text/event-stream")) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises(Unreachable, match="event stream without an answer"):
                await asked(konnect)


async def test_a_stream_that_breaks_off_is_resumed_where_it_broke(connect: Connect) -> None:
    waiting: list[Request] = []

    def script(request: Request) -> None:
        waiting.append(request)
        request.stream(event("", event_id="e1", retry=1))

    def resumed(request: Request) -> None:
        request.stream(event(answer_to(waiting[-1]), event_id="e2"))

    with ScriptedServer(script, others={"GET": resumed}) as server:
        async with connect(server, max_attempts=1) as konnect:
            assert await asked(konnect) == PLANES
        (get,) = server.of("GET")
        assert get.headers["last-event-id"] == "e1"
        assert get.headers["mcp-session-id"] == server.of("tools/call")[0].headers["mcp-session-id"]
        assert len(server.of("tools/call")) == 1


async def test_a_stream_that_cannot_be_resumed_is_unreachable(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.stream(event("", event_id="e1", retry=1))) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises(Unreachable, match="cut"):
                await asked(konnect)


async def test_a_stream_that_the_server_ends_without_an_answer_is_told_as_such(connect: Connect) -> None:
    with ScriptedServer(lambda request: request.stream()) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises(Unreachable, match="ended its event stream without an answer") as caught:
                await asked(konnect)
    assert caught.value.sent


async def test_a_server_that_only_ever_promises_is_given_up_on(connect: Connect) -> None:
    def promise(request: Request) -> None:
        request.stream(event("", event_id=f"e{request.number}", retry=1))

    with ScriptedServer(promise, others={"GET": promise}) as server:
        async with connect(server, max_attempts=1, call_timeout=0.5) as konnect:
            with pytest.raises(KonnectError):
                await asked(konnect)


async def test_hundreds_of_answers_out_of_order_find_their_callers(connect: Connect) -> None:
    def echo(request: Request) -> None:
        if request.number % 2:
            request.wait_for("tools/call", request.number + 1)
        request.result({"n": request.message["params"]["arguments"]["n"]})

    with ScriptedServer(echo) as server:
        async with connect(server) as konnect:
            answers: dict[int, object] = {}

            async def one(n: int) -> None:
                answers[n] = await konnect.call("GetControlPlane", {"n": n})

            with anyio.fail_after(30):
                async with anyio.create_task_group() as tasks:
                    for n in range(200):
                        tasks.start_soon(one, n)
    assert answers == {n: {"n": n} for n in range(200)}
