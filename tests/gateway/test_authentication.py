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
    assert authentication(plugins).kind == "anonymous"


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
