"""Which plugins run, in which order, and why (fact sheet 8.1, 8.2)."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway import SCOPES, EffectivePlugins, PluginIndex, effective_plugins

ROUTE = {"id": "r", "service": {"id": "s"}, "protocols": ["https"]}


def plugin(name: str, **fields: Any) -> dict[str, Any]:
    scopes = {
        kind: {"id": fields.pop(kind)}
        for kind in ("route", "service", "consumer", "consumer_group")
        if kind in fields
    }
    return {"id": name, "name": name, "enabled": True, "config": {}, **scopes, **fields}


_IDS = {"route": "r", "service": "s", "consumer": "c", "consumer_group": "g"}


def scoped(scope: str, **fields: Any) -> dict[str, Any]:
    ids = {part: _IDS[part] for part in scope.split("+") if part in _IDS}
    return plugin("rate-limiting", id=scope, **ids, **fields)


def _id(given_plugin: object) -> str:
    return cast("dict[str, str]", given_plugin)["id"]


def _name(given_plugin: object) -> str:
    return cast("dict[str, str]", given_plugin)["name"]


def names(found: EffectivePlugins) -> list[str]:
    return [plugin.name for plugin in found]


def ask(plugins: list[dict[str, Any]]) -> EffectivePlugins:
    return effective_plugins(plugins, route=ROUTE, consumer="c", consumer_groups=["g"])


@pytest.mark.parametrize("level", range(12))
def test_each_scope_level_beats_all_less_specific_ones(level: int) -> None:
    plugins = [scoped(scope) for scope in reversed(SCOPES[level:])]
    for beside in ([plugin("key-auth")], []):
        found = ask([*plugins, *beside])
        winner = next(each for each in found if each.name == "rate-limiting")
        assert (winner.scope, winner.level) == (SCOPES[level], level + 1)
        assert [_id(beaten) for beaten in winner.beat] == list(SCOPES[level + 1 :])
        assert [idle.scope for idle in found.shadowed] == list(SCOPES[level + 1 :])


def test_the_documented_order_of_scopes() -> None:
    assert SCOPES[:4] == (
        "consumer+route+service",
        "consumer_group+route+service",
        "consumer+route",
        "consumer+service",
    )
    assert SCOPES[6:] == ("route+service", "consumer", "consumer_group", "route", "service", "global")


def test_a_disabled_configuration_falls_through_to_the_next() -> None:
    off = scoped("route", enabled=False)
    found = ask([off, scoped("global")])
    assert [p.scope for p in found] == ["global"]
    assert [idle.plugin for idle in found.disabled] == [off]
    assert found.shadowed == ()


def test_the_configuration_that_runs_is_the_object_passed_in() -> None:
    given_plugin = plugin("cors")
    assert effective_plugins([given_plugin])[0].plugin is given_plugin


def test_other_routes_services_and_consumers_are_not_met() -> None:
    plugins = [plugin("cors", route="other"), plugin("acl", service="other"), plugin("jwt", consumer="other")]
    assert len(ask(plugins)) == 0


def test_consumer_scopes_need_a_consumer() -> None:
    plugins = [scoped("consumer"), scoped("global")]
    assert [p.scope for p in effective_plugins(plugins, route=ROUTE)] == ["global"]


def test_the_service_is_taken_from_the_route() -> None:
    plugins = [plugin("cors", service="s")]
    assert names(effective_plugins(plugins, route=ROUTE)) == ["cors"]
    assert names(effective_plugins(plugins, route="r")) == []
    assert names(effective_plugins(plugins, service={"id": "s"})) == ["cors"]


def test_flat_references_are_understood() -> None:
    flat = {"id": "1", "name": "cors", "route_id": "r"}
    camel = {"id": "2", "name": "acl", "serviceId": "s"}
    assert names(effective_plugins([flat, camel], route=ROUTE)) == ["cors", "acl"]


def test_of_several_groups_the_alphabetically_first_counts() -> None:
    groups = [{"id": "g1", "name": "silver"}, {"id": "g2", "name": "gold"}]
    plugins = [plugin("acl", id=g, consumer_group=g) for g in ("g1", "g2")]
    found = effective_plugins([plugin("key-auth"), *plugins], consumer="c", consumer_groups=groups)
    assert [p.id for p in found][1:] == ["g2"]
    assert found[1].because == (
        "It is scoped to the consumer group, like another configuration of this plugin (priority 950). "
        "Of the groups gold and silver the alphabetically first counts today, which is not guaranteed."
    )
    assert "a group that goes first" in found.shadowed[0].because


def test_what_is_global_is_beaten_by_name() -> None:
    found = ask([scoped("consumer"), scoped("route"), scoped("global"), plugin("key-auth")])
    assert "scoped to the consumer, which beats the route and the global one" in found[1].because


def test_plugins_run_by_priority_and_equal_ones_in_reverse_alphabet() -> None:
    given_names = ["http-log", "key-auth-enc", "cors", "key-auth", "pre-function", "rate-limiting"]
    found = effective_plugins([plugin(name) for name in given_names])
    assert names(found) == ["pre-function", "cors", "key-auth-enc", "key-auth", "rate-limiting", "http-log"]


def test_an_unknown_plugin_is_said_to_be_unknown_and_comes_last() -> None:
    found = effective_plugins([plugin("my-clone"), plugin("post-function")])
    assert names(found) == ["post-function", "my-clone"]
    last = found[1]
    assert (last.known, last.priority, last.roles, last.phases) == (False, None, frozenset(), None)
    assert "unknown" in last.because


def test_an_ordering_moves_a_plugin_in_the_access_phase() -> None:
    moved = plugin("rate-limiting", ordering={"before": {"access": ["key-auth"]}})
    found = effective_plugins([plugin("key-auth"), moved, plugin("cors")])
    assert names(found) == ["cors", "rate-limiting", "key-auth"]
    assert "ordering" in found[1].because


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        # The worked examples of Kong's page about the default algorithm.
        (
            {"pre-function": {"after": ["opentelemetry"]}, "request-callout": {}, "opentelemetry": {}},
            ["opentelemetry", "pre-function", "request-callout"],
        ),
        (
            {
                "key-auth": {},
                "ldap-auth": {},
                "header-cert-auth": {},
                "response-transformer": {"before": ["ldap-auth"]},
                "ai-proxy": {},
            },
            ["key-auth", "response-transformer", "ldap-auth", "header-cert-auth", "ai-proxy"],
        ),
        (
            {"key-auth-enc": {}, "key-auth": {}, "acl": {"before": ["key-auth"]}},
            ["key-auth-enc", "acl", "key-auth"],
        ),
        # Nothing slips in before the authentication that a rate limit was put in front of.
        (
            {"key-auth": {}, "acl": {}, "rate-limiting": {"before": ["key-auth"]}},
            ["rate-limiting", "key-auth", "acl"],
        ),
        # The one in the middle is for another route.
        ({"acl": {"after": ["cors"]}, "http-log": {"before": ["cors"]}}, ["http-log", "acl"]),
    ],
)
def test_a_plugin_is_placed_right_behind_what_it_depends_on(
    rules: dict[str, dict[str, list[str]]], expected: list[str]
) -> None:
    plugins = [
        plugin(name, ordering={side: {"access": others} for side, others in rule.items()})
        for name, rule in rules.items()
    ]
    assert names(effective_plugins(plugins)) == expected


def test_a_long_chain_of_orderings_is_followed() -> None:
    last = 3000
    plugins = [
        plugin(f"own-{number:05d}", ordering={"after": {"access": [f"own-{number - 1:05d}"]}})
        for number in range(last)
    ]
    assert names(effective_plugins(plugins)) == sorted(map(_name, plugins))


def test_a_plugin_that_only_makes_room_is_not_said_to_be_moved() -> None:
    moved = plugin("rate-limiting", ordering={"before": {"access": ["key-auth"]}})
    found = effective_plugins([plugin("key-auth"), plugin("acl"), moved])
    assert [(p.name, p.moved) for p in found] == [
        ("rate-limiting", True), ("key-auth", False), ("acl", False),
    ]  # fmt: skip


def test_an_ordering_may_say_after() -> None:
    late = plugin("cors", ordering={"after": {"access": ["key-auth", "absent"]}})
    assert names(effective_plugins([late, plugin("key-auth")])) == ["key-auth", "cors"]


def test_a_cycle_of_orderings_keeps_the_static_order() -> None:
    first = plugin("cors", ordering={"after": {"access": ["key-auth"]}})
    second = plugin("key-auth", ordering={"after": {"access": ["cors"]}})
    assert names(effective_plugins([second, first])) == ["cors", "key-auth"]


def test_a_condition_makes_a_plugin_conditional() -> None:
    found = effective_plugins([plugin("cors", condition="http.method == 'GET'"), plugin("acl")])
    assert [(p.name, p.conditional) for p in found] == [("cors", True), ("acl", False)]


def test_a_plugin_before_every_authentication_never_sees_the_consumer() -> None:
    blind = plugin("cors", id="mine", consumer="c")
    found = ask([blind, plugin("cors", id="all"), plugin("key-auth")])
    assert [(p.name, p.id) for p in found] == [("cors", "all"), ("key-auth", "key-auth")]
    assert [idle.plugin for idle in found.shadowed] == [blind]
    assert "before every authentication plugin" in found.shadowed[0].because


def test_without_authentication_the_caller_is_believed_with_a_caveat() -> None:
    found = ask([scoped("consumer"), scoped("consumer_group"), scoped("global")])
    assert [p.scope for p in found] == ["consumer"]
    assert "another plugin authenticates" in found[0].because


def test_a_plugin_that_may_authenticate_leaves_a_consumer_scope_in_force_with_a_caveat() -> None:
    own = [scoped("consumer"), scoped("global"), plugin("my-own")]
    found = ask(own)
    assert found[0].scope == "consumer"
    assert "another plugin authenticates" in found[0].because
    early = [plugin("cors", consumer="c"), plugin("key-auth"), plugin("my-own")]
    assert "another plugin authenticates" in ask(early)[0].because
    assert "another plugin authenticates" not in ask([*own, plugin("key-auth")])[1].because


def test_stream_plugins_stay_out_of_http() -> None:
    plugins = [plugin("ip-restriction", protocols=["tcp", "https"]), plugin("cors", protocols=["https"])]
    assert names(effective_plugins(plugins, stream=True)) == ["ip-restriction"]
    assert names(effective_plugins(plugins, route={"id": "r", "protocols": ["tcp"]})) == ["ip-restriction"]
    assert names(effective_plugins(plugins, stream=False)) == ["cors", "ip-restriction"]


def test_roles_and_phases_come_from_the_catalogue() -> None:
    found = effective_plugins([plugin("key-auth"), plugin("http-log")])
    assert "client-authentication" in found[0].roles
    assert [p.phases for p in found] == [("access",), ("log",)]


_POOL = ["cors", "key-auth", "acl", "http-log", "custom-a", "custom-b"]


@st.composite
def _plugins(draw: st.DrawFn) -> list[dict[str, Any]]:
    scopes = {kind: st.sampled_from([id_, "other"]) for kind, id_ in _IDS.items()}
    found: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 12))):
        fields = draw(st.fixed_dictionaries({}, optional=scopes))
        if "consumer" in fields:  # no level has both
            fields.pop("consumer_group", None)
        name, enabled = draw(st.sampled_from(_POOL)), draw(st.booleans())
        found.append(plugin(name, id=str(number), enabled=enabled, **fields))
    return found


def _refers(plugin: dict[str, Any], kind: str) -> str | None:
    return plugin[kind]["id"] if kind in plugin else None


@given(_plugins())
def test_one_enabled_configuration_per_name_and_every_applicable_one_accounted_for(
    plugins: list[dict[str, Any]],
) -> None:
    found = ask(plugins)
    assert len(set(names(found))) == len(found)
    applicable = [p for p in plugins if all(_refers(p, kind) in (None, id_) for kind, id_ in _IDS.items())]
    told = [*(p.plugin for p in found), *(p.plugin for p in (*found.shadowed, *found.disabled))]
    assert sorted(map(_id, told)) == sorted(map(_id, applicable))
    assert all(p.plugin in [q for q in plugins if q["enabled"]] for p in found)


@given(_plugins(), st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order_of_the_list(
    plugins: list[dict[str, Any]], shuffler: Any
) -> None:
    before = [(p.id, p.because) for p in ask(plugins)]
    shuffled = list(plugins)
    shuffler.shuffle(shuffled)
    assert [(p.id, p.because) for p in ask(shuffled)] == before


def test_an_index_answers_as_the_list_does() -> None:
    plugins = [plugin("cors"), plugin("acl", route="r")]
    assert names(effective_plugins(PluginIndex(plugins), route=ROUTE)) == names(
        effective_plugins(plugins, route=ROUTE)
    )


def test_phases_before_a_route_is_known_are_run_by_global_plugins_only() -> None:
    everywhere, here = effective_plugins([plugin("pre-function")]), ask([plugin("pre-function", route="r")])
    assert everywhere[0].phases is not None
    assert everywhere[0].phases[:2] == ("certificate", "rewrite")
    assert here[0].phases == everywhere[0].phases[2:]


def test_an_ordering_anywhere_is_a_caveat_for_plugins_scoped_to_consumers() -> None:
    moved = plugin("cors", ordering={"before": {"access": ["acl"]}})
    found = ask([moved, scoped("consumer"), plugin("key-auth")])
    assert "before 3.14" in next(p for p in found if p.name == "rate-limiting").because
    assert "before 3.14" not in next(p for p in found if p.name == "key-auth").because


def test_a_global_configuration_that_lost_still_runs_before_a_route_is_known() -> None:
    found = ask([plugin("pre-function", id="all"), plugin("pre-function", id="here", route="r")])
    assert [p.id for p in found] == ["here"]
    (idle,) = found.shadowed
    assert (idle.id, idle.phases) == ("all", ("certificate", "rewrite"))
    assert "except in the phase certificate and rewrite" in idle.because


def test_a_global_configuration_of_unknown_phases_may_still_run() -> None:
    plugins = [plugin("my-own", id="all"), plugin("my-own", id="here", service="s")]
    (idle,) = ask(plugins).shadowed
    assert idle.phases is None
    assert "should the plugin have a certificate or rewrite phase" in idle.because


def test_a_configuration_that_lost_and_has_no_early_phase_does_not_run_at_all() -> None:
    for scope in ("global", "service"):
        (idle,) = ask([scoped(scope), scoped("route")]).shadowed
        assert (idle.phases, "except" in idle.because) == ((), False)


def test_an_ordering_that_puts_a_plugin_before_authentication_hides_the_consumer_from_it() -> None:
    early = {"before": {"access": ["key-auth"]}}
    plugins = [scoped("consumer", ordering=early), scoped("global", ordering=early), plugin("key-auth")]
    found = ask(plugins)
    assert [(p.name, p.scope) for p in found] == [("rate-limiting", "global"), ("key-auth", "global")]
    assert [idle.scope for idle in found.shadowed] == ["consumer"]


def test_an_ordering_that_puts_a_plugin_behind_authentication_shows_it_the_consumer() -> None:
    late = plugin("cors", id="mine", consumer="c", ordering={"after": {"access": ["key-auth"]}})
    found = ask([late, plugin("cors", id="all"), plugin("key-auth")])
    assert [(p.name, p.id) for p in found] == [("key-auth", "key-auth"), ("cors", "mine")]
