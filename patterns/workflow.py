"""A workflow is a plain async function that leaves a run tree behind.

    @workflow("investigate_endpoint", EndpointResult)
    async def investigate_endpoint(konnect, path, ...) -> EndpointResult:
        async with step("select control plane") as this:
            ...
            this.extract(control_plane_id=...)

Calling it returns a `Report` around the result: steps with their calls, arguments, attempts and the ids
extracted (the JSON contract). A workflow called inside another becomes a step of it. What failed raises
one error of the tree whose `.report` holds the unfinished report, with the last result that was `keep`-t.
What was interrupted hands its unfinished report, without an error, to `unfinished`, if somebody set that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from importlib import import_module
from time import perf_counter
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict

from konnect_agent import Konnect, events, pacing
from konnect_agent.errors import ConfirmationDeclined, KonnectError
from konnect_agent.redaction import redact
from konnect_agent.telemetry import span
from patterns.coverage import Coverage, Failure

P = ParamSpec("P")
R = TypeVar("R", bound="Result")

Status = Literal["complete", "incomplete", "declined", "failed"]


class Frozen(BaseModel):
    """The base of everything a report consists of."""

    model_config = ConfigDict(frozen=True)


class Result(Frozen):
    """The base of a pattern's result. Every field has a default, so that a failed report has one too."""


class Call(Frozen):
    """One tool call: `outcome` is `ok` or the class of the error, `duration_s` includes all attempts."""

    tool: str
    arguments: Mapping[str, Any]
    duration_s: float
    attempts: int
    outcome: str


class Step(Frozen):
    """One step of a workflow, or a whole workflow called by another.

    `status` is `ok`, `failed`, `declined`, or `incomplete` for a workflow that could not see everything.
    """

    name: str
    status: str
    duration_s: float
    extracted: Mapping[str, str] = {}
    calls: tuple[Call, ...] = ()
    steps: tuple[Step, ...] = ()


class Report(Frozen, Generic[R]):
    """What a workflow found, how it got there, and what it could not see."""

    pattern: str
    status: Status
    endpoint: str
    started_at: datetime
    duration_s: float
    steps: tuple[Step, ...]
    result: R
    coverage: Coverage
    error: Failure | None = None

    def _repr_html_(self) -> str:
        # Found by name: a workflow does not depend on how reports look.
        return import_module("patterns.report").render(self, "html")


@dataclass
class OpenStep:
    """A step while it runs: `extract` notes ids that later steps use."""

    name: str
    path: tuple[str, ...]
    extracted: dict[str, str] = field(default_factory=dict[str, str])
    calls: list[Call] = field(default_factory=list[Call])
    steps: list[Step] = field(default_factory=list[Step])
    started: float = field(default_factory=perf_counter)

    def extract(self, **ids: str | None) -> None:
        """Note ids by name, such as `control_plane_id=...`; None is left out."""
        self.extracted.update({name: value for name, value in ids.items() if value})

    def extract_each(self, name: str, ids: Iterable[str | None]) -> None:
        """Note several ids of a kind, best first: the first as `name`, the others as `name_2`, `name_3`..."""
        for number, value in enumerate(filter(None, ids), start=1):
            self.extracted[name if number == 1 else f"{name}_{number}"] = value

    def closed(self, status: str) -> Step:
        """The finished step."""
        return Step(
            name=self.name,
            status=status,
            duration_s=round(perf_counter() - self.started, 6),
            extracted=dict(self.extracted),
            calls=tuple(self.calls),
            steps=tuple(self.steps),
        )


@dataclass
class _Run:
    """A workflow while it runs."""

    coverage: Coverage = field(default_factory=Coverage)
    result: Any = None


_run: ContextVar[_Run | None] = ContextVar("patterns_run", default=None)
_step: ContextVar[OpenStep | None] = ContextVar("patterns_step", default=None)

unfinished: ContextVar[Callable[[Report[Any]], None] | None] = ContextVar("patterns_unfinished", default=None)
"""Who gets the report of an outermost workflow that is interrupted; the interruption goes on."""


@asynccontextmanager
async def step(name: str) -> AsyncGenerator[OpenStep]:
    """One numbered step of a workflow; calls made inside, also by tasks started inside, belong to it."""
    around = _step.get()
    this = OpenStep(name, (*around.path, name) if around else (name,))
    token = _step.set(this)
    events.emit(events.StepStarted(this.path))
    status = "failed"
    try:
        with span(f"step {name}", step=name) as current:
            yield this
            current.set_attributes({f"konnect.{key}": value for key, value in this.extracted.items()})
        status = "ok"
    except ConfirmationDeclined:
        status = "declined"
        raise
    finally:
        _step.reset(token)
        closed = this.closed(status)
        if around is not None:
            around.steps.append(closed)
        events.emit(events.StepFinished(this.path, status, closed.duration_s))


def keep(result: R) -> R:
    """Remember an unfinished result, so that a report of a later failure still has it."""
    run = _run.get()
    if run is not None:
        run.result = result
    return result


def missed(what: str, error: KonnectError, *, control_plane: Any = None) -> None:
    """Note that `what` could not be seen; the report becomes `incomplete`."""
    run = _run.get()
    if run is not None:
        run.coverage = run.coverage.without(what, error, control_plane)


def truncated(what: str) -> None:
    """Note that a list was cut and there may be more; the report becomes `incomplete`."""
    run = _run.get()
    if run is not None:
        run.coverage = run.coverage.cut(what)


def aggregated(what: str) -> None:
    """Note that the server counted `what` itself, where there were more rows than came."""
    run = _run.get()
    if run is not None:
        run.coverage = run.coverage.counted(what)


Inner = Callable[Concatenate[Konnect, P], Awaitable[R]]
Outer = Callable[Concatenate[Konnect, P], Awaitable[Report[R]]]


def workflow(pattern: str, result: type[R]) -> Callable[[Inner[P, R]], Outer[P, R]]:
    """Make an async function over a `Konnect` a workflow whose calls return a `Report` of `result`."""

    def decorate(run_steps: Inner[P, R]) -> Outer[P, R]:
        @wraps(run_steps)
        async def run(konnect: Konnect, *args: P.args, **kwargs: P.kwargs) -> Report[R]:
            outer_run, outer_step = _run.get(), _step.get()
            this, trunk = _Run(), OpenStep(pattern, (*outer_step.path, pattern) if outer_step else ())
            tokens = _run.set(this), _step.set(trunk)
            lane = pacing.lane.set(id(trunk)) if outer_run is None else None
            started_at = datetime.now(UTC)
            failure: BaseException | None = None
            status: Status = "complete"
            try:
                with (
                    span(f"workflow {pattern}", pattern=pattern, endpoint=konnect.endpoint),
                    events.listening(_record) if outer_run is None else nullcontext(),
                ):
                    this.result = await run_steps(konnect, *args, **kwargs)
                    status = "complete" if this.coverage.complete else "incomplete"
            except KonnectError as error:
                status = "declined" if isinstance(error, ConfirmationDeclined) else "failed"
                failure = error
            except BaseException as interruption:
                status, failure = "failed", interruption
            finally:
                _run.reset(tokens[0])
                _step.reset(tokens[1])
                if lane is not None:
                    pacing.lane.reset(lane)
            closed = trunk.closed("ok" if status == "complete" else status)
            if outer_run is not None and outer_step is not None:
                outer_run.coverage = outer_run.coverage.and_also(this.coverage)
                outer_step.steps.append(closed)
            report = Report[result](
                pattern=pattern,
                status=status,
                endpoint=konnect.endpoint,
                started_at=started_at,
                duration_s=closed.duration_s,
                steps=closed.steps,
                result=this.result if this.result is not None else result(),
                coverage=this.coverage,
                error=Failure.of(failure) if isinstance(failure, KonnectError) else None,
            )
            if failure is None:
                return report
            if isinstance(failure, KonnectError):
                failure.report = report
            elif outer_run is None and (hand_over := unfinished.get()):
                hand_over(report)
            raise failure

        return run

    return decorate


def _record(event: events.Event) -> None:
    """The sink of a run: a finished call belongs to the innermost step of the task that made it."""
    this = _step.get()
    if this is not None and isinstance(event, events.CallFinished):
        this.calls.append(
            Call(
                tool=event.tool,
                arguments=redact(event.arguments),
                duration_s=round(event.duration_s, 6),
                attempts=event.attempts,
                outcome=event.outcome,
            )
        )
