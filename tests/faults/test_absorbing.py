"""A fifth of all requests fails: what may be repeated succeeds, and nothing happens twice that must not."""

from __future__ import annotations

from collections import Counter

import anyio
import pytest

from konnect_agent import Konnect
from konnect_agent.errors import ConnectionFailed, HttpError, KonnectError
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World

from .conftest import Connect

pytestmark = pytest.mark.anyio

READS, CREATIONS = 500, 200


def faults(kinds: str) -> Faults:
    return Faults(f"0.2:{kinds}", retry_after="0", outage=0.02)


async def test_five_hundred_reads_all_succeed(connect: Connect, world: World) -> None:
    plane = world.control_plane("payments-production")
    expected = sorted(str(service["name"]) for service in plane.services)
    outcomes: Counter[str] = Counter()
    with Sandbox(world=world, faults=faults("429+503+reset+refused"), eras=("2025",)) as sandbox:
        async with connect(sandbox) as konnect:

            async def read() -> None:
                try:
                    services = await konnect.services.list(plane.id)
                    outcomes["good" if sorted(s.name for s in services) == expected else "wrong"] += 1
                except KonnectError as error:
                    outcomes[type(error).__name__] += 1

            with anyio.fail_after(60):
                async with anyio.create_task_group() as tasks:
                    for _ in range(READS):
                        tasks.start_soon(read)
        injected = sandbox.ledger.faults
    assert outcomes == {"good": READS}
    assert len(injected) > READS * 0.15
    assert set(injected) == {"429", "503", "reset", "refused"}


def path(number: int) -> str:
    """By which one creation is told from another at the server."""
    return f"/creation/{number}"


@pytest.mark.parametrize("kinds", ["429+503+reset+refused", "reset+lost+cut+hidden-429+drop-session+html"])
async def test_two_hundred_creations_are_never_sent_twice(connect: Connect, world: World, kinds: str) -> None:
    plane = world.control_plane("storefront-production").id
    created: dict[int, str] = {}
    failed: dict[int, KonnectError] = {}

    async def create(konnect: Konnect, number: int) -> None:
        try:
            session = await konnect.debug_sessions.create(plane, http_path=path(number), session_duration=600)
            created[number] = session.id or ""
        except KonnectError as error:
            failed[number] = error

    with Sandbox(world=world, faults=faults(kinds), eras=("2025",)) as sandbox:
        async with connect(sandbox, max_attempts=12) as konnect:
            with anyio.fail_after(60):
                async with anyio.create_task_group() as tasks:
                    for number in range(CREATIONS):
                        tasks.start_soon(create, konnect, number)
        arrived = Counter(
            str(call.arguments["http_path"]) for call in sandbox.ledger.calls_to("CreateDebugSession")
        )
        at_server = {
            str(session.criteria["http_path"]): session.id for session in sandbox.debug_sessions.all()
        }
    assert max(arrived.values()) == 1
    assert len(created) + len(failed) == CREATIONS
    assert {path(number): known for number, known in created.items()}.items() <= at_server.items()
    for number, error in failed.items():
        says_maybe = "is not known" in error.hint
        assert says_maybe or path(number) not in at_server, f"{error!r} hides a debug session"
        if isinstance(error, ConnectionFailed):
            assert says_maybe is error.sent
        elif not says_maybe:
            assert isinstance(error, HttpError)
            assert error.status < 500
