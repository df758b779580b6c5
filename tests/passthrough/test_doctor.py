"""A diagnosis through a gateway: the key goes along, and every refusal is told as that of whoever made it."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from konnect_agent.diagnosis import diagnose
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.world import World
from patterns.cli import run

from ..faults.scripted import TOKEN as SCRIPTED_TOKEN
from ..faults.scripted import Request, Script, ScriptedServer
from .reverse_proxy import KEY, ReverseProxy, reverse_proxy

pytestmark = pytest.mark.anyio
HEADERS = {"apikey": KEY}
NO_ROUTE = '{"message": "no Route matched with those values"}'


def before(server: Sandbox) -> dict[str, str]:
    """What the proxy leads to: one server, whatever the path."""
    return dict.fromkeys(("konnect", "marketplace", "rest"), server.url)


@pytest.fixture(scope="module")
def behind(world: World) -> Iterator[Sandbox]:
    with Sandbox(world=world) as started:
        yield started


@pytest.fixture(scope="module", params=["plain", "like Kong"])
def proxy(
    request: pytest.FixtureRequest, behind: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ReverseProxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with reverse_proxy(before(behind), folder, like_kong=request.param == "like Kong") as started:
        yield started


@pytest.fixture
def job(proxy: ReverseProxy, behind: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ReverseProxy:
    """The environment of a job that goes through the proxy."""
    monkeypatch.setenv("KONNECT_TOKEN", behind.token)
    monkeypatch.setenv("KONNECT_MCP_URL", f"{proxy.url}/konnect-mcp")
    monkeypatch.setenv("KONNECT_MCP_HEADERS", f"apikey: {KEY}")
    return proxy


async def test_all_is_well_with_the_key_of_the_environment(job: ReverseProxy) -> None:
    diagnosis = await diagnose()
    assert diagnosis.status == "ok", diagnosis
    assert diagnosis["headers"].seen == "apikey, from KONNECT_MCP_HEADERS"
    assert KEY not in diagnosis.model_dump_json()


async def test_headers_can_be_given_as_to_a_client(proxy: ReverseProxy, behind: Sandbox) -> None:
    diagnosis = await diagnose(behind.token, url=f"{proxy.url}/konnect-mcp", headers=HEADERS)
    assert (diagnosis.status, diagnosis["headers"].seen) == ("ok", "apikey, as given")
    assert KEY not in diagnosis.model_dump_json()


async def test_the_key_of_the_environment_goes_to_no_other_url(job: ReverseProxy) -> None:
    diagnosis = await diagnose(url=f"{job.url}/buffered/konnect-mcp")
    assert diagnosis["headers"].status == "warning"
    assert "KONNECT_MCP_URL" in diagnosis["headers"].advice
    assert (diagnosis["endpoint"].status, diagnosis["endpoint"].hop) == ("failure", "the gateway")


@pytest.mark.usefixtures("job")
def test_nobody_misses_them_where_no_gateway_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--sandbox"]) == 0
    assert "warning" not in capsys.readouterr().out


@pytest.mark.parametrize("written", ["no header at all", "Authorization: Bearer abc", f"apikey: {KEY}\x7f"])
async def test_headers_nobody_can_send_are_a_matter_of_configuration(
    written: str, job: ReverseProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONNECT_MCP_HEADERS", written)
    diagnosis = await diagnose()
    assert (diagnosis["headers"].status, diagnosis.family) == ("failure", "configuration")
    assert diagnosis["endpoint"].seen == "not checked, because headers failed"
    assert KEY not in diagnosis.model_dump_json()


@pytest.mark.parametrize("headers", [{}, {"apikey": "another-key"}])
async def test_a_missing_or_wrong_key_is_no_wrong_token(
    headers: dict[str, str], proxy: ReverseProxy, behind: Sandbox
) -> None:
    diagnosis = await diagnose(behind.token, url=f"{proxy.url}/konnect-mcp", headers=headers)
    found = diagnosis["endpoint"]
    assert (found.status, found.error, found.hop) == ("failure", "Unauthorized", "the gateway")
    assert found.seen.startswith("HTTP 401 from the gateway")
    assert "KONNECT_MCP_HEADERS" in found.advice
    assert "expired or revoked" not in diagnosis.model_dump_json()
    assert diagnosis["authentication"].seen == "not checked, because endpoint failed"
    assert "another-key" not in diagnosis.model_dump_json()


async def test_a_wrong_token_is_konnects_to_refuse(proxy: ReverseProxy) -> None:
    diagnosis = await diagnose(
        "kpat_SomebodyElses0Token0Example", url=f"{proxy.url}/konnect-mcp", headers=HEADERS
    )
    found = diagnosis["authentication"]
    assert (diagnosis["endpoint"].status, found.status, found.hop) == ("ok", "failure", "Konnect"), diagnosis
    assert "A valid token is required" in found.seen
    assert found.seen.endswith("(Konnect's own answer)")
    assert "expired or revoked" in found.advice


async def test_the_switch_of_the_organization_is_konnects_too(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("nginx")
    with (
        Sandbox(world=world, mcp_disabled=True) as off,
        reverse_proxy(before(off), folder, like_kong=True) as proxy,
    ):
        diagnosis = await diagnose(off.token, url=f"{proxy.url}/konnect-mcp", headers=HEADERS)
    assert (diagnosis["organization"].status, diagnosis["organization"].hop) == ("failure", "Konnect")
    assert "AI Settings" in diagnosis["organization"].advice


@pytest.mark.parametrize("path", ["/dead/konnect-mcp", "/silent/konnect-mcp"])
async def test_a_server_it_cannot_reach_is_looked_for_behind_it(
    path: str, proxy: ReverseProxy, behind: Sandbox
) -> None:
    diagnosis = await diagnose(behind.token, url=proxy.url + path, headers=HEADERS)
    assert (diagnosis["endpoint"].error, diagnosis["endpoint"].hop) == ("ServerError", "the gateway")
    assert "upstream URL" in diagnosis["endpoint"].advice


def _no_route(request: Request) -> None:
    request.answer(NO_ROUTE, status=404, x_kong_response_latency="0")


def _not_allowed(request: Request) -> None:
    request.answer('{"message": "You cannot consume this service"}', status=403, server="kong/3.12.0")


@pytest.mark.parametrize(
    ("script", "error", "advice"),
    [(_no_route, "HttpError", "none of its routes"), (_not_allowed, "Forbidden", "its own rules")],
)
async def test_what_the_gateway_refuses_at_once_fails_at_the_endpoint(
    script: Script, error: str, advice: str
) -> None:
    with ScriptedServer(script, others={"server/discover": script, "initialize": script}) as server:
        found = (await diagnose(SCRIPTED_TOKEN, url=server.url))["endpoint"]
    assert (found.status, found.error, found.hop) == ("failure", error, "the gateway")
    assert advice in found.advice


@pytest.mark.parametrize(
    ("script", "error", "advice"),
    [(_no_route, "HttpError", "none of its routes"), (_not_allowed, "Forbidden", "its own rules")],
)
async def test_what_the_gateway_refuses_later_is_neither_a_missing_tool_nor_a_missing_role(
    script: Script, error: str, advice: str
) -> None:
    with ScriptedServer(script) as server:
        found = (await diagnose(SCRIPTED_TOKEN, url=server.url))["control_planes"]
    assert (found.status, found.error, found.hop) == ("failure", error, "the gateway")
    assert advice in found.advice
    assert "needs a role" not in found.advice


@pytest.mark.parametrize(("status", "error"), [(401, "Unauthorized"), (403, "Forbidden")])
async def test_a_refusal_nobody_can_attribute_is_no_token_accepted_and_none_refused(
    status: int, error: str
) -> None:
    def script(request: Request) -> None:
        request.answer('{"message": "Forbidden"}', status=status)

    with ScriptedServer(script, others={"server/discover": script, "initialize": script}) as server:
        diagnosis = await diagnose(SCRIPTED_TOKEN, url=server.url)
    found = diagnosis["authentication"]
    assert (diagnosis["endpoint"].status, found.status, found.error) == ("warning", "failure", error)
    assert (found.hop, "cannot be told" in found.advice) == ("the server or a gateway", True)
    assert diagnosis["organization"].seen == "not checked, because authentication failed"
    assert "is accepted" not in diagnosis.model_dump_json()
    assert "own answer" not in diagnosis.model_dump_json()


def test_the_command_and_the_reports_say_which_hop_it_was(
    job: ReverseProxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor"]) == 0
    monkeypatch.delenv("KONNECT_MCP_HEADERS")
    assert run(["doctor"]) == 3
    assert "HTTP 401 from the gateway" in capsys.readouterr().out
    assert run(["endpoint", "/api/users", "--format", "json"]) == 3
    assert '"hop": "the gateway"' in capsys.readouterr().out
