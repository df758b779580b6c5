"""What is logged, and where: each line with its request id, nothing unfiltered, nothing nobody asked for."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import konnect_agent
from konnect_agent.errors import ServerError

from .conftest import Connect
from .scripted import Request, ScriptedServer

UNFILTERED = """
import anyio, logging, sys
from konnect_agent import Konnect

async def main(url, token):
    async with Konnect(token=token, url=url) as konnect:
        await konnect.call("GetControlPlane")

anyio.run(main, *sys.argv[1:])
libraries = ("konnect_agent", "mcp", "client", "httpx2", "httpcore2", "h2", "hpack")
loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
ours = [logger for logger in loggers if logger.name.split(".")[0] in libraries]
print(len(ours), [logger.name for logger in ours if not logger.filters])
"""

RETRYING = """
import anyio, stamina, sys
from konnect_agent import Konnect

@stamina.retry(on=LookupError, attempts=2, wait_initial=0.001)
def of_the_program(failures=[LookupError()]):
    while failures:
        raise failures.pop()

async def main(url, token):
    async with Konnect(token=token, url=url, first_wait=0.001) as konnect:
        await konnect.call("GetControlPlane")
    if sys.argv[3:]:
        of_the_program()

anyio.run(main, *sys.argv[1:3])
"""


@pytest.mark.anyio
async def test_each_retry_logs_one_line_with_its_request_id(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedServer(lambda request: request.answer("", status=503)) as server:
        async with connect(server, max_attempts=3) as konnect:
            with caplog.at_level(logging.INFO, "konnect_agent"), pytest.raises(ServerError) as caught:
                await konnect.call("GetControlPlane")
        sent = {request.headers["x-request-id"] for request in server.of("tools/call")}
    retries = [record.getMessage() for record in caplog.records if ", again in " in record.getMessage()]
    assert sent == {caught.value.request_id}
    assert len(retries) == 2
    assert all(f"request_id={caught.value.request_id}" in line for line in retries)


@pytest.mark.anyio
async def test_what_a_server_says_cannot_forge_a_line(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    said = "gone\nINFO konnect_agent all is well\x1b[2K"
    with ScriptedServer(lambda request: request.answer(said, status=503)) as server:
        async with connect(server, max_attempts=2) as konnect:
            with caplog.at_level(logging.INFO, "konnect_agent"), pytest.raises(ServerError):
                await konnect.call("GetControlPlane")
    told = [record.getMessage() for record in caplog.records if record.name == "konnect_agent"]
    assert any("all is well" in line for line in told)
    assert all(line.isprintable() for line in told)


def test_every_logger_under_us_is_filtered_from_the_first_request_on() -> None:
    """In a process of its own: a library may make its loggers as late as for the first connection."""
    with ScriptedServer(lambda request: request.result([])) as server:
        done = subprocess.run(
            [sys.executable, "-c", UNFILTERED, server.url, server.token],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=Path(konnect_agent.__file__).parents[1],
        )
    number, _, unfiltered = done.stdout.strip().partition(" ")
    assert int(number) > 10
    assert unfiltered == "[]"


@pytest.mark.parametrize(("more", "told"), [((), ""), (("own",), "stamina.retry_scheduled\n")])
def test_our_retries_are_told_to_nobody_who_did_not_ask_and_those_of_the_program_still_are(
    more: tuple[str, ...], told: str
) -> None:
    """In a process without any logging of its own, where Python prints what a library warns of."""

    def script(request: Request) -> None:
        if request.number <= 2:
            request.answer("", status=503)
        else:
            request.result([])

    with ScriptedServer(script) as server:
        done = subprocess.run(
            [sys.executable, "-c", RETRYING, server.url, server.token, *more],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=Path(konnect_agent.__file__).parents[1],
        )
        assert len(server.of("tools/call")) == 3
    assert (done.stdout, done.stderr) == ("", told)
