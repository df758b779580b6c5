"""What a sandbox of each generation of the server offers (fact sheet 1).

`classic`: a tool for each kind of entity. `spring`: the same with the analytics taken apart. `code-mode`:
three tools over Konnect's REST operations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from konnect_agent.sandbox import spring
from konnect_agent.sandbox.answers import Envelope, Written, write
from konnect_agent.sandbox.code_mode import CodeMode
from konnect_agent.sandbox.konnect import EmbeddedKonnect
from konnect_agent.sandbox.tools import Generation, Tool, offered


@dataclass(frozen=True)
class Offer:
    """Tools by documented name; `answer` raises `Refusal` or `Problem` where it says no."""

    tools: Mapping[str, Tool]
    answer: Callable[[Tool, Mapping[str, Any]], Written]


def offer(
    generation: Generation,
    konnect: EmbeddedKonnect,
    *,
    hide: Collection[str] = (),
    trace_filter: str = "phase_filter",
    envelope: Envelope = "data",
) -> Offer:
    """What a server of that generation offers over `konnect`, less what is hidden."""
    if generation == "code-mode":
        code_mode = CodeMode(konnect, hide=hide)
        return Offer(code_mode.tools, code_mode.answer)
    analytics = {tool.name: tool for tool in spring.TOOLS if tool.name not in hide}
    reworked = generation == "spring"
    classic = offered(hide={*hide, *(("GetAnalytics",) if reworked else ())}, trace_filter=trace_filter)

    def answer(tool: Tool, arguments: Mapping[str, Any]) -> Written:
        if tool.name in analytics:
            return write(spring.answer(konnect.world, tool, arguments), envelope=envelope)
        return write(konnect.answer(tool, arguments), envelope=envelope)

    return Offer({**classic, **(analytics if reworked else {})}, answer)
