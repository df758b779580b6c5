"""The operations of Konnect's REST API over a world, as code mode offers them (fact sheet 1.3, documented).

Debug sessions and alert events have no public operation: theirs are the purpose-made tools in snake case
(inferred), at paths of our own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from konnect_agent.sandbox.answers import write
from konnect_agent.sandbox.konnect import EmbeddedKonnect
from konnect_agent.sandbox.operations.analytics import analytics
from konnect_agent.sandbox.operations.entities import control_planes, core_entities
from konnect_agent.sandbox.operations.operation import Answer, Call, Operation
from konnect_agent.sandbox.organisation import Entity, derive_id
from konnect_agent.sandbox.tools import TOOLS, Tool

_PURPOSE_MADE = ("CreateDebugSession", "ActiveTracingSession", "FetchAlertingEventDetails")


def _identity() -> Iterator[Operation]:
    def user(konnect: EmbeddedKonnect, call: Call) -> Entity:
        identity = derive_id(konnect.world.seed, "user")
        return {"id": identity, "full_name": "Saltmarsh Automation", "email": "automation@saltmarsh.example"}

    def organisation(konnect: EmbeddedKonnect, call: Call) -> Entity:
        identity = derive_id(konnect.world.seed, "organisation")
        return {"id": identity, "name": "Saltmarsh Goods", "state": "active"}

    for whose, answer in (("users", user), ("organizations", organisation)):
        yield Operation(
            id=f"get-{whose}-me", tag="Me", path=f"/v3/{whose}/me", answer=answer,
            summary=f"Returns whom the bearer token belongs to, of all {whose}.",
        )  # fmt: skip


def _purpose_made() -> Iterator[Operation]:
    for tool in TOOLS:
        if tool.name in _PURPOSE_MADE:
            name = tool.spelled("kebab")
            yield Operation(
                id=name, summary=tool.description, tag="Debugger", path=f"/internal/{name}", method="POST",
                body=tool.input_schema, answer=_as_operation(tool),
            )  # fmt: skip


def _as_operation(tool: Tool) -> Answer:
    def answer(konnect: EmbeddedKonnect, call: Call) -> Entity:
        return write(konnect.answer(tool, call.body or {}), envelope="data").structured or {}

    return answer


OPERATIONS: tuple[Operation, ...] = (
    *control_planes(), *core_entities(), *analytics(), *_identity(), *_purpose_made()
)  # fmt: skip


def offered(*, hide: Collection[str] = ()) -> dict[str, Operation]:
    """The operations by name, less the hidden ones, which may go by the documented name of a tool."""
    hidden = {*hide, *(tool.spelled("snake") for tool in TOOLS if tool.name in hide)}
    return {each.name: each for each in OPERATIONS if each.name not in hidden}
