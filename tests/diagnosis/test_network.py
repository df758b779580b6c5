"""Names, ports and proxies on the way: real ones, on this machine."""

from __future__ import annotations

import socket

import pytest

from konnect_agent.diagnosis import diagnose
from konnect_agent.diagnosis.case import Case

from ..faults.scripted import TOKEN, ScriptedServer
from .conftest import Examine, failures, skipped_because
from .servers import answers, listening, refusing, silence, tunnel

pytestmark = pytest.mark.anyio


async def test_a_name_that_does_not_resolve_is_the_failure_and_nothing_later_is_tried() -> None:
    diagnosis = await diagnose(TOKEN, url="https://us.mcp.konghq.invalid/")
    assert failures(diagnosis) == ["dns"]
    assert "us.mcp.konghq.invalid does not resolve" in diagnosis["dns"].seen
    assert "firewall" in diagnosis["dns"].advice
    assert {"tcp", "tls", "endpoint", "control_planes", "clock"} <= skipped_because(diagnosis, "dns")
    assert diagnosis.family == "connection"


async def test_a_port_on_which_nobody_listens_is_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    diagnosis = await diagnose(TOKEN, url=f"https://localhost:{port}/")
    assert diagnosis["dns"].status == "ok"
    assert "127.0.0.1" in diagnosis["dns"].facts["addresses"]
    assert failures(diagnosis) == ["tcp"]
    assert diagnosis["tcp"].seen == f"No connection to the host localhost port {port}: Connection refused"
    assert diagnosis.family == "connection"


async def test_an_address_needs_no_name_service(examine: Examine) -> None:
    with ScriptedServer(answers) as server:
        diagnosis = await examine(server)
    assert (diagnosis["dns"].status, diagnosis["dns"].seen) == ("skipped", "127.0.0.1 is an address")
    assert diagnosis["tcp"].status == "ok"
    assert diagnosis["tls"].seen == "plain http: nothing is encrypted"
    assert diagnosis["endpoint"].status == "ok"


async def test_behind_a_proxy_it_is_the_proxy_that_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    diagnosis = await diagnose(TOKEN, region="eu")
    assert failures(diagnosis) == ["dns"]
    assert "The proxy proxy.invalid does not resolve" in diagnosis["dns"].seen
    assert "NO_PROXY" in diagnosis["dns"].advice


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP 407 Proxy Authentication Required"),
        (b"HTTP/1.1 403 \x1b[2JForbidden\r\nx: y\r\n\r\n", "HTTP 403"),
        (b"", "hung up"),
        (b"nonsense", "hung up"),
        (b"nonsense\r\n\r\n", "does not let us through"),
    ],
)
async def test_a_proxy_that_does_not_let_through_is_told_by_its_own_words(
    head: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(refusing(head)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://edgar:geheim@127.0.0.1:{port}")
        diagnosis = await diagnose(TOKEN, region="eu")
    assert failures(diagnosis) == ["tls"]
    assert words in diagnosis["tls"].seen
    assert "password" in diagnosis["tls"].advice
    assert "geheim" not in diagnosis.model_dump_json()


async def test_a_proxy_is_told_its_credentials_and_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    with ScriptedServer(answers) as server, listening(tunnel(seen)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://edgar:ge%40heim@127.0.0.1:{port}")
        elsewhere = server.url.replace("http://127.0.0.1", "https://konnect.example")
        diagnosis = await diagnose(TOKEN, url=elsewhere)
    assert failures(diagnosis) == ["tls"]
    assert "does not speak TLS" in diagnosis["tls"].seen
    assert "Basic ZWRnYXI6Z2VAaGVpbQ==" in seen[0]


async def test_a_server_that_takes_everything_and_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Case, "call_limit", 0.2)
    with listening(silence) as port:
        diagnosis = await diagnose(TOKEN, url=f"http://127.0.0.1:{port}/")
    assert failures(diagnosis) == ["endpoint"]
    assert diagnosis["endpoint"].error == "TimedOut"
    assert diagnosis.family == "connection"
