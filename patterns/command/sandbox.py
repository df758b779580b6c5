"""`konnect-agent sandbox`: an invented Konnect on this machine, for as long as the command runs."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated

import anyio
from cyclopts import Parameter

from konnect_agent.config import check_token
from konnect_agent.errors import ConfigError
from konnect_agent.sandbox import DEFAULT_TOKEN, Generation, Sandbox
from konnect_agent.sandbox.faults import KINDS
from patterns.command import outcome
from patterns.command.options import read_token
from patterns.command.outcome import say
from patterns.command.running import run

_FAULTS = (
    "a rate (0.2), a rate of some kinds (0.2:429+cut) or a script (429:3,reset,ok:5) of the kinds "
    f"{' '.join(sorted(KINDS))}; settings may follow: '0.2 retry_after=5 outage=2 drip=1 oversize=80000000'"
)


def sandbox(
    *,
    port: Annotated[int, Parameter(help="on the loopback interface; 0 takes any free one")] = 8484,
    token: Annotated[str | None, Parameter(help="what it accepts (invented, so no secret)")] = None,
    token_file: Annotated[str | None, Parameter(help="what it accepts, from a file")] = None,
    seed: Annotated[int, Parameter(help="which organisation")] = 7,
    generation: Annotated[Generation, Parameter(help="which tools it has")] = "classic",
    latency_ms: Annotated[float, Parameter(help="how long every call takes")] = 0.0,
    time_scale: Annotated[float, Parameter(help="how much faster than the clock debug sessions run")] = 1.0,
    json_response: Annotated[bool, Parameter(help="answer with JSON instead of event streams")] = False,
    faults: Annotated[str | None, Parameter(help=_FAULTS)] = None,
) -> int:
    """Serve an embedded Konnect until Ctrl-C: real MCP, invented organisation."""
    if token and token_file:
        raise ConfigError("Both --token and --token-file were given.", hint="Give one of them.")
    accepted = token or (read_token(token_file) if token_file else DEFAULT_TOKEN)
    check_token(accepted)
    if not 0 <= port <= 65535:
        raise ConfigError(f"{port} is no port.", hint="A --port is 0 (any free one) to 65535.")
    if not (math.isfinite(time_scale) and time_scale > 0 and math.isfinite(latency_ms) and latency_ms >= 0):
        raise ConfigError(
            "--time-scale must be a number above 0, and --latency-ms one that is 0 or more.",
            hint="See --help.",
        )
    try:
        served = Sandbox(
            token=accepted, port=port, seed=seed, generation=generation, latency=latency_ms / 1000,
            time_scale=time_scale, json_response=json_response, faults=faults,
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"--faults: {error}.", hint="See konnect_agent.sandbox.faults.") from None
    return run(partial(_serve, served, port, token_file))


async def _serve(served: Sandbox, port: int, token_file: str | None) -> int:
    try:
        async with served:
            _tell(served, shown=token_file is None, file=token_file)
            await anyio.sleep_forever()
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ConfigError(f"Port {port} cannot be used: {problem}.", hint="Choose another --port.") from None
    return outcome.DONE


def _tell(served: Sandbox, *, shown: bool, file: str | None) -> None:
    """The URL alone on standard output, for scripts; how to use it on standard error, for people."""
    print(served.url, flush=True)
    environment = f"KONNECT_MCP_URL={served.url} KONNECT_TOKEN={served.token if shown else f'$(cat {file})'}"
    planes, alerts = served.world.control_planes, served.world.alerts
    say("An invented Konnect, until Ctrl-C. In another terminal:")
    say(f"  export {environment}")
    say("  konnect-agent audit")
    for alert_id, event in alerts.items():
        say(f"  konnect-agent alert {alert_id}    # {event.get('name', '')}")
    say(f"Control planes: {', '.join(plane.name for plane in planes)}")
