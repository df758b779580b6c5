"""A server whose every word is meant to do harm: nothing it says acts on a terminal or a page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.organisation import Draft
from konnect_agent.sandbox.world import World

from .conftest import Here
from .shell import TOKEN

EVIL = "\x1b[2J\x1b]0;owned\x07\u202e<script>alert(1)</script>[bold red]x[/]\r\nerror: fake\x9b31m"
ACTIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def evil() -> World:
    draft = Draft(seed=1, name=f"plane {EVIL}", description=EVIL)
    draft.service(f"service {EVIL}", "evil.example", tags=[EVIL])
    draft.route(f"route {EVIL}", f"service {EVIL}", "/evil", tags=[EVIL])
    draft.plugin(f"plugin {EVIL}", {"note": EVIL}, route=f"route {EVIL}")
    draft.consumer(f"consumer {EVIL}", EVIL)
    plane = draft.done()
    other = replace(plane, entity={**plane.entity, "id": draft.id_of("other", None), "name": f"other {EVIL}"})
    return World(seed=1, now=datetime(2026, 5, 1, tzinfo=UTC), control_planes=(plane, other))


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
@pytest.mark.parametrize(
    "arguments", ["audit", "endpoint /evil", "endpoint /nowhere", "consumers --control-plane x"]
)
def test_nothing_a_server_says_acts_on_a_terminal(arguments: str, form: str, evil: World, here: Here) -> None:
    with Sandbox(world=evil, token=TOKEN) as sandbox:
        done = here(*arguments.split(), "--format", form, at=sandbox)
    assert done.status in (0, 5)
    assert not ACTIVE.search(done.out)
    assert not ACTIVE.search(done.err)
    assert not re.search("^error: fake", done.err, re.MULTILINE)
    if form == "html":
        assert "<script" not in done.out
    if form == "json" and done.out:
        json.loads(done.out)


def test_a_tool_called_directly_is_no_way_around(evil: World, here: Here) -> None:
    with Sandbox(world=evil, token=TOKEN) as sandbox:
        done = here("call", "GetControlPlane", "operation=list", at=sandbox)
    assert not ACTIVE.search(done.out)
    assert json.loads(done.out)["data"][0]["description"] == EVIL
