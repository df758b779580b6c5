"""Whatever a description holds, every form gives back exactly that: no text breaks out of its quotes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough import (
    FORMS,
    Access,
    Form,
    Passthrough,
    Place,
    ToolAccess,
    render,
    wanted,
)

from ..passthrough import hcl
from ..passthrough.reading import documents, plugin_of, posts

_NASTY = st.sampled_from([
    "'", '"', "\\", "\n", "${", "$${", "%{", "`", "$(x)", ": ", "# ", "- ", "---", "{{", "*a", "&a", "!!b",
    "yes", "no", "on", "y", "null", "~", "1e3", "0x1", "12:30", "é", "\u2028", "😀", "\t", "'\"'\"'", "EOF",
    "{vault://a/b}",
])  # fmt: skip
TEXT = st.lists(st.one_of(_NASTY, st.text(max_size=6)), min_size=1, max_size=5).map("".join)


def accepted(**fields: Any) -> Passthrough | None:
    """A description with these fields, None if they are refused."""
    try:
        given_fields: dict[str, Any] = {"upstream": "http://tools:3001/mcp", **fields}
        return Passthrough(**given_fields)
    except ConfigError:
        return None


@pytest.mark.parametrize("form", FORMS)
@given(name=TEXT, description=TEXT, who=TEXT, tag=TEXT)
def test_no_text_of_the_plugin_breaks_out(
    form: Form, name: str, description: str, who: str, tag: str
) -> None:
    tool = (ToolAccess(name=name, description=description, allow=(who,)),)
    for fields in ({"tools": tool}, {"tags": (tag,)}, {"default_access": Access(deny=(who, "b"))}):
        described = accepted(**fields)
        if described is not None:
            plugin = wanted(described)[-1].body
            assert plugin_of(form, render(described, form)) == plugin["config"]


@given(text=TEXT)
def test_no_text_around_the_plugin_breaks_out(text: str) -> None:
    for fields in (
        {"upstream": f"http://tools:3001/{text}"}, {"upstream": f"http://{text}/mcp"}, {"tags": (text,)},
        {"paths": (f"/{text}",)}, {"paths": (f"~/{text}",)}, {"hosts": (text,)}, {"service": text},
        {"route": text, "scope": "route"},
    ):  # fmt: skip
        described = accepted(**fields)
        if described is None:
            continue
        service, route, _ = (each.body for each in wanted(described))
        (file,) = documents(render(described, "deck"))
        assert file["services"] == [{**service, "routes": [route]}]
        assert [body for _, body in posts(render(described, "admin-api"))[:2]] == [service, route]
        blocks = hcl.blocks(render(described, "terraform"))
        read = next(block for key, block in blocks.items() if key[1:2] == ("konnect_gateway_route",))
        assert {key: read[key] for key in route} == route
    if text.strip() and text.isprintable():
        (file,) = documents(render(Passthrough(alone=True), "deck", place=Place(control_plane=text)))
        assert file["_konnect"] == {"control_plane_name": text}
