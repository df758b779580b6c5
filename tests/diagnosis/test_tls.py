"""Certificates of all kinds, told apart, each with the next thing to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from konnect_agent.diagnosis import diagnose

from ..faults.scripted import TOKEN, ScriptedServer
from .conftest import Examine, failures, skipped_because
from .servers import answers, certificate, listening, self_signed, serving, tunnel

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Edge Team")


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one this machine knows."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.mark.usefixtures("trusted")
async def test_a_good_certificate_is_told_with_its_issuer_and_its_end(
    authority: trustme.CA, examine: Examine
) -> None:
    with ScriptedServer(answers, tls=serving(certificate(authority, "good"))) as server:
        diagnosis = await examine(server)
    found = diagnosis["tls"]
    assert (found.status, found.facts["issuer"]) == ("ok", "Edge Team")
    assert found.seen == "TLSv1.3, certificate by Edge Team until 3000-01-01"
    assert diagnosis["endpoint"].status == "ok"


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("kind", "words", "advice"),
    [
        ("expired", "has expired", "clock"),
        ("early", "is not valid yet", "clock"),
        ("10.0.0.1", "is for another address", "URL"),
        ("elsewhere.example", "is for another address", "URL"),
    ],
)
async def test_a_certificate_that_is_wrong_is_told_by_what_is_wrong(
    kind: str, words: str, advice: str, authority: trustme.CA, examine: Examine
) -> None:
    with ScriptedServer(answers, tls=serving(certificate(authority, kind))) as server:
        diagnosis = await examine(server)
        assert server.requests == []
    assert failures(diagnosis) == ["tls"]
    assert words in diagnosis["tls"].seen
    assert advice in diagnosis["tls"].advice
    assert "endpoint" in skipped_because(diagnosis, "tls")
    assert diagnosis.family == "connection"


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_name_is_told_as_such(authority: trustme.CA) -> None:
    with ScriptedServer(answers, tls=serving(certificate(authority, "elsewhere.example"))) as server:
        diagnosis = await diagnose(TOKEN, url=server.url.replace("127.0.0.1", "localhost"))
    assert "is for another name" in diagnosis["tls"].seen


async def test_an_authority_nobody_knows_is_a_hint_at_a_private_one(
    authority: trustme.CA, examine: Examine
) -> None:
    with ScriptedServer(answers, tls=serving(certificate(authority, "good"))) as server:
        diagnosis = await examine(server)
    assert "is of an authority this machine does not know" in diagnosis["tls"].seen
    assert "SSL_CERT_FILE" in diagnosis["tls"].advice


async def test_a_certificate_signed_by_itself_is_told_as_such(tmp_path: Path, examine: Examine) -> None:
    with ScriptedServer(answers, tls=self_signed(tmp_path)) as server:
        diagnosis = await examine(server)
    assert "is signed by itself" in diagnosis["tls"].seen
    assert "SSL_CERT_FILE" in diagnosis["tls"].advice


async def test_a_server_without_tls_and_one_that_hangs_up_are_told_apart() -> None:
    with ScriptedServer(answers) as server:
        plain = await diagnose(TOKEN, url=server.url.replace("http:", "https:"))
    assert "does not speak TLS" in plain["tls"].seen
    assert "https on port 443" in plain["tls"].advice
    with listening(lambda connection: None) as port:
        gone = await diagnose(TOKEN, url=f"https://127.0.0.1:{port}/")
    assert "hung up in the TLS handshake" in gone["tls"].seen


@pytest.mark.usefixtures("trusted")
async def test_the_handshake_goes_through_the_tunnel_of_a_proxy(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    with (
        ScriptedServer(answers, tls=serving(certificate(authority, "konnect.example"))) as server,
        listening(tunnel(seen)) as port,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        diagnosis = await diagnose(TOKEN, url=server.url.replace("127.0.0.1", "konnect.example"))
    assert (diagnosis["tls"].status, diagnosis["endpoint"].status) == ("ok", "ok")
    assert len(seen) >= 2
    assert all(head.startswith("CONNECT konnect.example:") for head in seen)


@pytest.mark.usefixtures("trusted")
async def test_this_machine_is_reached_without_the_proxy(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, examine: Examine
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    with ScriptedServer(answers, tls=serving(certificate(authority, "good"))) as server:
        diagnosis = await examine(server)
    assert diagnosis["endpoint"].status == "ok"
    assert diagnosis["proxy"].seen == "none for this URL"


async def test_a_proxy_of_another_kind_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(lambda connection: None) as port:
        monkeypatch.setenv("ALL_PROXY", f"https://127.0.0.1:{port}")
        diagnosis = await diagnose(TOKEN, region="eu")
    assert diagnosis["tls"].seen == "not looked at through a https proxy"
    assert failures(diagnosis) == ["endpoint"]


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_certificates_that_cannot_be_read_are_a_matter_of_configuration(
    content: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    authority: trustme.CA,
    examine: Examine,
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with ScriptedServer(answers, tls=serving(certificate(authority, "good"))) as server:
        diagnosis = await examine(server)
    assert failures(diagnosis) == ["tls"]
    assert diagnosis.family == "configuration"
    assert f"of SSL_CERT_FILE ({file}) cannot be read" in diagnosis["tls"].seen
