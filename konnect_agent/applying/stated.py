"""All that a description says of an entity, and what an entity that is there has to become for it.

What the description knows is wholly stated: an option that is off, or left at its default, is a `Default`,
satisfied where the gateway says nothing about it (older ones do not know every field) and restored where it
says something else. So is what would keep a described entity from working: that it is switched off, or asks
for more of a request than was described. All other fields stay as they are. Defaults: fact sheet 10.2 and
the Konnect API specification, documented.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from konnect_agent.decoding import as_list, as_object
from konnect_agent.gateway.passthrough import Passthrough, Wanted
from konnect_agent.gateway.passthrough.description import split_upstream, upstream_port
from konnect_agent.redaction import redact

Fields = Mapping[str, Any]
_NOTHING: tuple[Any, ...] = (None, [], {})


@dataclass(frozen=True, slots=True)
class Default:
    """The value an option has when nobody says anything about it."""

    value: object = None


@dataclass(frozen=True, slots=True)
class AtLeast:
    """What a list must contain, if there is one: none stands for everything."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A host's name, the same in either case."""

    name: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changes, `config.server.timeout`, with its values without secrets."""

    field: str
    before: Any
    after: Any


_RULE: Fields = {"allow": Default(), "deny": Default()}
_PLUGIN: Fields = {
    "enabled": Default(True),
    "tags": Default(),
    "condition": Default(),
    "config": {
        "logging": dict.fromkeys(("log_statistics", "log_payloads", "log_audits"), Default(False)),
        "server": {"timeout": Default(10_000), "forward_client_headers": Default(True)},
        "consumer_identifier": Default("username"),
        "include_consumer_groups": Default(False),
        "acl_attribute_type": Default("consumer"),
        "access_token_claim_field": Default(),
        "default_acl": Default(),
        "tools": Default(),
    },
}
_KNOWN: Mapping[str, Fields] = {
    "service": {"enabled": Default(True), "tags": Default()},
    "route": {
        **dict.fromkeys(("paths", "hosts", "tags", "headers", "snis", "sources", "destinations"), Default()),
        "methods": AtLeast(("POST", "GET", "DELETE")),  # of Streamable HTTP
    },
    "plugin": _PLUGIN,
}


def stated(each: Wanted, description: Passthrough) -> Fields:
    """The fields of an entity as they have to be, `Default`, `AtLeast` and `Host` among their values."""
    body = _in_parts(each.body)
    if each.kind == "plugin":
        config = dict(body["config"])
        for field in ("default_acl", "tools"):
            if field in config:
                config[field] = [_whole_rules(entry) for entry in config[field]]
        body |= {"config": config, "protocols": AtLeast(description.protocols)}
    return _over(_KNOWN[each.kind], body)


def settled(there: Any, wanted: Any) -> Any:
    """What `there` has to become: itself, if it says what is wanted in whatever form an API gives it back."""
    if isinstance(wanted, Default):
        fits = there in _NOTHING or there == wanted.value
        return there if fits else wanted.value
    if isinstance(wanted, Host):
        same = isinstance(there, str) and there.lower() == wanted.name.lower()
        return there if same else wanted.name
    if isinstance(wanted, AtLeast):
        missing = [value for value in wanted.values if there and value not in there]
        return [*there, *missing] if missing else there
    if isinstance(wanted, Mapping):
        return _settled_fields(there, cast("Fields", wanted))
    if isinstance(wanted, list):
        return _settled_list(there, cast("list[Any]", wanted))
    return wanted


def differences(before: Fields, after: Fields, within: str = "") -> Iterator[Difference]:
    """The fields that are not the same, the deepest that have a name."""
    for name in (*before, *(name for name in after if name not in before)):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(cast("Fields", old), cast("Fields", new), f"{within}{name}.")
        else:
            yield Difference(f"{within}{name}", redact({name: old})[name], redact({name: new})[name])


def _in_parts(body: Fields) -> dict[str, Any]:
    """A body as the API gives it back: `url` is only a way of writing four other fields."""
    parts = dict(body)
    if "url" in parts:
        url = split_upstream(parts.pop("url"))
        parts |= {"protocol": url.scheme, "host": Host(url.hostname or ""), "port": upstream_port(url)}
        parts["path"] = url.path or None
    return parts


def _whole_rules(entry: Fields) -> Fields:
    """A default rule, or a tool with its own: a list that it leaves out is one it does not have."""
    return {**entry, "acl": {**_RULE, **entry["acl"]}} if "acl" in entry else {**_RULE, **entry}


def _over(known: Fields, body: Fields) -> Fields:
    """What is known of an entity, with what a body says written over it, object by object."""
    written = {**known, **body}
    for name in known.keys() & body.keys():
        if isinstance(known[name], Mapping):
            written[name] = _over(known[name], body[name])
    return written


def _settled_fields(there: Any, wanted: Fields) -> Any:
    before = as_object(there) or {}
    after = dict(before)
    for name, value in wanted.items():
        field = settled(before.get(name), value)
        if name in before or field is not None:
            after[name] = field
    return after or there


def _settled_list(there: Any, wanted: list[Any]) -> Any:
    """Lists say the same in any order; objects in them are known by their tool's name or their scope."""
    before = as_list(there) or []
    entries = {_key(entry): entry for entry in before}
    after: list[Any] = [settled(entries.get(_key(entry)), entry) for entry in wanted]
    if len(before) == len(after) and all(entry in after for entry in before):
        return there
    return after


def _key(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    fields = cast("Fields", entry)
    return str(fields.get("name") or fields.get("scope"))
