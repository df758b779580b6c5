"""`konnect-agent passthrough`: the text it writes, and what `--apply` does to a stand-in of the APIs."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from ..passthrough.reading import documents, posts
from ..passthrough.stand_in import ADMIN_TOKEN, CONTROL_PLANE, KONNECT_TOKEN, Fault, StandIn, standing_in
from .conftest import Here
from .shell import environment, read_until, started, terminal

DESCRIBED = ("passthrough", "--upstream", "http://tools.internal:3001/mcp", "--protocol", "http")
ADMIN = (*DESCRIBED, "--form", "admin-api", "--apply")
KONNECT = (*DESCRIBED, "--form", "konnect-api", "--apply", "--control-plane", CONTROL_PLANE)


@pytest.fixture(scope="module")
def _running() -> Generator[StandIn]:
    with standing_in() as started_here:
        yield started_here


@pytest.fixture
def stand_in(_running: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setenv("KONG_ADMIN_TOKEN", ADMIN_TOKEN)
    return _running.emptied()


def test_the_text_goes_to_standard_output_and_warnings_do_not(here: Here) -> None:
    done = here("passthrough", "--form", "deck", "--scope", "route", "--upstream", "http://rest.internal/x")
    assert done.status == 0
    (file,) = documents(done.out)
    assert file["plugins"][0]["route"] == "mcp-route"
    assert "warning: Nothing in the upstream URL says MCP." in done.err


def test_every_option_is_understood(here: Here) -> None:
    options = (
        "--path /a --path /b --host mcp.example.com --tag mcp --service s --route r --keep-path --buffering "
        "--max-request-body-size 0 --timeout 2 --withhold-client-headers --log-statistics --log-payloads "
        "--log-audits --allow a --deny b --tool-allow t=c --tool-allow t=d --tool-deny u=e "
        "--consumer-identifier custom_id --include-consumer-groups --access-token-claim-field sub "
        "--control-plane production"
    )
    done = here(*DESCRIBED, "--form", "deck", *options.split())
    assert done.status == 0, done.err
    (file,) = documents(done.out)
    (service,), config = file["services"], file["plugins"][0]["config"]
    (route,) = service["routes"]
    assert file["_konnect"] == {"control_plane_name": "production"}
    assert (service["name"], route["name"], route["paths"]) == ("s", "r", ["/a", "/b"])
    assert (route["hosts"], route["protocols"], route["strip_path"]) == (["mcp.example.com"], ["http"], False)
    assert config["server"] == {"timeout": 2000, "forward_client_headers": False}
    assert [(tool["name"], tool["acl"]) for tool in config["tools"]] == [
        ("t", {"allow": ["c", "d"]}),
        ("u", {"deny": ["e"]}),
    ]
    assert (config["acl_attribute_type"], config["access_token_claim_field"]) == ("oauth_access_token", "sub")


def test_the_output_can_be_a_file_and_json_has_the_warnings(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "kong.sh"
    assert here(*DESCRIBED, "--form", "admin-api", "--output", str(file)).status == 0
    assert len(posts(file.read_text())) == 3
    told = json.loads(here("passthrough", "--form", "deck", "--alone", "--format", "json").out)
    assert documents(told["text"])[0]["plugins"]
    assert (told["form"], told["scope"]) == ("deck", "service")
    assert "deck gateway sync" in told["warnings"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "requires an argument"),
        ("--form helm", "Invalid value"),
        ("--form deck --scope consumer", "Invalid value"),
        ("--form deck", "There is no upstream"),
        ("--form deck --upstream tools", "is no URL"),
        ("--form deck --alone --mode listener", "passthrough-listener"),
        ("--form deck --alone --apply", "cannot send the form deck"),
        ("--form deck --alone --tool-allow nobody", "is no rule for a tool"),
        ("--form deck --alone --control-plane=", "--control-plane is empty"),
        ("--form deck --alone --token-file x", "--token-file is for --apply"),
        ("--form deck --alone --yes", "--yes is for --apply"),
        ("--form deck --alone --url http://localhost", "--url means nothing to the form deck"),
        ("--form deck --alone --region eu", "--region means nothing to the form deck"),
        ("--form deck --alone --namespace x", "--namespace means nothing to the form deck"),
        ("--form terraform --alone --ingress", "--ingress means nothing to the form terraform"),
        ("--form admin-api --alone --control-plane x", "--control-plane means nothing to the form admin-api"),
        ("--form admin-api --alone --region eu", "--region means nothing to the form admin-api"),
        ("--form konnect-api --alone --url https://eu.api.konghq.com", "--url is for --apply"),
        ("--form deck --alone --upstream http://x/mcp", "--upstream means nothing with --alone"),
        ("--form deck --alone --path /x", "--path means nothing with --alone"),
        ("--form deck --alone --host x.example.com", "--host means nothing with --alone"),
        ("--form deck --alone --keep-path", "--keep-path means nothing with --alone"),
        ("--form deck --alone --protocol http", "--protocol means nothing with --alone"),
        ("--form deck --alone --buffering", "--buffering means nothing with --alone"),
        ("--form deck --alone --route x", "--route means nothing with --alone and the scope service"),
        ("--form deck --alone --scope global --service x", "--service means nothing with --alone"),
        ("--form konnect-api --alone --region mars", "is no region of the Konnect API"),
        ("--form konnect-api --alone --control-plane production", "is a name"),
        ("--form konnect-api --alone --apply", "--apply needs --control-plane"),
        (f"--form konnect-api --alone --apply --control-plane {CONTROL_PLANE}", "No Konnect token was given"),
        ("--form admin-api --alone --apply --url http://kong.example.com:8001", "unencrypted"),
        ("--form admin-api --alone --apply --token-file nowhere.txt", "cannot be read"),
        ("--form admin-api --alone --sandbox", "Unknown option"),
    ],
)
def test_a_mistake_is_2_and_nothing_is_written(arguments: str, message: str, here: Here) -> None:
    done = here("passthrough", *arguments.split())
    assert (done.status, done.out) == (2, "")
    assert f"error: {message}" in done.err or message in done.err.splitlines()[-2]


def test_applying_needs_a_yes_and_reports_what_was_made(stand_in: StandIn, here: Here) -> None:
    done = here(*ADMIN, "--url", stand_in.url)
    assert (done.status, done.out) == (6, "")
    assert "--yes" in done.err
    assert stand_in.writes() == []
    done = here(*ADMIN, "--url", stand_in.url, "--yes")
    assert done.status == 0
    made = [line.split() for line in done.out.splitlines()]
    assert [line[:3] for line in made] == [
        ["created", "service", "mcp-service"],
        ["created", "route", "mcp-route"],
        ["created", "plugin", "ai-mcp-proxy"],
    ]
    assert made[0][3] == stand_in.all("services")[0]["id"]
    again = json.loads(here(*ADMIN, "--url", stand_in.url, "--format", "json").out)
    assert {change["outcome"] for change in again["changes"]} == {"unchanged"}
    assert ADMIN_TOKEN not in json.dumps(again) + done.err


def test_the_konnect_token_comes_from_the_environment_or_a_file(
    stand_in: StandIn, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(KONNECT_TOKEN)
    done = here(*KONNECT, "--url", stand_in.url, "--yes", "--token-file", str(file))
    assert done.status == 0, done.err
    monkeypatch.setenv("KONNECT_SPAT", KONNECT_TOKEN)
    assert here(*KONNECT, "--url", stand_in.url).status == 0
    assert here(*KONNECT, "--url", "https://example.com").status == 2
    assert KONNECT_TOKEN not in done.out + done.err


def test_what_went_wrong_and_what_became_of_everything_is_told(
    stand_in: StandIn, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("konnect_agent.applying.undoing._PAUSES", (0.01, 0.02))
    stand_in.faults = [Fault("POST", "/plugins$", status=409), *[Fault("DELETE", "/services/")] * 3]
    done = here(*ADMIN, "--url", stand_in.url, "--yes")
    assert (done.status, done.out) == (4, "")
    (left,) = stand_in.all("services")
    assert "removed route mcp-route" in done.err
    assert f"left service mcp-service ({left['id']}): HTTP 503" in done.err
    assert f"({left['id']}) could not be undone" in done.err.splitlines()[-1]


def test_a_region_beside_the_url_is_refused_before_anything_is_sent(
    stand_in: StandIn, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONNECT_SPAT", KONNECT_TOKEN)
    done = here(*KONNECT, "--region", "us", "--url", stand_in.url, "--yes")
    assert (done.status, stand_in.asked) == (2, [])
    assert "Both a region and a URL" in done.err


def test_the_options_of_a_form_are_taken_by_that_form(here: Here) -> None:
    for options in (
        "--form kubernetes --namespace mcp --ingress",
        "--form terraform --region eu --control-plane 9524ec7d-36d9-465d-a8c5-83a3c9390458",
        "--form konnect-api --region eu",
        "--form admin-api --url http://kong-admin:8001",
    ):
        done = here(*DESCRIBED, *options.split())
        assert done.status == 0, done.err
    assert "http://kong-admin:8001/services" in done.out
    alone = here("passthrough", "--form", "deck", "--alone", "--scope", "route", "--route", "theirs")
    assert documents(alone.out)[0]["plugins"][0]["route"] == "theirs"


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"paths": ["/shop"]}, "has other routes"),
        (
            {"name": "mcp-route", "paths": ["/mcp"], "headers": {"x-internal": ["1"]}},
            "acts on fewer requests",
        ),
    ],
)
def test_yes_does_not_stand_for_what_was_not_described(
    extra: dict[str, object], sentence: str, stand_in: StandIn, here: Here
) -> None:
    service = stand_in.put("services", name="mcp-service", host="old.internal")
    stand_in.put("routes", **extra, service={"id": service["id"]})
    done = here(*ADMIN, "--url", stand_in.url, "--yes")
    assert (done.status, done.out, stand_in.writes()) == (6, "", [])
    assert sentence in done.err
    hint = done.err.split("hint: ")[1]
    assert "--host" in hint
    assert "Pass a confirmation callback" not in hint
    told = json.loads(here(*ADMIN, "--url", stand_in.url, "--yes", "--format", "json").out)
    assert told["changes"] == stand_in.writes() == []
    assert sentence in told["beware"][0]


def test_a_plugin_that_never_runs_is_told_of_in_every_run(stand_in: StandIn, here: Here) -> None:
    assert here(*ADMIN, "--scope", "service", "--url", stand_in.url, "--yes").status == 0
    assert here(*ADMIN, "--scope", "route", "--url", stand_in.url, "--yes").status == 0
    again = here(*ADMIN, "--url", stand_in.url, "--format", "json")
    told = json.loads(again.out)
    assert {change["outcome"] for change in told["changes"]} == {"unchanged"}
    assert "more specific scope" in told["beware"][0]
    assert "warning: There is an ai-mcp-proxy in a more specific scope" in again.err


def test_yes_stands_for_a_service_nothing_else_hangs_on(stand_in: StandIn, here: Here) -> None:
    stand_in.put("services", name="mcp-service", host="old.internal")
    done = here(*ADMIN, "--url", stand_in.url, "--yes")
    assert done.status == 0, done.err
    assert '           host: "old.internal" -> "tools.internal"' in done.out.splitlines()


@pytest.mark.parametrize(("token", "status"), [("another", 3), (KONNECT_TOKEN, 2)])
def test_a_token_that_is_not_the_admin_apis_is_refused(
    token: str, status: int, stand_in: StandIn, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONG_ADMIN_TOKEN", token)
    done = here(*ADMIN, "--url", stand_in.url, "--yes")
    assert done.status == status
    assert token not in done.err
    assert all(token not in headers.values() for headers in stand_in.headers) == (status == 2)


def test_a_person_sees_the_plan_before_saying_yes(stand_in: StandIn) -> None:
    service = stand_in.put("services", name="mcp-service", host="old.internal")
    stand_in.put("routes", name="shop", paths=["/shop"], service={"id": service["id"]})
    env = environment(KONG_ADMIN_TOKEN=ADMIN_TOKEN)
    with terminal(*ADMIN, "--url", stand_in.url, env=env) as screen:
        screen.wait_for("Go on? [y/N]")
        lines = (
            "update          service mcp-service",
            'host: "old.internal" -> "tools.internal"',
            'path: null -> "/mcp"',
            "beware          The service mcp-service has other routes",
            "shop (/shop)",
            "create          route mcp-route",
            stand_in.url,
        )
        missing = [line for line in lines if line not in screen.shown]
        assert stand_in.writes() == []
        screen.type("y\n")
        status, output = screen.end()
    assert (status, missing) == (0, [])
    assert output.startswith("updated    service  mcp-service")
    assert '\n           host: "old.internal" -> "tools.internal"\n' in output


def test_an_interrupted_run_takes_back_what_it_made(stand_in: StandIn) -> None:
    running: list[subprocess.Popen[str]] = []

    def interrupt() -> None:
        running[0].terminate()

    stand_in.faults = [Fault("POST", "/routes$", status=None, then=interrupt)]
    env = environment(KONG_ADMIN_TOKEN=ADMIN_TOKEN)
    with started(*ADMIN, "--url", stand_in.url, "--yes", env=env) as process:
        running.append(process)
        told = read_until(process, "removed service")
        assert process.wait(60) == 143
    assert "Stopping" in told
    assert stand_in.all("services") == stand_in.all("routes") == []


def test_leaving_at_once_names_what_stays(stand_in: StandIn) -> None:
    running: list[subprocess.Popen[str]] = []
    stopping = threading.Event()

    def interrupt() -> None:
        running[0].terminate()
        stopping.wait(60)  # the first one was understood
        running[0].terminate()
        running[0].wait(60)

    stand_in.faults = [Fault("POST", "/routes$", status=None, then=interrupt)]
    env = environment(KONG_ADMIN_TOKEN=ADMIN_TOKEN)
    with started(*ADMIN, "--url", stand_in.url, "--yes", env=env) as process:
        running.append(process)
        read_until(process, "Stopping")
        stopping.set()
        assert process.stderr is not None
        named = process.stderr.read()
        assert process.wait(60) == 143
    (service,) = stand_in.all("services")
    assert f"created, and not undone: service mcp-service ({service['id']})" in named
    assert "perhaps created, look for it: route mcp-route (" in named
    assert "ai-mcp-proxy" not in named
