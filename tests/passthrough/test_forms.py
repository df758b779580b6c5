"""The five documented forms, read back."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough import (
    FORMS,
    Access,
    Form,
    Passthrough,
    Place,
    ToolAccess,
    render,
    traps,
)

from . import hcl
from .reading import documents, plugin_of, posts
from .stand_in import ADMIN_TOKEN, CONTROL_PLANE, StandIn

UPSTREAM = "http://host.docker.internal:3001/mcp"
SEED = {"mode": "passthrough-listener", "max_request_body_size": 1048576}
FULL = Passthrough(
    upstream="https://tools.example.com/mcp",
    paths=("/mcp", "~/v\\d+/mcp$"),
    hosts=("mcp.example.com",),
    protocols=("http", "https"),
    buffering=True,
    max_request_body_size=0,
    log_statistics=True,
    log_payloads=True,
    log_audits=True,
    timeout=2.5,
    forward_client_headers=False,
    consumer_identifier="custom_id",
    include_consumer_groups=True,
    acl_attribute_type="oauth_access_token",
    access_token_claim_field=".user.email",
    default_access=Access(allow=("agents",), deny=("guests",)),
    tools=(ToolAccess(name="list_users", allow=("admins",), description="Everybody"),),
    tags=("mcp", "eu"),
)


@pytest.mark.parametrize("form", FORMS)
def test_the_documented_configuration_is_the_same_in_every_form(form: Form) -> None:
    assert plugin_of(form, render(Passthrough(upstream=UPSTREAM), form)) == SEED


@pytest.mark.parametrize("form", FORMS)
def test_every_option_reaches_every_form(form: Form) -> None:
    assert plugin_of(form, render(FULL, form)) == {
        "mode": "passthrough-listener",
        "max_request_body_size": 0,
        "logging": {"log_statistics": True, "log_payloads": True, "log_audits": True},
        "server": {"timeout": 2500, "forward_client_headers": False},
        "consumer_identifier": "custom_id",
        "include_consumer_groups": True,
        "acl_attribute_type": "oauth_access_token",
        "access_token_claim_field": ".user.email",
        "default_acl": [{"scope": "tools", "allow": ["agents"], "deny": ["guests"]}],
        "tools": [{"name": "list_users", "description": "Everybody", "acl": {"allow": ["admins"]}}],
    }


@pytest.mark.parametrize(
    "word", ["y", "n", "Yes", "no", "on", "OFF", "true", "null", "~", "1_0", "1:30", ".inf"]
)
def test_a_word_that_some_readers_of_yaml_take_for_something_else_is_quoted(word: str) -> None:
    text = render(Passthrough(upstream=UPSTREAM, tags=(word,)), "deck")
    assert f'- "{word}"\n' in text
    assert documents(text)[0]["services"][0]["tags"] == [word]


@pytest.mark.parametrize("scope", ["global", "service", "route"])
def test_deck_scopes_by_name_and_selects_by_tag(scope: Any) -> None:
    (file,) = documents(render(Passthrough(upstream=UPSTREAM, scope=scope, tags=("mcp",)), "deck"))
    (service,), (plugin,) = file["services"], file["plugins"]
    assert file["_format_version"] == "3.0"
    assert file["_info"] == {"select_tags": ["mcp"]}
    assert (service["name"], service["url"]) == ("mcp-service", UPSTREAM)
    assert [(route["name"], route["paths"]) for route in service["routes"]] == [("mcp-route", ["/mcp"])]
    expected = {} if scope == "global" else {scope: f"mcp-{scope}"}
    assert {key: plugin[key] for key in ("service", "route") if key in plugin} == expected


def test_deck_names_the_control_plane_of_konnect_and_can_hold_the_plugin_alone() -> None:
    (file,) = documents(render(Passthrough(alone=True), "deck", place=Place(control_plane="a: b")))
    assert file["_konnect"] == {"control_plane_name": "a: b"}
    assert set(file) == {"_format_version", "_konnect", "plugins"}


@pytest.mark.parametrize(
    ("scope", "url"),
    [
        ("global", "/plugins"),
        ("service", "/services/mcp-service/plugins"),
        ("route", "/routes/mcp-route/plugins"),
    ],
)
def test_the_admin_api_is_asked_for_service_route_and_plugin_in_this_order(scope: Any, url: str) -> None:
    place = Place(admin_url="https://admin.example.com/kong/")
    asked = posts(render(Passthrough(upstream=UPSTREAM, scope=scope), "admin-api", place=place))
    assert [where.removeprefix("https://admin.example.com/kong") for where, _ in asked] == [
        "/services",
        "/services/mcp-service/routes",
        url,
    ]
    assert asked[0][1] == {"name": "mcp-service", "url": UPSTREAM}
    assert asked[2][1] == {"name": "ai-mcp-proxy", "config": SEED, "tags": []}
    alone = render(Passthrough(alone=True, scope=scope), "admin-api", place=place)
    assert posts(alone) == asked[2:]


@pytest.mark.parametrize(("scope", "place_of_id"), [("service", 0), ("route", 1)])
def test_the_konnect_api_is_asked_by_the_ids_that_are_sent_along(scope: Any, place_of_id: int) -> None:
    place = Place(region="eu", control_plane=CONTROL_PLANE)
    asked = posts(render(Passthrough(upstream=UPSTREAM, scope=scope), "konnect-api", place=place))
    base = f"https://eu.api.konghq.com/v2/control-planes/{CONTROL_PLANE}/core-entities"
    ids = [body["id"] for _, body in asked[:2]]
    assert [where for where, _ in asked] == [
        f"{base}/services",
        f"{base}/services/{ids[0]}/routes",
        f"{base}/{scope}s/{ids[place_of_id]}/plugins",
    ]
    assert asked == posts(render(Passthrough(upstream=UPSTREAM, scope=scope), "konnect-api", place=place))


def test_ids_that_nobody_named_are_asked_from_the_environment() -> None:
    script = render(Passthrough(alone=True, scope="route"), "konnect-api")
    ((url, _),) = posts(script)
    assert url.endswith("/v2/control-planes/${CONTROL_PLANE_ID}/core-entities/routes/${ROUTE_ID}/plugins")
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, env={}, check=False)
    assert done.returncode != 0
    assert "KONNECT_TOKEN" in done.stderr
    by_id = render(Passthrough(alone=True, service=CONTROL_PLANE), "konnect-api")
    assert posts(by_id)[0][0].endswith(f"/services/{CONTROL_PLANE}/plugins")


@pytest.mark.parametrize("path", ["$(touch%20x)", "${HOME}", "`id`", "';id;'", "&id", "#id", "?id"])
def test_an_admin_url_is_one_word_of_the_script(path: str) -> None:
    place = Place(admin_url=f"http://localhost:8001/{path}")
    if path[0] in "#?":
        with pytest.raises(ConfigError):
            render(Passthrough(alone=True), "admin-api", place=place)
        return
    script = render(Passthrough(alone=True, scope="global"), "admin-api", place=place)
    assert posts(script)[0][0] == f"http://localhost:8001/{path}/plugins"
    (line,) = (line for line in script.splitlines() if line.startswith("curl"))
    assert shlex.quote(f"http://localhost:8001/{path}/plugins") in line


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_script_really_creates_what_it_says(stand_in: StandIn) -> None:
    odd = Passthrough(upstream=UPSTREAM, tools=(ToolAccess(name="it's $HOME `x`", deny=('"\\',)),))
    script = render(odd, "admin-api", place=Place(admin_url=stand_in.url))
    env = {"KONG_ADMIN_TOKEN": ADMIN_TOKEN, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (plugin,) = stand_in.all("plugins")
    assert plugin["config"]["tools"][0]["name"] == "it's $HOME `x`"
    assert plugin["config"]["tools"][0]["acl"] == {"deny": ['"\\']}


def test_a_global_plugin_of_kubernetes_is_a_cluster_plugin_with_a_label() -> None:
    plugin, service, route = documents(render(Passthrough(upstream=UPSTREAM, scope="global"), "kubernetes"))
    assert (plugin["apiVersion"], plugin["kind"]) == ("configuration.konghq.com/v1", "KongClusterPlugin")
    assert plugin["metadata"]["labels"] == {"global": "true"}
    assert "spec" not in plugin
    assert plugin["plugin"] == "ai-mcp-proxy"
    for holder in (service, route):
        assert "konghq.com/plugins" not in holder["metadata"]["annotations"]


@pytest.mark.parametrize(("scope", "holder"), [("service", 1), ("route", 2)])
def test_another_one_is_named_by_what_it_is_scoped_to(scope: Any, holder: int) -> None:
    described = Passthrough(upstream=UPSTREAM, scope=scope)
    manifests = documents(render(described, "kubernetes", place=Place(namespace="tools")))
    assert manifests[0]["kind"] == "KongPlugin"
    assert {each["metadata"]["namespace"] for each in manifests} == {"tools"}
    named = [each["metadata"]["annotations"].get("konghq.com/plugins") for each in manifests]
    assert [number for number, name in enumerate(named) if name] == [holder]
    assert named[holder] == manifests[0]["metadata"]["name"] == f"ai-mcp-proxy-{scope}-mcp-{scope}"


def test_two_servers_in_one_namespace_or_module_do_not_overwrite_each_other() -> None:
    names = ("a" * 63, "b" * 63)
    described = [
        Passthrough(upstream=UPSTREAM, service=service, route=route, scope=scope)
        for service, route in (names, names[::-1], ("orders", "route-orders"), ("route-orders", "orders"))
        for scope in ("service", "route")
    ]
    plugins = [documents(render(each, "kubernetes"))[0]["metadata"]["name"] for each in described]
    assert len(set(plugins)) == len(described)
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?", name) for name in plugins)
    odd = [Passthrough(upstream=UPSTREAM, service=name, route="r") for name in ("a.b", "a_b", "a~b", "1")]
    blocks = [key for each in odd for key in hcl.blocks(render(each, "terraform"))]
    labels = [
        key[1:] for each in (*described, *odd) for key in hcl.blocks(render(each, "terraform"))
        if "konnect_gateway_plugin_ai_mcp_proxy" in key
    ]  # fmt: skip
    assert len(set(labels)) == len(described) + len(odd)
    services = {key[2] for key in blocks if "konnect_gateway_service" in key}
    assert len(services) == len(odd)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", label) for label in services)


def test_a_server_outside_the_cluster_is_an_external_name_with_its_path_and_host() -> None:
    _, service, route = documents(render(Passthrough(upstream=UPSTREAM), "kubernetes"))
    assert service["spec"]["externalName"] == "host.docker.internal"
    assert service["spec"]["ports"][0]["port"] == 3001
    said = service["metadata"]["annotations"]
    assert (said["konghq.com/protocol"], said["konghq.com/path"]) == ("http", "/mcp")
    assert said["konghq.com/host-header"] == "host.docker.internal"
    (rule,) = route["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/mcp"}}]
    assert rule["backendRefs"] == [{"name": "mcp-service", "port": 3001}]
    annotations = route["metadata"]["annotations"]
    assert annotations["konghq.com/strip-path"] == "true"
    assert annotations["konghq.com/preserve-host"] == "false"
    assert annotations["konghq.com/response-buffering"] == "false"


@pytest.mark.parametrize("kind", ["httproute", "ingress"])
def test_regexes_and_hosts_are_written_as_each_kind_of_route_knows_them(kind: Any) -> None:
    route = documents(render(FULL, "kubernetes", place=Place(route_kind=kind)))[2]
    if kind == "httproute":
        assert route["spec"]["hostnames"] == ["mcp.example.com"]
        assert route["spec"]["rules"][0]["matches"][1]["path"]["type"] == "RegularExpression"
        assert route["spec"]["rules"][0]["matches"][1]["path"]["value"] == "/v\\d+/mcp$"
    else:
        (rule,) = route["spec"]["rules"]
        assert rule["host"] == "mcp.example.com"
        assert [path["path"] for path in rule["http"]["paths"]] == ["/mcp", "/~/v\\d+/mcp$"]
        assert route["spec"]["ingressClassName"] == "kong"


def test_what_exists_in_kubernetes_is_annotated_by_a_command_in_a_comment() -> None:
    text = render(
        Passthrough(alone=True, scope="route", route="r"), "kubernetes", place=Place(route_kind="ingress")
    )
    assert "#   kubectl annotate -n kong ingress r konghq.com/plugins=ai-mcp-proxy-route-r\n" in text
    (plugin,) = documents(text)
    assert plugin["metadata"]["name"] == "ai-mcp-proxy-route-r"


@pytest.mark.parametrize(
    "described",
    [
        Passthrough(upstream=UPSTREAM, service="Not_Lower"),
        Passthrough(upstream="http://10.0.0.1/mcp"),
        Passthrough(upstream="http://[::1]:3000/mcp"),
        Passthrough(upstream=UPSTREAM, hosts=("example.*",)),
        Passthrough(upstream=UPSTREAM, hosts=("example.com:8443",)),
        Passthrough(upstream=UPSTREAM, hosts=("10.0.0.1",)),
        Passthrough(upstream=UPSTREAM, hosts=("-example.com",)),
        Passthrough(upstream=UPSTREAM, service="1-mcp"),
        Passthrough(upstream="http://my_tools/mcp"),
        Passthrough(upstream=UPSTREAM, paths=("/a/../mcp",)),
        Passthrough(upstream=UPSTREAM, paths=("/a%2Fmcp",)),
        Passthrough(upstream=UPSTREAM, paths=("/100%",)),
    ],
)
def test_kubernetes_refuses_what_it_cannot_name(described: Passthrough) -> None:
    with pytest.raises(ConfigError):
        render(described, "kubernetes")


@pytest.mark.parametrize("kind", ["httproute", "ingress"])
def test_hosts_are_in_lower_case_in_kubernetes_and_a_warning_says_so(kind: Any) -> None:
    described = Passthrough(upstream="http://Tools.Example.com/mcp", hosts=("MCP.Example.com", "*.A.org"))
    _, service, route = documents(render(described, "kubernetes", place=Place(route_kind=kind)))
    assert service["spec"]["externalName"] == "tools.example.com"
    found = route["spec"].get("hostnames") or [rule["host"] for rule in route["spec"]["rules"]]
    assert found == ["mcp.example.com", "*.a.org"]
    assert "MCP.Example.com, *.A.org, Tools.Example.com is written" in " ".join(
        traps(described, "kubernetes")
    )
    assert not any("lower case" in said for said in traps(described, "deck"))


@pytest.mark.parametrize("scope", ["global", "service", "route"])
def test_terraform_refers_to_what_it_creates(scope: Any) -> None:
    place = Place(region="eu", control_plane=CONTROL_PLANE)
    file = hcl.blocks(render(Passthrough(upstream=UPSTREAM, scope=scope), "terraform", place=place))
    service = file["resource", "konnect_gateway_service", "mcp-service"]
    assert (service["protocol"], service["host"], service["port"], service["path"]) == (
        "http",
        "host.docker.internal",
        3001,
        "/mcp",
    )
    route = file["resource", "konnect_gateway_route", "mcp-route"]
    assert route["service"] == {"id": hcl.Reference("konnect_gateway_service.mcp-service.id")}
    label = "mcp_proxy" if scope == "global" else f"{scope}_mcp-{scope}"
    plugin = file["resource", "konnect_gateway_plugin_ai_mcp_proxy", label]
    references = {each: plugin[each]["id"] for each in ("service", "route") if each in plugin}
    assert references == ({} if scope == "global" else {scope: f"konnect_gateway_{scope}.mcp-{scope}.id"})
    assert {each["control_plane_id"] for each in (service, route, plugin)} == {CONTROL_PLANE}
    assert file["provider", "konnect"] == {"server_url": "https://eu.api.konghq.com/"}


def test_terraform_asks_for_the_ids_of_what_it_does_not_create() -> None:
    file = hcl.blocks(render(Passthrough(alone=True, scope="route"), "terraform"))
    assert {key[1] for key in file if key[0] == "variable"} == {"control_plane_id", "route_id"}
    plugin = file["resource", "konnect_gateway_plugin_ai_mcp_proxy", "route_mcp-route"]
    assert plugin["route"] == {"id": hcl.Reference("var.route_id")}


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_itself_would_write_it_the_same_way(tmp_path: Path) -> None:
    text = render(FULL, "terraform")
    done = subprocess.run(
        ["terraform", "fmt", "-"], input=text, capture_output=True, text=True, cwd=tmp_path, check=True,
        env={"PATH": os.environ["PATH"], "TF_CLI_CONFIG_FILE": os.devnull},
    )  # fmt: skip
    assert done.stdout == text


@pytest.mark.parametrize("form", ["konnect-api", "terraform"])
def test_forms_that_need_the_control_planes_id_refuse_its_name(form: Form) -> None:
    with pytest.raises(ConfigError, match="needs the control plane's id"):
        render(Passthrough(alone=True), form, place=Place(control_plane="production"))


@pytest.mark.parametrize("form", FORMS)
def test_no_form_holds_a_token(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONNECT_TOKEN", "kpat_secret0")
    monkeypatch.setenv("KONG_ADMIN_TOKEN", "kpat_secret0")
    assert "secret0" not in render(FULL, form)
