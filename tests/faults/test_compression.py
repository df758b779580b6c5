"""Compressed answers: whatever gzip allows is read, and what was cut on the way is told from what is none."""

from __future__ import annotations

import gzip
import zlib

import anyio
import pytest

from konnect_agent.errors import Undecodable, Unreachable

from .conftest import Connect
from .scripted import Request, ScriptedServer, event, rpc, tool_result

pytestmark = [
    pytest.mark.anyio,
    # httpx2 leaves its own generators open when what they yield is refused; only trio says so.
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]

DATA = {"text": "é" * 3_000_000}  # more than is inflated at once


def plain(request: Request) -> bytes:
    return rpc(request.id, result=tool_result(DATA)).encode()


def in_members(body: bytes) -> bytes:
    """In five members, an empty one among them."""
    parts = (body[:1], body[1:2_000_000], b"", body[2_000_000:-1], body[-1:])
    return b"".join(map(gzip.compress, parts))


@pytest.mark.parametrize("behind", [b"", b"\0" * 8, b"\x1f", b"and more"])
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "X-GZIP"])
async def test_all_members_of_a_compressed_answer_are_read(
    connect: Connect, encoding: str, behind: bytes
) -> None:
    with ScriptedServer(
        lambda request: request.answer(in_members(plain(request)) + behind, content_encoding=encoding)
    ) as server:
        async with connect(server, max_attempts=1) as konnect:
            assert await konnect.call("GetControlPlane") == DATA


async def test_members_are_read_however_they_come_in(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.head(content_encoding="gzip", content_type="text/event-stream", connection="close")
        text = event(rpc(request.id, result=tool_result("fine"))).encode()
        for byte in gzip.compress(text[:20]) + gzip.compress(text[20:]):
            request.write(bytes([byte]))
        request.cut()

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            with anyio.fail_after(20):
                assert await konnect.call("GetControlPlane") == "fine"


@pytest.mark.parametrize("left", [5, 40, 4000, -4000, -9])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_answer_that_was_cut_on_the_way_is_asked_for_again(
    connect: Connect, encoding: str, left: int
) -> None:
    def script(request: Request) -> None:
        body = gzip.compress(plain(request)) if encoding == "gzip" else zlib.compress(plain(request))
        request.answer(body[:left] if request.number == 1 else body, content_encoding=encoding)

    with ScriptedServer(script) as server:
        async with connect(server) as konnect:
            assert await konnect.call("GetControlPlane") == DATA
        assert len(server.of("tools/call")) == (1 if (encoding, left) == ("gzip", -9) else 2)


async def test_an_answer_that_is_always_cut_is_told_as_such(connect: Connect) -> None:
    with ScriptedServer(
        lambda request: request.answer(gzip.compress(plain(request))[:4000], content_encoding="gzip")
    ) as server:
        async with connect(server, max_attempts=2) as konnect:
            with pytest.raises(Unreachable, match="cut"):
                await konnect.call("GetControlPlane")
        assert len(server.of("tools/call")) == 2


@pytest.mark.parametrize(
    "body",
    [b"", gzip.compress(b'{"hello": "world"}'), b"{}", gzip.compress(b"x" * 5000, 1)[:20] + b"?" * 50],
    ids=["nothing", "no answer", "not compressed", "broken"],
)
async def test_a_compressed_body_without_an_answer_is_asked_for_once(connect: Connect, body: bytes) -> None:
    with ScriptedServer(lambda request: request.answer(body, content_encoding="gzip")) as server:
        async with connect(server) as konnect:
            with pytest.raises(Undecodable):
                await konnect.call("GetControlPlane")
        assert len(server.of("tools/call")) == 1
