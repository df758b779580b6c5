"""What a gateway before the server refuses in JSON-RPC, as ai-mcp-proxy does, and the tools that it hides."""

from __future__ import annotations

import pytest

from konnect_agent import Konnect
from konnect_agent.diagnosis import diagnose
from konnect_agent.errors import (
    ACCESS_HINT,
    Forbidden,
    InvalidArguments,
    KonnectError,
    McpAccessDisabled,
    ServerError,
    ToolUnavailable,
)
from konnect_agent.hops import DENIED_OR_INVALID, UNTOLD
from patterns.cli import run

from .scripted import TOKEN, Request, Script, ScriptedServer, event, rpc

pytestmark = pytest.mark.anyio
MADE = {"server": "kong/3.12.0", "x_kong_response_latency": "0"}
PASSED_ON = {"via": "1.1 kong/3.12.0", "x_kong_upstream_latency": "7"}
DENIED = "consumer agents is not allowed to call tool GetControlPlane"


def saying(
    words: str,
    *,
    code: int = -32602,
    status: int = 200,
    data: object = None,
    streaming: bool = False,
    headers: dict[str, str],
) -> Script:
    """An answer that is an error of JSON-RPC, with these headers."""

    def script(request: Request) -> None:
        answer = rpc(request.id, error={"code": code, "message": words, "data": data})
        if streaming:
            request.answer(event(answer), status=status, content_type="text/event-stream", **headers)
        else:
            request.answer(answer, status=status, **headers)

    return script


async def refused(script: Script) -> KonnectError:
    """Why a call fails."""
    with ScriptedServer(script) as server:
        async with Konnect(TOKEN, url=server.url, max_attempts=1) as konnect:
            with pytest.raises(KonnectError) as caught:
                await konnect.call("GetControlPlane")
    return caught.value


@pytest.mark.parametrize("status", [200, 400, 403])
async def test_what_a_gateways_acl_refuses_in_json_rpc_is_its_own_refusal(status: int) -> None:
    error = await refused(saying(DENIED, status=status, headers=MADE))
    assert isinstance(error, Forbidden)
    assert error.hop == "the gateway"
    assert f"from the gateway: {DENIED}" in error.message
    assert "the ACLs of ai-mcp-proxy" in error.hint
    assert "AI Settings" not in error.hint


async def test_nor_does_it_matter_whether_the_answer_is_a_stream() -> None:
    error = await refused(saying(DENIED, streaming=True, headers=MADE))
    assert isinstance(error, Forbidden)
    assert error.hop == "the gateway"


async def test_where_nobody_can_tell_both_next_steps_are_given() -> None:
    for words in (DENIED, "access denied"):
        error = await refused(saying(words, headers={}))
        assert isinstance(error, Forbidden)
        assert not isinstance(error, McpAccessDisabled)
        assert error.hop == UNTOLD
        assert "the ACLs of ai-mcp-proxy" in error.hint
        assert ACCESS_HINT in error.hint


async def test_what_a_gateway_passed_on_is_konnects_own_refusal() -> None:
    error = await refused(saying(DENIED, headers=PASSED_ON))
    assert isinstance(error, Forbidden)
    assert (error.hop, error.hint) == (None, ACCESS_HINT)
    assert isinstance(await refused(saying("access denied", headers=PASSED_ON)), McpAccessDisabled)
    trace = {"status": 403, "title": "No", "detail": "no role", "instance": "kong:trace:1"}
    told = await refused(saying("no", data=trace, headers=MADE))
    assert isinstance(told, Forbidden)
    assert (told.hop, told.trace) == (None, "kong:trace:1")


async def test_invalid_parameters_that_a_gateway_answers_with_may_be_a_refusal() -> None:
    for words in ("Invalid params", "no"):
        made, passed_on, unmarked = [
            await refused(saying(words, headers=headers)) for headers in (MADE, PASSED_ON, {})
        ]
        assert {type(each) for each in (made, passed_on, unmarked)} == {InvalidArguments}
        assert made.hint == DENIED_OR_INVALID
        assert passed_on.hint == unmarked.hint == InvalidArguments.default_hint


async def test_a_failure_in_json_rpc_stays_the_servers_where_no_header_says_otherwise() -> None:
    for headers in (PASSED_ON, {}):
        error = await refused(saying("it broke", code=-32603, headers=headers))
        assert isinstance(error, ServerError)
        assert error.hop is None


@pytest.mark.parametrize("status", [200, 403])
async def test_doctor_names_the_gateway_and_no_role(status: int) -> None:
    with ScriptedServer(saying(DENIED, status=status, headers=MADE)) as server:
        found = (await diagnose(TOKEN, url=server.url))["control_planes"]
    assert (found.status, found.error, found.hop) == ("failure", "Forbidden", "the gateway")
    assert "needs a role" not in found.advice


async def test_a_tool_that_is_missing_behind_another_url_may_be_hidden_by_a_gateway() -> None:
    with ScriptedServer(Request.usual) as server:
        async with Konnect(TOKEN, url=server.url) as konnect:
            for ask in (konnect.plugins.list("cp"), konnect.call("GetPlugin")):
                with pytest.raises(ToolUnavailable) as caught:
                    await ask
                assert caught.value.hint.startswith(ToolUnavailable.default_hint)
                assert caught.value.hint.count("A gateway on the way can hide it") == 1
        advice = (await diagnose(TOKEN, url=server.url))["tools"].advice
    assert "A gateway on the way can hide it" in advice


@pytest.mark.parametrize("command", [["tools", "GetPlugin"], ["call", "GetPlugin", "--yes"]])
def test_so_do_the_commands_that_ask_for_one_tool(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KONNECT_TOKEN", TOKEN)
    with ScriptedServer(Request.usual) as server:
        assert run([*command, "--url", server.url]) == 3
    assert "A gateway on the way can hide it" in " ".join(capsys.readouterr().err.split())
