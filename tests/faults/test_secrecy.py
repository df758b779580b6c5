"""Neither the token nor a secret of the configuration gets out, by a log, an event or an error."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from itertools import product
from typing import get_args
from urllib.parse import quote

import httpx2
import pytest

from konnect_agent import Konnect, events
from konnect_agent.errors import KonnectError, Undecodable
from konnect_agent.redaction import scrub_quoted
from konnect_agent.sandbox import DEFAULT_TOKEN, Sandbox
from konnect_agent.sandbox.answers import Envelope
from konnect_agent.sandbox.world import World

from .conftest import Connect
from .scripted import Request, ScriptedServer, event, rpc, tool_result

ANSWERS: list[tuple[str, Envelope]] = list(product(["2025", "2026"], get_args(Envelope)))
LIBRARIES = ("konnect_agent", "mcp", "client", "httpx2", "httpcore2")


class Everything(logging.Handler):
    """Keeps each record as a file would show it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.names: set[str] = set()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        library = record.name.partition(".")[0]
        if library in LIBRARIES:
            self.names.add(library)
            self.lines.append(self.format(record))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def logged() -> Iterator[Everything]:
    """All that is logged, with every library at DEBUG."""
    root, handler = logging.getLogger(), Everything()
    before = root.level, {name: logging.getLogger(name).level for name in LIBRARIES}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before[0])
    for name, level in before[1].items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def plain_secrets(world: World) -> tuple[str, ...]:
    """The secrets that the invented organisation's plugins hold in plain text."""
    secrets = ("tidal-otter-41-broom", "sk_live_7Qm2vXw90aTZ4Lk")
    plugins = json.dumps([plane.plugins for plane in world.control_planes])
    assert all(secret in plugins for secret in secrets)
    return secrets


@pytest.mark.anyio
@pytest.mark.parametrize("answers", ANSWERS, ids="-".join)
async def test_no_log_line_carries_the_token_or_a_secret_of_a_plugin(
    connect: Connect,
    world: World,
    logged: Everything,
    plain_secrets: tuple[str, ...],
    answers: tuple[str, Envelope],
) -> None:
    era, envelope = answers
    with Sandbox(world=world, eras=(era,), envelope=envelope, faults="429:1,reset:1") as sandbox:
        async with connect(sandbox) as konnect:
            planes = await konnect.control_planes.list()
            configs = [
                plugin.config for plane in planes for plugin in await konnect.plugins.list(plane.id or "")
            ]
            await konnect.call("KnowledgeBaseSearch", {"query": f"what is {sandbox.token}"})
    assert all(secret in repr(configs) for secret in plain_secrets)  # they did come over the wire
    assert logged.names >= {"konnect_agent", "mcp", "httpx2", "httpcore2"}
    assert DEFAULT_TOKEN not in logged.text
    assert [secret for secret in plain_secrets if secret in logged.text] == []


@pytest.mark.anyio
async def test_what_a_hostile_server_says_about_the_token_is_not_repeated(
    connect: Connect, logged: Everything
) -> None:
    def script(request: Request) -> None:
        token = request.headers["authorization"].removeprefix("Bearer ")
        if request.number == 1:
            body = {"status": 500, "title": token, "detail": f"bad token {token}", "instance": token}
            request.answer(json.dumps(body), status=500, x_request_id=token)
        elif request.number == 2:
            request.answer(f"<html>{token}</html>")
        elif request.number == 3:
            request.answer("", status=307, location=f"http://127.0.0.1:9/{token}")
        elif request.number == 4:
            request.stream(event(token))
        elif request.number == 5:
            request.answer(rpc(request.id, error={"code": -1, "message": token, "data": {"token": token}}))
        else:
            request.answer(rpc(request.id, result=tool_result(f"Error {token}", is_error=True)))

    errors: list[KonnectError] = []
    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            for _ in range(6):
                with pytest.raises(KonnectError) as caught:
                    await konnect.call("GetControlPlane", {"remark": server.token})
                errors.append(caught.value)
    for error in errors:
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert server.token not in shown
    assert server.token not in logged.text
    assert "[redacted]" in logged.text  # the libraries do log what a server says in its headers


HEADER_SECRETS = {
    "apikey": "gw key/SECRET+4711",
    "X-Shop-Door": "Zq8rT2vLm5Xw",
    "Proxy-Authorization": "Basic c29tZWJvZHk6c2VjcmV0LTE=",
}


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "secret"), HEADER_SECRETS.items(), ids=HEADER_SECRETS)
async def test_what_a_server_says_about_a_header_of_the_callers_is_not_repeated(
    connect: Connect, logged: Everything, name: str, secret: str
) -> None:
    credential = secret.removeprefix("Basic ")

    def script(request: Request) -> None:
        told = request.headers[name.lower()].removeprefix("Basic ")
        if request.number == 1:
            body = {"status": 500, "title": told, "detail": f"who is {told}?", "instance": told}
            request.answer(json.dumps(body), status=500, x_request_id=told)
        elif request.number == 2:
            request.answer("x" * (300 - len(told) // 2) + told)  # an excerpt would cut it in two
        elif request.number == 3:
            request.answer("", status=307, location=f"http://127.0.0.1:9/{quote(told, safe='')}")
        elif request.number == 4:
            request.stream(event(told))
        elif request.number == 5:
            request.answer(rpc(request.id, error={"code": -1, "message": told, "data": {"what": told}}))
        elif request.number == 6:
            request.answer("x" * (2000 - len(told) // 2) + told, status=403)
        elif request.number == 7:
            request.answer(json.dumps({"message": json.dumps({"seen": told})}), status=401)
        else:
            request.answer(rpc(request.id, result=tool_result(f"Error {told}", is_error=True)))

    half = credential[: len(credential) // 2 - 1]
    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1, headers={name: secret, "X-Retry": "1"}) as konnect:
            for _ in range(8):
                with pytest.raises(KonnectError) as caught:
                    await konnect.call("GetControlPlane")
                error = caught.value
                shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
                assert [form for form in (half, quote(half, safe="")) if form in shown] == []
                assert str(error)
    assert credential not in logged.text
    assert "[redacted]" in logged.text


@pytest.mark.anyio
async def test_a_key_of_the_callers_own_http_client_is_not_repeated_either(connect: Connect) -> None:
    def script(request: Request) -> None:
        request.answer(f"who is {request.headers['x-api-key']}?", status=500)

    async with httpx2.AsyncClient(headers={"X-Api-Key": "client-key-0815"}) as client:
        with ScriptedServer(script) as server:
            async with connect(server, max_attempts=1, http_client=client) as konnect:
                with pytest.raises(KonnectError) as caught:
                    await konnect.call("GetControlPlane")
    assert "who is [redacted]?" in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize("rest", ["", ', "then": ', "}} and more"], ids=["cut", "broken", "followed"])
async def test_an_answer_that_cannot_be_read_is_shown_without_its_secrets(
    connect: Connect, logged: Everything, rest: str
) -> None:
    def script(request: Request) -> None:
        request.answer(f'{{"jsonrpc": "2.0", "id": {request.id}, "result": {{"password": "tidal-otter"{rest}')

    with ScriptedServer(script) as server:
        async with connect(server, max_attempts=1) as konnect:
            with pytest.raises(Undecodable) as caught:
                await konnect.call("GetControlPlane")
    assert "jsonrpc" in caught.value.excerpt
    assert "tidal-otter" not in str(caught.value) + caught.value.excerpt + logged.text


@pytest.mark.anyio
async def test_the_events_of_a_call_carry_no_secret(connect: Connect) -> None:
    told: list[events.Event] = []
    with ScriptedServer(lambda request: request.result([])) as server:
        async with connect(server) as konnect:
            with events.listening(told.append):
                await konnect.call("GetControlPlane", {"password": "hunter2-hunter2", "note": server.token})
        sent = server.of("tools/call")[0].message["params"]["arguments"]
    assert sent == {"password": "hunter2-hunter2", "note": server.token}
    assert told
    assert "hunter2" not in repr(told)
    assert server.token not in repr(told)


@pytest.mark.anyio
async def test_each_call_logs_one_line_with_its_request_id(connect: Connect, logged: Everything) -> None:
    with ScriptedServer(lambda request: request.result([])) as server:
        async with connect(server) as konnect:
            await konnect.call("GetControlPlane")
        sent = server.of("tools/call")[0].headers["x-request-id"]
    (line,) = [line for line in logged.lines if line.startswith("INFO konnect_agent GetControlPlane ok")]
    assert f"request_id={sent}" in line


@pytest.mark.parametrize(
    "piece", ['"key": "', '"key": [', "\\", '\\"', '"', '"key": "{vault://a/b}"', "eyJ.", "kpat_"]
)
def test_no_text_takes_long_to_be_made_harmless(piece: str) -> None:
    """A hundred thousand times; whatever is not linear here takes hours."""
    scrub_quoted(piece * 100_000)


def test_no_repr_shows_the_token() -> None:
    konnect = Konnect(token="kpat_Very0Secret0Indeed", headers={"x-api-key": "kpat_Another0One"})
    for shown in (repr(konnect), repr(konnect.config), str(konnect.config)):
        assert "kpat_" not in shown
