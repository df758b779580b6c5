"""Whatever a server wraps entities in, the same entities come out; garbage raises `Undecodable`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.decoding import ToolAnswer, plain
from konnect_agent.envelopes import rows, single
from konnect_agent.errors import HttpError, NotFound, Undecodable

Entity = dict[str, Any]
Form = Callable[[list[Entity]], ToolAnswer]

KEYS = ("services", "service")
TOKEN = "kpat_Leaked0Token1234567890"


def objects(data: Any) -> list[Any]:
    return list(rows(data, KEYS).items)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
inner_keys = st.sampled_from(["a", "b", "host", "x-y", "Zeit", ""])
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_keys, inner, max_size=3),
    max_leaves=8,
)
hostile_keys = st.sampled_from([
    "data", "items", "content", "body", "result", "response", "meta", "text", "type", "status", "message",
    "error", "next", "total", "config", "route", "plugin", "value", "host", "tags",
])  # fmt: skip


@st.composite
def entities(draw: st.DrawFn) -> Entity:
    """An entity with an identity, and fields named as envelopes are."""
    more = draw(st.dictionaries(hostile_keys, json_values, max_size=5))
    name = draw(st.none() | st.text(min_size=1))
    return {**more, "id": str(draw(st.uuids())), **({} if name is None else {"name": name})}


def structured(**envelope: Any) -> ToolAnswer:
    return ToolAnswer(structured=envelope, texts=("an illustration of it",))


def text(*blocks: str) -> ToolAnswer:
    return ToolAnswer(texts=blocks)


LIST_FORMS: dict[str, Form] = {
    "data": lambda found: structured(data=found),
    "items and a page": lambda found: structured(items=found, page={"total_count": len(found), "next": None}),
    "results and meta": lambda found: structured(results=found, meta={"size": len(found), "query_id": "q-1"}),
    "plural and metadata": lambda found: structured(metadata={"count": len(found)}, services=found),
    "a key nobody knows": lambda found: structured(upstreamTargets=found),
    "FastMCP's result": lambda found: structured(result=found),
    "a result in a result": lambda found: structured(result={"data": found, "next": None}),
    "three wrappers": lambda found: structured(response={"body": {"services": found}, "status": 200}),
    "a string in a result": lambda found: structured(result=json.dumps(found)),
    "an envelope in a string": lambda found: structured(result=json.dumps({"data": found})),
    "a string in data": lambda found: structured(data=json.dumps(found)),
    "a wrapper around each": lambda found: structured(data=[{"service": entity} for entity in found]),
    "a string for each": lambda found: structured(data=[json.dumps(entity) for entity in found]),
    "a tool result in the result": lambda found: structured(
        content=[{"type": "text", "text": json.dumps(found)}], isError=False
    ),
    "JSON text": lambda found: text(json.dumps(found)),
    "indented JSON text": lambda found: text(json.dumps({"services": found}, indent=2)),
    "fenced JSON text": lambda found: text(f"```json\n{json.dumps(found)}\n```"),
    "JSON text in JSON text": lambda found: text(json.dumps(json.dumps(found))),
    "one JSON text over two blocks": lambda found: text(*json.dumps(found, indent=1).split("\n", 1)),
    "a block for each": lambda found: text(*map(json.dumps, found)),
    "prose, then the list": lambda found: text(f"Found {len(found)}.", json.dumps(found)),
    "an empty object, then text": lambda found: ToolAnswer(structured={}, texts=(json.dumps(found),)),
    "an empty list, then text": lambda found: ToolAnswer(
        structured={"services": []}, texts=(json.dumps(found),)
    ),
    "an embedded resource": lambda found: ToolAnswer.of(
        [{"type": "resource", "resource": {"uri": "konnect://services", "text": json.dumps(found)}}]
    ),
    "prose and JSON in one text": lambda found: text(f"Here they are:\n{json.dumps(found)}\n\nAll done."),
    "prose and Python in one text": lambda found: text(f"Here they are: {found!r}"),
    "Python text": lambda found: text(repr(found)),
    "a list item for each": lambda found: text("Services:\n" + "\n".join(f"- {e!r}" for e in found)),
    "a line for each": lambda found: text("\n".join(map(json.dumps, found))),
    "a map by id": lambda found: structured(services={entity["id"]: entity for entity in found}),
}
NEVER_EMPTY = {
    "prose, then the list",
    "prose and JSON in one text",
    "a list item for each",
    "a line for each",
}
SINGLE_FORMS: dict[str, Callable[[Entity], ToolAnswer]] = {
    "bare": lambda entity: structured(**entity),
    "its own key": lambda entity: structured(service=entity),
    "its own key beside metadata": lambda entity: structured(service=entity, metadata={"took": 3}),
    "a plural of one": lambda entity: structured(services=[entity]),
    "data": lambda entity: structured(data=entity),
    "data beside something unknown": lambda entity: structured(data=entity, region="eu"),
    "a key nobody knows": lambda entity: structured(found=entity),
    "FastMCP's result": lambda entity: structured(result=entity),
    "a list of one": lambda entity: structured(result=[entity]),
    "a list in data in a result": lambda entity: structured(result={"data": [entity]}),
    "JSON text": lambda entity: text(json.dumps(entity)),
    "a list of one as text": lambda entity: text(json.dumps([entity], indent=2)),
    "a string in a result": lambda entity: structured(result=json.dumps({"service": entity})),
    "prose, then JSON": lambda entity: text("Here it is:", json.dumps(entity)),
    "prose and JSON in one text": lambda entity: text(f"Here it is:\n{json.dumps(entity)}"),
    "Python text": lambda entity: text(repr(entity)),
    "a null, then text": lambda entity: ToolAnswer(structured={"result": None}, texts=(json.dumps(entity),)),
}


@pytest.mark.parametrize("form", LIST_FORMS.values(), ids=LIST_FORMS)
@given(found=st.lists(entities(), min_size=1, max_size=4))
def test_any_list_of_entities_survives_the_envelope(form: Form, found: list[Entity]) -> None:
    assert objects(plain(form(found))) == found


@pytest.mark.parametrize("form", sorted(LIST_FORMS.keys() - NEVER_EMPTY))
def test_an_empty_list_survives_the_envelope(form: str) -> None:
    assert objects(plain(LIST_FORMS[form]([]))) == []


@pytest.mark.parametrize("form", SINGLE_FORMS.values(), ids=SINGLE_FORMS)
@given(entity=entities())
def test_any_entity_survives_the_envelope(form: Callable[[Entity], ToolAnswer], entity: Entity) -> None:
    assert single(plain(form(entity)), KEYS) == entity


@given(entity=entities())
def test_a_lone_entity_is_a_list_of_one(entity: Entity) -> None:
    assert objects(plain(structured(**entity))) == [entity]


answers = st.builds(
    ToolAnswer,
    structured=st.none() | json_values | st.dictionaries(hostile_keys, json_values, max_size=3),
    texts=st.lists(st.text() | json_values.map(json.dumps), max_size=3).map(tuple),
)


@given(answer=answers)
def test_garbage_is_a_list_of_objects_or_undecodable_and_never_empty_by_guess(answer: ToolAnswer) -> None:
    try:
        found = objects(plain(answer))
    except (Undecodable, NotFound, HttpError):
        return
    assert all(isinstance(item, dict) for item in found)
    written = json.dumps(answer.structured) + answer.text
    assert found or "[]" in written or "null" in written


@given(answer=answers)
def test_garbage_is_an_object_nothing_or_undecodable(answer: ToolAnswer) -> None:
    try:
        found = single(plain(answer), KEYS)
    except (Undecodable, NotFound, HttpError):
        return
    assert found is None or isinstance(found, dict)


@given(before=st.text(), after=st.text(), key=hostile_keys)
def test_the_excerpt_of_garbage_shows_no_token(before: str, after: str, key: str) -> None:
    for garbage in (f"{before}{TOKEN} {after}", {key: f"{before} {TOKEN}", "x": 1}, [f"{TOKEN} {after}", 2]):
        with pytest.raises(Undecodable) as caught:
            objects(garbage)
        assert TOKEN not in str(caught.value) + repr(caught.value) + caught.value.excerpt
