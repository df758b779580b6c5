"""Applying a description to a gateway that has something already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from konnect_agent.applying import Plan, Target, admin_api, apply
from konnect_agent.errors import ConfigError, ConfirmationDeclined, HttpError, Undecodable
from konnect_agent.gateway.passthrough import Passthrough, ToolAccess

from .applied import WANTED, failing, outcomes, yes
from .stand_in import Entity, Fault, StandIn

pytestmark = pytest.mark.anyio


async def test_what_differs_is_updated_and_what_is_not_described_stays(
    stand_in: StandIn, target: Target
) -> None:
    theirs = stand_in.put("services", name="mcp-service", host="old.internal", retries=1)
    seen: list[Plan] = []

    def agreed(plan: Plan) -> bool:
        seen.append(plan)
        return True

    changes = await apply(WANTED, to=target, confirm=agreed)
    assert outcomes(changes)[0] == ("updated", "service")
    assert {change.field: (change.before, change.after) for change in seen[0].steps[0].changes} == {
        "tags": (None, ["mcp"]),
        "host": ("old.internal", "tools.internal"),
        "port": (80, 3001),
        "path": (None, "/mcp"),
    }
    (service,) = stand_in.all("services")
    assert service["id"] == theirs["id"]
    assert (service["host"], service["retries"]) == ("tools.internal", 1)


async def test_an_update_keeps_what_the_description_does_not_know(stand_in: StandIn, target: Target) -> None:
    await apply(WANTED, to=target, confirm=yes)
    (plugin,) = stand_in.all("plugins")
    plugin["config"]["tools"][0]["annotations"] = {"title": "Users"}
    plugin["config"]["server"] = {"tag": "theirs"}
    changes = await apply(replace(WANTED, timeout=5.0), to=target, confirm=yes)
    assert outcomes(changes) == [("unchanged", "service"), ("unchanged", "route"), ("updated", "plugin")]
    (plugin,) = stand_in.all("plugins")
    assert plugin["config"]["tools"][0]["annotations"] == {"title": "Users"}
    assert (plugin["config"]["server"]["tag"], plugin["config"]["server"]["timeout"]) == ("theirs", 5000)


async def test_a_route_of_another_service_is_left_alone(stand_in: StandIn, target: Target) -> None:
    other = stand_in.put("services", name="other", host="other")
    stand_in.put("routes", name="mcp-route", paths=["/other"], service={"id": other["id"]})
    error = await failing(WANTED, target, ConfigError)
    assert "belongs to another service" in error.message
    assert stand_in.writes() == []


async def test_a_plugin_in_another_mode_is_left_alone(stand_in: StandIn, target: Target) -> None:
    service = stand_in.put("services", name="mcp-service", host="tools.internal")
    stand_in.put("plugins", name="ai-mcp-proxy", config={"mode": "listener"}, service={"id": service["id"]})
    error = await failing(WANTED, target, ConfigError)
    assert "in the mode listener" in error.message
    assert stand_in.writes() == []


PLAIN = Passthrough(upstream="http://tools.internal:3001/mcp")
FULL = replace(
    WANTED,
    hosts=("mcp.example.com",),
    strip_path=False,
    buffering=True,
    max_request_body_size=0,
    log_statistics=True,
    log_payloads=True,
    log_audits=True,
    timeout=5.0,
    forward_client_headers=False,
    consumer_identifier="custom_id",
    include_consumer_groups=True,
    acl_attribute_type="oauth_access_token",
    access_token_claim_field="sub",
)


def everything(stand_in: StandIn) -> list[Entity]:
    """The one service, the one route and the one plugin, without what differs by chance."""
    chance = ("id", "service", "created_at", "updated_at")
    (service,), (route,), (plugin,) = (stand_in.all(each) for each in ("services", "routes", "plugins"))
    return [{k: v or None for k, v in each.items() if k not in chance} for each in (service, route, plugin)]


async def test_options_that_are_left_out_again_are_as_if_they_had_never_been(
    stand_in: StandIn, target: Target
) -> None:
    await apply(PLAIN, to=target, confirm=yes)
    plain = everything(stand_in)
    await apply(FULL, to=target, confirm=yes)
    assert everything(stand_in) != plain
    changes = await apply(PLAIN, to=target, confirm=yes)
    assert {change.outcome for change in changes} == {"updated"}
    assert {"config.logging.log_payloads", "config.default_acl", "config.server.timeout"} < {
        difference.field for difference in changes[2].fields
    }
    assert everything(stand_in) == plain
    again = await apply(PLAIN, to=target, confirm=lambda plan: pytest.fail("asked"))
    assert {change.outcome for change in again} == {"unchanged"}


async def test_a_list_of_a_rule_that_is_left_out_again_is_gone(stand_in: StandIn, target: Target) -> None:
    both = ToolAccess(name="list_users", allow=("admins",), deny=("guests",))
    await apply(replace(PLAIN, tools=(both,), default_access=both), to=target, confirm=yes)
    allowing = ToolAccess(name="list_users", allow=("admins",))
    await apply(replace(PLAIN, tools=(allowing,), default_access=allowing), to=target, confirm=yes)
    (plugin,) = stand_in.all("plugins")
    for rule in (plugin["config"]["tools"][0]["acl"], plugin["config"]["default_acl"][0]):
        assert (rule["allow"], rule.get("deny")) == (["admins"], None)


async def test_the_order_of_a_list_is_no_difference(stand_in: StandIn, target: Target) -> None:
    tools = tuple(ToolAccess(name=name, allow=("a", "b")) for name in ("x", "y"))
    await apply(replace(PLAIN, tools=tools, tags=("one", "two")), to=target, confirm=yes)
    turned = tuple(ToolAccess(name=name, allow=("b", "a")) for name in ("y", "x"))
    changes = await apply(replace(PLAIN, tools=turned, tags=("two", "one")), to=target, confirm=yes)
    assert {change.outcome for change in changes} == {"unchanged"}


async def test_a_gateway_that_lacks_newer_fields_is_not_sent_their_defaults(
    stand_in: StandIn, target: Target
) -> None:
    await apply(PLAIN, to=target, confirm=yes)
    (plugin,) = stand_in.all("plugins")
    plugin["config"] = {"mode": "passthrough-listener", "max_request_body_size": 8192}
    await apply(PLAIN, to=target, confirm=yes)
    sent = stand_in.asked[-1][2] or {}
    assert sent["config"] == {"mode": "passthrough-listener", "max_request_body_size": 1048576}


@pytest.mark.parametrize("collection", ["services", "plugins"])
async def test_what_is_switched_off_is_switched_on(
    collection: str, stand_in: StandIn, target: Target
) -> None:
    await apply(PLAIN, to=target, confirm=yes)
    stand_in.all(collection)[0]["enabled"] = False
    plans: list[Plan] = []
    changes = await apply(PLAIN, to=target, confirm=lambda plan: not plans.append(plan))
    assert [change.outcome for change in changes].count("updated") == 1
    assert stand_in.all(collection)[0]["enabled"] is True
    assert plans[0].beware == ()


@pytest.mark.parametrize(
    ("collection", "fields", "after"),
    [
        ("routes", {"methods": ["GET"]}, {"methods": ["GET", "POST", "DELETE"]}),
        ("routes", {"hosts": ["old.example.com"]}, {"hosts": None}),
        ("routes", {"headers": {"x-internal": ["1"]}}, {"headers": None}),
        ("routes", {"snis": ["old.example.com"]}, {"snis": None}),
        ("plugins", {"condition": "http.path == '/x'"}, {"condition": None}),
        ("plugins", {"protocols": ["grpc"]}, {"protocols": ["grpc", "https"]}),
    ],
)
async def test_what_takes_fewer_requests_than_described_is_never_unchanged(
    collection: str, fields: Entity, after: Entity, stand_in: StandIn, target: Target
) -> None:
    await apply(PLAIN, to=target, confirm=yes)
    stand_in.all(collection)[0].update(fields)
    plans: list[Plan] = []
    await apply(PLAIN, to=target, confirm=lambda plan: not plans.append(plan))
    assert after.items() <= stand_in.all(collection)[0].items()
    # What somebody added that no description knows may be there for a reason.
    assert bool(plans[0].beware) == bool({"hosts", "headers", "snis", "condition"} & fields.keys())


async def test_fields_of_others_are_kept_in_an_update(stand_in: StandIn, target: Target) -> None:
    theirs = {"connect_timeout": 1000, "tls_verify": True, "client_certificate": {"id": "x"}}
    service = stand_in.put("services", name="mcp-service", host="old.internal", **theirs)
    kept = {"preserve_host": True, "regex_priority": 7, "methods": ["POST", "GET", "DELETE", "PUT"]}
    stand_in.put("routes", name="mcp-route", paths=["/old"], service={"id": service["id"]}, **kept)
    await apply(WANTED, to=target, confirm=yes)
    assert theirs.items() <= stand_in.all("services")[0].items()
    assert kept.items() <= stand_in.all("routes")[0].items()


async def test_configuration_is_sent_back_as_it_is_whatever_the_token_is(stand_in: StandIn) -> None:
    stand_in.admin_token = "kong"
    before = dict(stand_in.put("services", name="mcp-service", host="kong-old.internal", path="/kong"))
    route = {"headers": None, "paths": ["/kong"], "service": {"id": before["id"]}}
    stand_in.put("routes", name="mcp-route", https_redirect_status_code=301, **route)
    stand_in.put("routes", name="kong", paths=["/shop-kong"], service={"id": before["id"]})
    plans: list[Plan] = []
    stand_in.faults = [Fault("POST", "/plugins$", status=400)]
    target = admin_api(stand_in.url, token="kong")
    with pytest.raises(Exception, match="went wrong"):
        await apply(WANTED, to=target, confirm=lambda plan: not plans.append(plan))
    assert [each for each in stand_in.all("services") if each["name"] == "mcp-service"] == [before]
    assert not any(
        "redacted" in str(entity) for each in stand_in.entities.values() for entity in each.values()
    )
    assert "kong-old.internal" in str(plans[0].steps[0].changes)
    assert "/shop-kong" in plans[0].beware[0]


async def test_a_service_that_other_routes_lead_to_is_shown_with_them(
    stand_in: StandIn, target: Target
) -> None:
    service = stand_in.put("services", name="mcp-service", host="shop.internal")
    stand_in.put("routes", name="shop", paths=["/shop"], service={"id": service["id"]})
    plans: list[Plan] = []
    await apply(PLAIN, to=target, confirm=lambda plan: not plans.append(plan))
    (sentence,) = plans[0].beware
    assert "shop (/shop)" in sentence
    assert "mcp-service" in sentence


async def test_other_routes_that_go_on_as_before_are_nothing_to_beware_of(
    stand_in: StandIn, target: Target
) -> None:
    await apply(PLAIN, to=target, confirm=yes)
    (service,) = stand_in.all("services")
    stand_in.put("routes", name="second", paths=["/second"], service={"id": service["id"]})
    plans: list[Plan] = []
    await apply(
        replace(PLAIN, tags=("x",), paths=("/mcp", "/b")),
        to=target,
        confirm=lambda plan: not plans.append(plan),
    )
    assert plans[0].beware == ()
    await apply(
        replace(PLAIN, route="third", paths=("/c",)), to=target, confirm=lambda plan: not plans.append(plan)
    )
    assert plans[1].beware == ()


async def test_a_route_of_no_service_is_not_said_to_be_anothers(stand_in: StandIn, target: Target) -> None:
    stand_in.put("routes", name="mcp-route", paths=["/mcp"])
    error = await failing(WANTED, target, ConfigError)
    assert "belongs to no service" in error.message


@pytest.mark.parametrize("gone", [False, True])
async def test_what_changed_after_it_was_shown_is_not_overwritten(
    gone: bool, stand_in: StandIn, target: Target
) -> None:
    theirs = stand_in.put("services", name="mcp-service", host="old.internal")

    def meanwhile(plan: Plan) -> bool:
        if gone:
            stand_in.entities["services"].clear()
        else:
            theirs["tags"] = ["added-while-asked"]
        return True

    with pytest.raises(ConfirmationDeclined) as raised:
        await apply(WANTED, to=target, confirm=meanwhile)
    assert ("deleted" if gone else "changed") in raised.value.message
    assert stand_in.writes() == []
    assert stand_in.all("services") == ([] if gone else [theirs])


_UNROUTED = '{"message":"no Route matched with those values"}'


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("GET", "/services$", 404, text="<html>nginx</html>"), "not in the words of the"),
        (Fault("GET", "/services$", 404, text=_UNROUTED), "no Route matched"),
        (Fault("GET", "/services/", 404, text=_UNROUTED), "no Route matched"),
        (Fault("GET", "/services/", 404, text=""), "not in the words of the"),
        (Fault("GET", "/services$", 200, text="<html>login</html>"), "login"),
        (Fault("GET", "/services/", 200, text="{}"), "another shape"),
        (Fault("GET", "/services/", 200, text='{"data": []}'), "data"),
        (Fault("GET", "/routes/", 200, text="[]"), "another shape"),
        (Fault("GET", "/services$", 200, text='{"data": [{}]}'), "data"),
    ],
)
async def test_what_could_not_be_seen_is_never_taken_for_nothing(
    fault: Fault, words: str, stand_in: StandIn, target: Target
) -> None:
    stand_in.faults = [fault]
    with pytest.raises((HttpError, Undecodable)) as raised:
        await apply(WANTED, to=target, confirm=lambda plan: pytest.fail("asked"))
    assert words in str(raised.value)
    assert str(raised.value).startswith(f"GET {fault.path.strip('/$')}")
    assert target.base in str(raised.value)
    assert "check the URL" in raised.value.hint
    assert stand_in.writes() == []


@pytest.mark.parametrize(
    "text",
    [
        '{"message":"Not found"}',
        '{"message":"Not found","name":"not found","code":3}',
        '{"status":404,"title":"Not Found","instance":"kong:trace:1","detail":"Not Found"}',
        '{"code":5,"message":"","details":[]}',
    ],
)
async def test_the_apis_own_404_is_nothing_there(text: str, stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("GET", f"/{each}/", status=404, text=text) for each in ("services", "routes")]
    changes = await apply(WANTED, to=target, confirm=yes)
    assert {change.outcome for change in changes} == {"created"}
    assert outcomes(changes)[0] == ("created", "service")
