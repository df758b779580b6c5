"""OpenTelemetry sees workflow, step and call inside each other, and never what they say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from konnect_agent.errors import ServerError, Unreachable
from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults
from konnect_agent.sandbox.world import World
from patterns import audit_configuration, debug_performance, investigate_endpoint

from .conftest import Connect


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """What a program around us would configure, which OpenTelemetry allows once per process."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    yield kept
    provider.shutdown()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter
    exporter.clear()


def ours(spans: InMemorySpanExporter, kind: str) -> list[ReadableSpan]:
    """Our spans whose name begins with `kind`, in the order they ended."""
    return [span for span in spans.get_finished_spans() if span.name.startswith(f"{kind} ")]


def attributes(span: ReadableSpan) -> Mapping[str, object]:
    return span.attributes or {}


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


@pytest.mark.anyio
async def test_calls_are_inside_steps_and_steps_inside_the_workflow(
    connect: Connect, world: World, spans: InMemorySpanExporter
) -> None:
    with Sandbox(world=world) as sandbox:
        async with connect(sandbox) as konnect:
            report = await investigate_endpoint(konnect, "/api/users", method="GET")
    (workflow,) = ours(spans, "workflow")
    steps = ours(spans, "step")
    calls = ours(spans, "call")
    assert workflow.name == "workflow investigate_endpoint"
    assert attributes(workflow)["konnect.pattern"] == "investigate_endpoint"
    assert attributes(workflow)["konnect.endpoint"] == sandbox.url
    outer = [span for span in steps if parent_of(span) == id_of(workflow)]
    nested = [span for span in steps if span not in outer]
    assert [span.name for span in outer] == [f"step {step.name}" for step in report.steps]
    assert [span.name for span in nested] == [f"step {i.name}" for step in report.steps for i in step.steps]
    assert {parent_of(span) for span in (*nested, *calls)} <= {id_of(span) for span in steps}
    every = [each for step in report.steps for each in (step, *step.steps)]
    assert len(calls) == sum(len(step.calls) for step in every)
    extracted = {key: value for step in report.steps for key, value in step.extracted.items()}
    told = {key: value for span in steps for key, value in attributes(span).items()}
    assert extracted
    assert all(told[f"konnect.{key}"] == value for key, value in extracted.items())


@pytest.mark.anyio
async def test_a_call_says_what_it_was_and_how_often_it_was_tried(
    connect: Connect, world: World, spans: InMemorySpanExporter
) -> None:
    plane = world.control_plane("payments-production").id
    with Sandbox(world=world, faults="429:2") as sandbox:
        async with connect(sandbox) as konnect:
            await konnect.plugins.list(plane)
    (call,) = ours(spans, "call")
    said = dict(attributes(call))
    assert said.pop("konnect.endpoint") == sandbox.url
    assert said.pop("konnect.tool") == "GetPlugin"
    assert said.pop("konnect.control_plane_id") == plane
    assert said.pop("konnect.attempts") == 3
    assert said.pop("konnect.request_id")
    assert said == {}


@pytest.mark.anyio
async def test_a_failure_is_told_by_its_class_alone(
    connect: Connect, world: World, spans: InMemorySpanExporter
) -> None:
    with Sandbox(world=world, faults=Faults("503:2", retry_after="0")) as sandbox:
        async with connect(sandbox, max_attempts=2) as konnect:
            with pytest.raises(ServerError):
                await audit_configuration(konnect)
    failed = [*ours(spans, "call"), *ours(spans, "step"), *ours(spans, "workflow")]
    assert [span.status.status_code for span in failed] == [StatusCode.ERROR] * 3
    assert [span.status.description for span in failed] == ["ServerError"] * 3
    assert all(span.events == () for span in failed)
    assert attributes(failed[0])["konnect.attempts"] == 2


@pytest.mark.anyio
async def test_a_server_that_cannot_be_reached_leaves_a_span(
    connect: Connect, world: World, spans: InMemorySpanExporter
) -> None:
    with Sandbox(world=world) as sandbox:
        konnect = connect(sandbox, max_attempts=1)
    with pytest.raises(Unreachable):
        await konnect.call("GetControlPlane")
    (dialed,) = [span for span in spans.get_finished_spans() if span.name == "connect"]
    assert attributes(dialed) == {"konnect.endpoint": sandbox.url}
    assert dialed.status.description == "Unreachable"


@pytest.mark.anyio
async def test_no_argument_and_no_answer_is_traced(
    connect: Connect, world: World, spans: InMemorySpanExporter
) -> None:
    with Sandbox(world=world, time_scale=1000) as sandbox:
        async with connect(sandbox, time_scale=1000) as konnect:
            await debug_performance(
                konnect,
                "storefront-production",
                http_path="/slow",
                confirm=lambda plan: True,
                session_duration=10,
            )
    shown = "".join(span.to_json() for kind in ("workflow", "step", "call") for span in ours(spans, kind))
    assert shown
    for text in ("/slow", "session_duration", "bottleneck", sandbox.token):
        assert text not in shown


def test_without_a_configured_sdk_nothing_is_recorded() -> None:
    """In a process of its own: this one has an SDK."""
    program = (
        "import sys\n"
        "from konnect_agent.telemetry import span\n"
        "with span('x', tool='y') as current:\n"
        "    assert not current.is_recording()\n"
        "assert 'opentelemetry.sdk' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
