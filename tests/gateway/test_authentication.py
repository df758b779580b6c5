"""Who can get in (fact sheet 8.4)."""

from typing import Any

from konnect_agent.gateway import authentication


def auth(name: str, **fields: Any) -> dict[str, Any]:
    anonymous = fields.pop("anonymous", None)
    config = {} if anonymous is None else {"anonymous": anonymous}
    return {"id": name, "name": name, "config": config, **fields}


def stopper(consumer: str, **fields: Any) -> dict[str, Any]:
    return {"id": "stop", "name": "request-termination", "consumer": {"id": consumer}, **fields}


def test_no_plugin_means_anyone() -> None:
    answer = authentication([{"name": "cors"}])
    assert (answer.kind, answer.protected) == ("none", False)


def test_helpers_and_authorization_do_not_authenticate() -> None:
    plugins = [{"name": name} for name in ("session", "jwe-decrypt", "acl", "ip-restriction")]
    assert authentication(plugins).kind == "none"


def test_an_unknown_plugin_leaves_it_open() -> None:
    answer = authentication([{"name": "my-own-auth"}])
    assert (answer.kind, answer.protected) == ("none", None)
    assert "my-own-auth" in answer.because


def test_all_must_succeed_without_a_fallback() -> None:
    answer = authentication([auth("key-auth"), auth("jwt", anonymous="")])
    assert (answer.kind, answer.protected) == ("required", True)
    assert [plugin.name for plugin in answer.plugins] == ["jwt", "key-auth"]


def test_a_fallback_nothing_stops_lets_everyone_through() -> None:
    answer = authentication([auth("key-auth", anonymous="anon")])
    assert (answer.kind, answer.protected, answer.anonymous) == ("anonymous", False, ("anon",))


def test_request_termination_on_the_anonymous_consumer_makes_it_any_of() -> None:
    plugins = [auth("key-auth", anonymous="anon"), auth("jwt", anonymous="anon"), stopper("anon")]
    answer = authentication(plugins)
    assert (answer.kind, answer.protected) == ("any", True)
    assert [plugin.name for plugin in answer.stopped_by] == ["request-termination"]


def test_a_disabled_stop_stops_nobody() -> None:
    answer = authentication([auth("key-auth", anonymous="anon"), stopper("anon", enabled=False)])
    assert answer.kind == "anonymous"


def test_the_anonymous_consumer_may_be_given_by_name() -> None:
    plugins = [auth("key-auth", anonymous="nobody"), stopper("c1")]
    consumers = [{"id": "c1", "username": "nobody"}]
    assert authentication(plugins, consumers=consumers).kind == "any"
    unresolved = authentication(plugins)
    assert (unresolved.kind, unresolved.protected) == ("anonymous", None)
    assert "request-termination (scoped to a consumer" in unresolved.because


def test_what_stops_a_consumer_of_another_name_does_not_stop_the_anonymous_one() -> None:
    plugins = [auth("key-auth", anonymous="nobody"), stopper("c1")]
    assert authentication(plugins, consumers=[{"id": "c1", "username": "bob"}]).protected is False
    by_id: dict[str, Any] = auth("key-auth", anonymous="00000000-0000-4000-8000-000000000001")
    assert authentication([by_id, stopper("c1")]).protected is False


def test_what_stops_a_group_may_stop_the_anonymous_consumer_or_spare_it() -> None:
    fallback = auth("key-auth", anonymous="anon")
    of_group: dict[str, Any] = {
        "id": "g",
        "name": "request-termination",
        "consumer_group": {"id": "g"},
        "config": {},
    }
    answer = authentication([fallback, of_group])
    assert (answer.kind, answer.protected) == ("anonymous", None)
    assert "request-termination for a consumer group" in answer.because
    elsewhere = of_group | {"route": {"id": "other"}}
    assert authentication([fallback, elsewhere], route="r").protected is False
    for_all: dict[str, Any] = {"id": "all", "name": "request-termination", "config": {}}
    spares = of_group | {"config": {"trigger": "x-stop"}}
    assert authentication([fallback, for_all, of_group]).protected is True
    assert authentication([fallback, for_all, spares]).protected is None


def test_a_name_that_nobody_is_known_to_have_may_be_that_of_a_consumer_who_is_stopped() -> None:
    fallback = auth("key-auth", anonymous="nobody")
    answer = authentication([fallback, stopper("c1")])
    assert (answer.kind, answer.protected) == ("anonymous", None)
    assert "unless request-termination (scoped to a consumer that may be it) stops it" in answer.because
    # Nothing is scoped to anyone, or who it is, is known: then nothing stops it for certain.
    assert authentication([fallback, stopper("c1", enabled=False)]).protected is False
    assert authentication([fallback, stopper("c1", route={"id": "r"})], route={"id": "s"}).protected is False
    somebody = [{"id": "c2", "username": "nobody"}]
    assert authentication([fallback, stopper("c1")], consumers=somebody).protected is False
    by_id = auth("key-auth", anonymous="0a3a1b0e-0000-4000-8000-00000000cafe")
    assert authentication([by_id, stopper("c1")]).protected is False


def test_every_anonymous_consumer_must_be_stopped() -> None:
    plugins = [auth("key-auth", anonymous="a"), auth("jwt", anonymous="b"), stopper("a")]
    assert authentication(plugins).kind == "anonymous"


def test_a_mixture_is_flagged() -> None:
    answer = authentication([auth("key-auth", anonymous="a"), auth("jwt")])
    assert (answer.kind, answer.protected) == ("mixed", None)


def test_a_condition_leaves_it_open() -> None:
    answer = authentication([auth("key-auth", condition="true")])
    assert (answer.kind, answer.protected) == ("required", None)
    assert "condition" in answer.because


def test_one_plugin_without_a_condition_is_enough() -> None:
    answer = authentication([auth("key-auth"), auth("jwt", condition="true")])
    assert (answer.kind, answer.protected) == ("required", True)
    either = [auth("key-auth", anonymous="anon"), auth("jwt", anonymous="anon", condition="true")]
    assert authentication([*either, stopper("anon")]).protected is True
    assert authentication([*either, stopper("anon", condition="true")]).protected is None


def test_a_disabled_plugin_on_the_route_leaves_the_global_one_in_force() -> None:
    plugins = [auth("key-auth"), auth("key-auth", route={"id": "r"}, enabled=False)]
    assert authentication(plugins, route={"id": "r"}).kind == "required"


def test_only_the_winning_configuration_counts() -> None:
    plugins = [auth("key-auth"), auth("key-auth", route={"id": "r"}, anonymous="a")]
    assert authentication(plugins, route={"id": "r"}).kind == "anonymous"
    assert authentication(plugins, route={"id": "other"}).kind == "required"


def test_a_stop_that_waits_for_a_trigger_stops_nobody() -> None:
    triggered = stopper("anon", config={"trigger": "x-stop"})
    assert authentication([auth("key-auth", anonymous="anon"), triggered]).kind == "anonymous"
    assert authentication([auth("key-auth", anonymous="anon"), stopper("anon", config={})]).kind == "any"


def test_authorization_may_stop_the_anonymous_consumer() -> None:
    fallback = auth("key-auth", anonymous="anon")
    answer = authentication([fallback, {"id": "a", "name": "acl", "config": {"allow": ["gold"]}}])
    assert (answer.kind, answer.protected) == ("anonymous", None)
    assert "unless acl stops it" in answer.because
    assert authentication([fallback, {"id": "x", "name": "my-own"}]).protected is None


def test_what_treats_the_anonymous_consumer_like_others_does_not_stop_it() -> None:
    fallback = auth("key-auth", anonymous="anon")
    for name in ("ip-restriction", "cors", "rate-limiting"):
        assert authentication([fallback, {"id": name, "name": name}]).protected is False
    own = {"id": "i", "name": "ip-restriction", "consumer": {"id": "anon"}}
    assert authentication([fallback, own]).protected is None


def test_a_certain_stop_needs_no_other() -> None:
    plugins = [auth("key-auth", anonymous="anon"), stopper("anon"), {"id": "a", "name": "acl"}]
    assert authentication(plugins).protected is True


def test_a_stop_for_everybody_is_said_to_be_one() -> None:
    stop: dict[str, Any] = {"id": "stop", "name": "request-termination", "config": {}}
    alone = authentication([stop])
    assert (alone.kind, alone.protected) == ("none", False)
    fallback = auth("key-auth", anonymous="anon")
    for answer in (alone, authentication([fallback, stop]), authentication([auth("key-auth"), stop])):
        assert "nobody gets through" in answer.because
    for spared in (
        [stop | {"config": {"trigger": "x-stop"}}],
        [stop | {"condition": "true"}],
        [fallback, stopper("anon")],
        [fallback, stop, stopper("c1", id="own", config={"trigger": "x-stop"})],
    ):
        assert "nobody gets through" not in authentication(spared).because
