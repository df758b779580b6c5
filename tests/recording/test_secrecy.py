"""No secret gets into a recording, wherever it was, and no report is another for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Konnect, KonnectError
from konnect_agent.redaction import redact
from patterns import audit_configuration, investigate_endpoint

from ..handmade import TOKEN, Answer, Serve, as_json, refused, structured, told
from .taped import lines, outcome, timeless

pytestmark = pytest.mark.anyio

PLANE = {
    "id": "11111111-1111-4111-8111-111111111111",
    "name": "shop",
    "labels": {"deploy_token": "planted-00"},
}
KEY = "-----BEGIN RSA PRIVATE KEY-----\nplanted01\n-----END RSA PRIVATE KEY-----"
PLUGINS: list[dict[str, Any]] = [
    {"name": "rate-limiting-advanced", "config": {"redis": {"password": "planted-02", "host": "cache"}}},
    {"name": "http-log", "config": {"http_endpoint": "https://user:planted-03@logs.example/planted-04?a=1",
                                    "headers": {"X-Log-Key": "planted-05", "X-Plan": "gold"}}},
    {"name": "http-log", "config": {"http_endpoint": "https://logs.example/in?api_key=planted-06"}},
    {"name": "http-log", "config": {"headers": {"Authorization": "Bearer {vault://env/planted-by-name}"}}},
    {"name": "request-transformer", "config": {"add": {"headers": ["X-Api-Key: planted-07", "X-Plan: gold"]},
                                               "replace": {"headers": ["Authorization:$(headers.x)"]}}},
    {"name": "openid-connect", "config": {"client_id": ["planted-08"], "client_secret": ["planted-09", "{vault://env/s}"],
                                          "client_jwk": [{"d": "planted-10"}]}},
    {"name": "ai-custom-guardrail", "config": {"request": {"auth": {"value": "planted-11"}}}},
    {"name": "pre-function", "config": {"access": ["local key = 'kpat_planted12'", KEY]}},
    {"name": "post-function", "config": {"access": ["set_header('X-Api-Key', 'planted-34')", "return 1"]}},
    {"name": "request-termination", "config": {"body": json.dumps({"access_token": "planted-13"})}},
    {"name": "unheard-of", "config": {"note": "eyJplanted14.planted.planted and Basic cGxhbnRlplanted15"}},
]  # fmt: skip
SERVICES = [
    {
        "id": "s1",
        "name": "orders",
        "host": "orders.example",
        "path": "/?token=planted-16",
        "tags": ["spat_planted17"],
    },
]
ROUTES = [{"id": "r1", "name": "orders", "paths": ["/orders"], "service": {"id": "s1"}}]
TOOL = {
    "type": "object",
    "properties": {
        "operation": {"type": "string"},
        "api_key": {"type": "string", "description": "Yours", "default": "planted-18"},
        "note": {"type": "string", "description": "Such as kpat_planted19"},
        "control_plane_id": {"type": "string"}, "path": {"type": "string"},
    },
}  # fmt: skip


def listed(entities: list[dict[str, Any]], **around: Any) -> CallToolResult:
    """Entities as JSON inside JSON, as a server might write them."""
    numbered = [{"id": f"p{number}", **entity} for number, entity in enumerate(entities)]
    return structured({"result": json.dumps({"data": numbered, "next_page_token": None, **around})})


def planted(serve: Serve) -> str:
    tools: dict[str, Answer] = {
        "GetControlPlane": listed([PLANE], session={"cookie": "planted-20"}),
        "GetControlPlaneGroup": listed([]),
        "GetService": listed(SERVICES),
        "GetRoute": listed(ROUTES),
        "GetPlugin": listed(PLUGINS),
        "GetConsumer": refused("{'password': 'planted-21', \"api_key\": \"planted-22\"} kpat_planted23"),
        "GetVault": as_json({"error": {"message": "HTTP 500 https://a:planted-24@vault/?sig=planted-25"}}),
        "Say": told("X-Secret-Key: planted-26\nhttps://h/?client_secret=planted-27"),
    }  # fmt: skip
    return serve(tools, schemas=dict.fromkeys(tools, TOOL), read_only=tools).url


async def test_no_secret_of_answers_errors_tools_or_arguments_is_in_the_file_and_the_report_is_the_same(
    serve: Serve, tmp_path: Path
) -> None:
    tape = tmp_path / "run.jsonl"
    there = await outcome(
        Konnect(TOKEN, url=planted(serve), record=tape, max_attempts=1), audit_configuration
    )

    text = tape.read_text(encoding="utf-8")
    assert re.findall(r"planted-?\d\d", text) == []
    assert TOKEN not in text
    assert text.count("{vault://env/planted-by-name}") == 1
    here = await outcome(Konnect.replay(tape), audit_configuration)
    assert timeless(here) == timeless(there)
    found = {finding.rule_id for finding in here.result.findings}
    assert {"KNA010", "KNA012"} <= found
    assert len(here.coverage.missing) == 2


async def test_the_key_of_a_gateway_is_in_no_recording_and_the_report_is_the_same(
    serve: Serve, tmp_path: Path
) -> None:
    key, tape = "Door0Key-of-the-recording", tmp_path / "run.jsonl"
    tools: dict[str, Answer] = {
        "GetControlPlane": listed([{**PLANE, "description": f"key {key}"}]),
        "GetControlPlaneGroup": listed([]),
        "GetService": listed([{**SERVICES[0], "name": f"orders-{key}", "tags": [key]}]),
        "GetRoute": listed(ROUTES),
        "GetPlugin": refused(f"Bad request: headers were apikey {key}, denied"),
        "GetConsumer": refused(f"no such {key}"),
        "GetVault": listed([]),
    }
    server = serve(tools, schemas=dict.fromkeys(tools, TOOL), read_only=tools)
    konnect = Konnect(TOKEN, url=server.url, record=tape, max_attempts=1, headers={"X-Api-Key": key})
    there = await outcome(konnect, audit_configuration)
    assert key not in tape.read_text(encoding="utf-8")
    assert "[redacted], denied" in tape.read_text(encoding="utf-8")
    assert key not in there.model_dump_json()
    here = await outcome(Konnect.replay(tape), audit_configuration)
    assert timeless(here) == timeless(there)


def among_prose(data: dict[str, Any]) -> CallToolResult:
    return told(f"Here are the results:\n\n{json.dumps(data, indent=1)}")


def as_a_body(data: dict[str, Any]) -> CallToolResult:
    return as_json({"status_code": 200, "headers": {}, "body": json.dumps(data)})


def entry_by_entry(data: dict[str, Any]) -> CallToolResult:
    return as_json({"data": [json.dumps(entry) for entry in data["data"]]})


@pytest.mark.parametrize("written", [among_prose, as_a_body, entry_by_entry])
async def test_so_it_is_where_entities_are_data_in_a_text(
    serve: Serve, tmp_path: Path, written: Callable[[dict[str, Any]], CallToolResult]
) -> None:
    tape = tmp_path / "run.jsonl"
    plugins = {"data": [{"id": f"p{number}", **plugin} for number, plugin in enumerate(PLUGINS)]}
    tools: dict[str, Answer] = dict.fromkeys(
        ("GetService", "GetRoute", "GetConsumer", "GetVault"), listed([])
    )
    tools |= {"GetControlPlane": listed([PLANE]), "GetPlugin": written(plugins)}
    server = serve(tools, schemas=dict.fromkeys(tools, TOOL), read_only=tools)
    there = await outcome(Konnect(TOKEN, url=server.url, record=tape), audit_configuration)
    assert there.result.control_planes[0].counts.plugins == len(PLUGINS)
    assert re.findall(r"planted-?\d\d", tape.read_text(encoding="utf-8")) == []
    assert timeless(await outcome(Konnect.replay(tape), audit_configuration)) == timeless(there)


async def test_arguments_with_secrets_find_their_answer(serve: Serve, tmp_path: Path) -> None:
    tape = tmp_path / "run.jsonl"
    arguments: dict[str, Any] = {
        "api_key": "planted-30",
        "note": f"Bearer {TOKEN}",
        "deep": [{"password": "planted-31"}],
    }
    async with Konnect(TOKEN, url=planted(serve), record=tape) as konnect:
        answer = await konnect.call("Say", arguments)
        with pytest.raises(KonnectError) as there:
            await konnect.call("GetConsumer", arguments)
        report = await investigate_endpoint(
            konnect, "/orders?token=planted-32", headers={"apikey": ["planted-33"]}
        )
    assert re.findall(r"planted-?\d\d", tape.read_text(encoding="utf-8")) == []
    async with Konnect.replay(tape) as konnect:
        again = await konnect.call("Say", {**arguments, "api_key": "another one"})
        with pytest.raises(type(there.value)) as here:
            await konnect.call("GetConsumer", arguments)
        replayed = await investigate_endpoint(
            konnect, "/orders?token=planted-32", headers={"apikey": ["planted-33"]}
        )
    assert len(str(answer).splitlines()) == len(str(again).splitlines())
    assert str(here.value) == str(there.value)
    assert timeless(replayed) == timeless(report)


async def test_one_secret_is_one_placeholder_and_another_is_another(serve: Serve, tmp_path: Path) -> None:
    tape = tmp_path / "run.jsonl"
    server = serve({"Say": as_json([{"password": each} for each in ("one", "two", "one")])})
    async with Konnect(TOKEN, url=server.url, record=tape) as konnect:
        await konnect.call("Say")
    first, second, third = (entry["password"] for entry in lines(tape)[2]["answer"])
    assert first == third != second


async def test_a_secret_stays_one_placeholder_wherever_it_is_written(serve: Serve, tmp_path: Path) -> None:
    tape, secret = tmp_path / "run.jsonl", "kpat_AbCdEf0123456789"
    written = [secret, f"token={secret}&page=2", f"X-Token: {secret}", f'{{"token": "{secret}"}}']
    server = serve({"Say": as_json([{"note": each} for each in written])})
    async with Konnect(TOKEN, url=server.url, record=tape) as konnect:
        await konnect.call("Say")
    kept = [entry["note"] for entry in lines(tape)[2]["answer"]]
    placeholder = kept[0]
    assert placeholder.startswith("kpat_REDACTED")
    assert kept == [text.replace(secret, placeholder) for text in written]


@pytest.mark.parametrize(
    "answer",
    [
        {"webhook_url": "https://hooks.example/T0/abc?x=1"},
        {"webhook": {"url": "https://h.example:8080/a", "token": "abc"}},
        {"note": "see https://hooks.example/services/T0ABC/B0DEF/xyz123, and password='a b' z"},
        {"note": '{"password": "x", "webhook_url": "https://a.example/c"}'},
        {"note": "Authorization: Bearer kpat_AbCdEf0123456789"},
    ],
)
async def test_what_is_recorded_is_redacted_as_what_was_said(
    serve: Serve, tmp_path: Path, answer: dict[str, Any]
) -> None:
    tape = tmp_path / "run.jsonl"
    server = serve({"Say": as_json(answer)})
    async with Konnect(TOKEN, url=server.url, record=tape) as konnect:
        said = await konnect.call("Say")
    async with Konnect.replay(tape) as konnect:
        repeated = await konnect.call("Say")
    assert redact(repeated) == redact(said) != repeated


async def test_a_new_recording_is_for_its_owner_only(serve: Serve, tmp_path: Path) -> None:
    tape = tmp_path / "run.jsonl"
    async with Konnect(TOKEN, url=planted(serve), record=tape):
        pass
    assert tape.stat().st_mode & 0o777 == 0o600
