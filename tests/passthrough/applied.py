"""What the tests of applying have in common: a description, a yes, and short ways to say what happened."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from konnect_agent.applying import Change, Plan, Target, apply
from konnect_agent.errors import KonnectError
from konnect_agent.gateway.passthrough import Access, Passthrough, ToolAccess

WANTED = Passthrough(
    upstream="http://tools.internal:3001/mcp",
    tags=("mcp",),
    default_access=Access(allow=("agents",)),
    tools=(ToolAccess(name="list_users", deny=("guests",)),),
)


def yes(plan: Plan) -> bool:
    return True


def outcomes(changes: Sequence[Change]) -> list[tuple[str, str]]:
    return [(change.outcome, change.kind) for change in changes]


async def failing(description: Passthrough, target: Target, kind: type[KonnectError]) -> KonnectError:
    with pytest.raises(kind) as raised:
        await apply(description, to=target, confirm=yes)
    return raised.value
