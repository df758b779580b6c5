"""Taking back what was applied when a later request fails, or somebody stops it."""

from __future__ import annotations

import anyio
import pytest

from konnect_agent.applying import Change, Target, apply
from konnect_agent.errors import (
    HttpError,
    InvalidArguments,
    KonnectError,
    ServerError,
    TimedOut,
    Undecodable,
    Unreachable,
)
from konnect_agent.gateway.passthrough import Passthrough

from .applied import WANTED, failing, outcomes, yes
from .stand_in import Entity, Fault, StandIn

pytestmark = pytest.mark.anyio
NOTHING: list[list[Entity]] = [[], [], []]


def everything(stand_in: StandIn) -> list[list[Entity]]:
    return [stand_in.all(each) for each in ("services", "routes", "plugins")]


@pytest.mark.parametrize("kind", ["before", "after", "cut"])
@pytest.mark.parametrize("collection", ["routes", "plugins"])
async def test_a_later_failure_takes_back_what_was_created(
    kind: str, collection: str, stand_in: StandIn, target: Target
) -> None:
    stand_in.faults = [Fault("POST", f"/{collection}$", kind=kind)]  # pyright: ignore[reportArgumentType]
    error = await failing(WANTED, target, Unreachable if kind == "cut" else ServerError)
    assert [stand_in.all(each) for each in ("services", "routes", "plugins")] == [[], [], []]
    assert ("removed", "service") in outcomes(error.report)
    assert "could not be undone" not in error.hint


async def test_an_answer_that_never_comes_may_have_been_a_yes(
    stand_in: StandIn, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("konnect_agent.applying.exchange._LONGEST", 0.5)
    stand_in.faults = [Fault("POST", "/services$", kind="silent")]
    error = await failing(WANTED, target, TimedOut)
    assert outcomes(error.report) == [("removed", "service")]
    assert stand_in.all("services") == []


async def test_what_was_updated_is_put_back(stand_in: StandIn, target: Target) -> None:
    before = dict(stand_in.put("services", name="mcp-service", host="old.internal"))
    stand_in.faults = [Fault("POST", "/plugins$")]
    error = await failing(WANTED, target, ServerError)
    assert outcomes(error.report)[2:] == [
        ("removed", "route"),
        ("restored", "service"),
        ("unknown", "plugin"),
    ]
    assert stand_in.all("services") == [before]


async def test_what_cannot_be_taken_back_is_named(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("POST", "/plugins$", status=400), *[Fault("DELETE", "/routes/")] * 3]
    told: list[Change] = []
    with pytest.raises(InvalidArguments) as raised:
        await apply(WANTED, to=target, confirm=yes, tell=told.append)
    left = [change for change in told if change.outcome == "left"]
    assert {change.kind for change in left} == {"route", "service"}  # the route still refers to the service
    assert all(change.because for change in left)
    assert all(change.id in raised.value.hint for change in left)
    assert raised.value.report == tuple(told)


async def test_somebody_elses_entity_of_the_same_name_is_never_deleted(
    stand_in: StandIn, target: Target
) -> None:
    def meanwhile() -> None:
        stand_in.put("services", name="mcp-service", host="theirs")

    stand_in.faults = [Fault("POST", "/services$", then=meanwhile, status=503)]
    await failing(WANTED, target, ServerError)
    assert [service["host"] for service in stand_in.all("services")] == ["theirs"]


async def test_a_name_taken_meanwhile_is_a_conflict_and_nothing_of_ours_stays(
    stand_in: StandIn, target: Target
) -> None:
    def meanwhile() -> None:
        service = stand_in.put("services", name="other", host="theirs")
        stand_in.put("routes", name="mcp-route", paths=["/x"], service={"id": service["id"]})

    stand_in.faults = [Fault("POST", "/services$", status=None, then=meanwhile)]
    error = await failing(WANTED, target, HttpError)
    assert isinstance(error, HttpError)
    assert error.status == 409
    assert [service["name"] for service in stand_in.all("services")] == ["other"]


async def test_a_cancelled_run_takes_back_what_it_created(stand_in: StandIn, target: Target) -> None:
    with anyio.CancelScope() as scope:

        def interrupted(change: Change) -> None:
            if change.kind == "route":
                scope.cancel()

        await apply(WANTED, to=target, confirm=yes, tell=interrupted)
    assert scope.cancelled_caught
    assert [stand_in.all(each) for each in ("services", "routes", "plugins")] == [[], [], []]


async def test_what_appears_late_is_found_and_removed(stand_in: StandIn, target: Target) -> None:
    def appears() -> None:
        body = next(body for method, _, body in stand_in.asked if method == "POST" and body)
        stand_in.put("services", **body)

    stand_in.faults = [
        Fault("POST", "/services$", status=504),
        Fault("GET", r"/services/[0-9a-f]{8}-", status=404, then=appears),
    ]
    error = await failing(WANTED, target, ServerError)
    assert outcomes(error.report) == [("removed", "service")]
    assert everything(stand_in) == NOTHING


async def test_what_was_never_seen_is_not_said_to_be_removed(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("POST", "/services$", status=504)]
    error = await failing(WANTED, target, ServerError)
    assert outcomes(error.report) == [("unknown", "service")]
    assert error.report[0].id in error.hint
    assert "may still appear" in error.hint
    assert ("DELETE", f"/services/{error.report[0].id}") not in stand_in.writes()


async def test_what_cannot_appear_any_more_is_not_mentioned(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("POST", "/plugins$", status=504)]
    error = await failing(WANTED, target, ServerError)
    assert outcomes(error.report)[2:] == [("removed", "route"), ("removed", "service")]
    assert "may still appear" not in error.hint


async def test_a_refusal_leaves_nothing_unknown(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("POST", "/services$", status=400)]
    error = await failing(WANTED, target, InvalidArguments)
    assert error.report == ()
    assert "tools TOOL" not in error.hint


async def test_the_id_that_was_given_is_the_one_that_counts(stand_in: StandIn, target: Target) -> None:
    stand_in.own_ids = True
    stand_in.faults = [Fault("POST", "/plugins$", status=400)]
    error = await failing(WANTED, target, InvalidArguments)
    assert outcomes(error.report)[2:] == [("removed", "route"), ("removed", "service")]
    assert everything(stand_in) == NOTHING
    changes = await apply(WANTED, to=target, confirm=yes)
    assert [change.id for change in changes] == [entity["id"] for (entity,) in everything(stand_in)]


async def test_what_may_be_anybodys_is_left_and_named(stand_in: StandIn, target: Target) -> None:
    stand_in.own_ids = True
    stand_in.faults = [Fault("POST", "/services$", kind="cut")]
    error = await failing(WANTED, target, Unreachable)
    (service,) = stand_in.all("services")
    assert outcomes(error.report) == [("left", "service")]
    assert service["id"] in str(error.report[0].because)


async def test_an_answer_without_an_id_is_looked_up(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("POST", "/services$", kind="after", status=201, text="{}")]
    error = await failing(WANTED, target, Undecodable)
    assert outcomes(error.report) == [("removed", "service")]
    assert everything(stand_in) == NOTHING
    assert str(error).startswith("POST services: ")


@pytest.mark.parametrize("kind", ["before", "after", "cut"])
async def test_a_passing_failure_of_the_roll_back_is_tried_again(
    kind: str, stand_in: StandIn, target: Target
) -> None:
    stand_in.faults = [
        Fault("POST", "/plugins$", status=409),
        Fault("DELETE", "/routes/", kind=kind),  # pyright: ignore[reportArgumentType]
        Fault("DELETE", "/services/", status=429),
    ]
    error = await failing(WANTED, target, HttpError)
    assert outcomes(error.report)[2:] == [("removed", "route"), ("removed", "service")]
    assert everything(stand_in) == NOTHING


async def test_a_deletion_that_worked_without_ever_being_answered_is_one(
    stand_in: StandIn, target: Target
) -> None:
    stand_in.faults = [Fault("POST", "/routes$", status=409)]
    stand_in.faults += [Fault("DELETE", "/services/", kind="after")] * 3
    error = await failing(WANTED, target, HttpError)
    assert outcomes(error.report)[1:] == [("removed", "service")]


async def test_a_refused_deletion_is_not_tried_again(stand_in: StandIn, target: Target) -> None:
    stand_in.faults = [Fault("POST", "/routes$", status=409), Fault("DELETE", "/services/", status=403)]
    error = await failing(WANTED, target, HttpError)
    assert outcomes(error.report)[1:] == [("left", "service")]
    assert [method for method, _ in stand_in.writes()].count("DELETE") == 1


async def test_who_cannot_listen_does_not_keep_it_from_cleaning_up(stand_in: StandIn, target: Target) -> None:
    def tell(change: Change) -> None:
        if change.outcome == "removed":
            raise BrokenPipeError

    stand_in.faults = [Fault("POST", "/plugins$", status=409)]
    with pytest.raises(HttpError):
        await apply(WANTED, to=target, confirm=yes, tell=tell)
    assert everything(stand_in) == NOTHING


async def test_a_listener_that_fails_first_is_told_what_is_left(stand_in: StandIn, target: Target) -> None:
    def tell(change: Change) -> None:
        raise BrokenPipeError

    stand_in.faults = [Fault("DELETE", "/services/", status=403)]
    with pytest.raises(BrokenPipeError) as raised:
        await apply(WANTED, to=target, confirm=yes, tell=tell)
    assert stand_in.all("services")[0]["id"] in raised.value.__notes__[0]


@pytest.fixture
def theirs(stand_in: StandIn) -> Entity:
    """A service that is going to be updated."""
    return stand_in.put("services", name="mcp-service", host="old.internal", connect_timeout=1000)


@pytest.mark.parametrize("kind", ["after", "cut"])
async def test_an_update_nobody_answered_is_put_back(
    kind: str, theirs: Entity, stand_in: StandIn, target: Target
) -> None:
    before = dict(theirs)
    stand_in.faults = [Fault("PUT", "/services/", kind=kind)]  # pyright: ignore[reportArgumentType]
    error = await failing(WANTED, target, KonnectError)
    assert outcomes(error.report) == [("restored", "service")]
    assert stand_in.all("services") == [before]


async def test_an_update_that_was_not_seen_may_still_come(
    theirs: Entity, stand_in: StandIn, target: Target
) -> None:
    stand_in.faults = [Fault("PUT", "/services/", status=504)]
    error = await failing(WANTED, target, ServerError)
    assert outcomes(error.report) == [("unknown", "service")]
    assert [method for method, _ in stand_in.writes()] == ["PUT"]


async def test_what_somebody_else_changed_or_deleted_meanwhile_is_left_alone(
    theirs: Entity, stand_in: StandIn, target: Target
) -> None:
    def changed() -> None:
        stand_in.entities["services"][theirs["id"]]["retries"] = 1

    stand_in.faults = [Fault("POST", "/routes$", status=409, then=changed)]
    error = await failing(WANTED, target, HttpError)
    assert outcomes(error.report)[1:] == [("left", "service")]
    assert "somebody else" in str(error.report[-1].because)
    (service,) = stand_in.all("services")
    assert (service["host"], service["retries"]) == ("tools.internal", 1)

    service["host"] = "old.internal"
    stand_in.faults = [Fault("POST", "/routes$", status=409, then=stand_in.entities["services"].clear)]
    error = await failing(WANTED, target, HttpError)
    assert error.report[-1].because == "it is gone"
    assert stand_in.all("services") == []


async def test_a_plugin_of_a_service_that_stays_may_still_appear(
    theirs: Entity, stand_in: StandIn, target: Target
) -> None:
    stand_in.faults = [Fault("POST", "/plugins$", status=504)]
    alone = Passthrough(alone=True, service=theirs["name"])
    error = await failing(alone, target, ServerError)
    assert outcomes(error.report) == [("unknown", "plugin")]
