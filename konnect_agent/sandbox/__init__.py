"""An embedded Konnect: an invented organisation behind a real MCP endpoint on a loopback port.

    with Sandbox() as sandbox:                  # or: async with Sandbox() as sandbox (asyncio and trio)
        Konnect(url=sandbox.url, token=sandbox.token)

Tools, parameters and rules are Kong's documented ones, of the generation asked for; what they answer is an
invented company's (`world.py`). `sandbox.ledger` knows what arrived. Nothing of the MCP SDK or the web
server is imported before it starts.
"""

from __future__ import annotations

from collections.abc import Collection
from time import sleep
from types import TracebackType
from typing import TYPE_CHECKING

from konnect_agent.sandbox.answers import Envelope
from konnect_agent.sandbox.ledger import Arrival, Ledger
from konnect_agent.sandbox.tools import Generation, Spelling

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp

    from konnect_agent.sandbox.debugging import Ending
    from konnect_agent.sandbox.faults import Faults
    from konnect_agent.sandbox.gate import Gate
    from konnect_agent.sandbox.port import HeldPort
    from konnect_agent.sandbox.server import ServerThread
    from konnect_agent.sandbox.world import World

__all__ = ["DEFAULT_TOKEN", "Arrival", "Generation", "Ledger", "Sandbox"]

DEFAULT_TOKEN = "kpat_sandbox0Saltmarsh0Goods0Konnect0Example"
"""Opens any sandbox that was not given a token of its own; no secret."""


class Sandbox:
    """A Konnect of one's own; `url` and `token` are what a client needs.

    seed            which organisation; the same seed gives the same ids, entities and traffic
    world           a `World` to serve instead of the story of that seed
    generation      which tools it has: `classic`, `spring` or `code-mode`, see `generations.py`
    port            loopback port, 0 for any free one
    latency         seconds every tools/call takes
    time_scale      how much faster than Kong's time debug sessions run (60: a minute lasts a second)
    ending          how debug sessions end: `completed`, `timed_out`, or `stuck` in `in_progress`
    json_response   answer 2025-era requests with JSON instead of an event stream
    eras            protocol generations spoken: `2025` (handshake), `2026` (server/discover)
    spelling        tool names as `pascal`, `snake` or `kebab`; `prefix` goes in front of them
    envelope        form of the results, see `answers.py`
    trace_filter    name of ActiveTracingSession's plugin filter: `phase_filter` or `plugin_filter`
    hide            documented tool names, and operations of code mode, this server does not offer
    forbidden       names of control planes that are listed but may not be read
    mcp_disabled    the organisation's switch for MCP is off
    faults          `Faults`, or the text of one: see `faults.py`
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        world: World | None = None,
        generation: Generation = "classic",
        token: str = DEFAULT_TOKEN,
        port: int = 0,
        latency: float = 0.0,
        time_scale: float = 60.0,
        ending: Ending = "completed",
        json_response: bool = False,
        eras: Collection[str] = ("2025", "2026"),
        spelling: Spelling = "pascal",
        prefix: str = "",
        envelope: Envelope = "data",
        trace_filter: str = "phase_filter",
        hide: Collection[str] = (),
        forbidden: Collection[str] = (),
        mcp_disabled: bool = False,
        faults: Faults | str | None = None,
    ) -> None:
        from konnect_agent.sandbox.debugging import DebugSessions
        from konnect_agent.sandbox.faults import Faults
        from konnect_agent.sandbox.world import World

        self.token = token
        self.world = world or World.story(seed)
        self.ledger = Ledger()
        self.debug_sessions = DebugSessions(self.world, time_scale=time_scale, ending=ending)
        self._port, self._latency, self._json_response = port, latency, json_response
        self._eras, self._mcp_disabled = frozenset(eras), mcp_disabled
        self._generation: Generation = generation
        self._spelling: Spelling = spelling
        self._envelope: Envelope = envelope
        self._prefix, self._trace_filter = prefix, trace_filter
        self._hide, self._forbidden = frozenset(hide), frozenset(forbidden)
        self._faults = Faults(faults, seed=seed) if isinstance(faults, str) else faults
        self._accepted: str | None = token
        self._gate: Gate | None = None
        self._held: HeldPort | None = None
        self._server: ServerThread | None = None

    @property
    def url(self) -> str:
        """The endpoint; known once the sandbox has started, and the same after a restart."""
        if not self._port:
            raise RuntimeError("the sandbox has not been started")
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Listen and answer; raises OSError if the port is taken."""
        from konnect_agent.sandbox.port import HeldPort

        if self._held is None:
            self._held = HeldPort(self._port)
            self._port = self._held.number
        self._serve(self._held)

    def stop(self) -> None:
        """Abort every connection and stop; the world, the debug sessions and the ledger stay."""
        self._end()
        if self._held is not None:
            self._held.close()
            self._held = None

    def restart(self, *, outage: float = 0.0) -> None:
        """Stop and come back `outage` seconds later on the same port, with every MCP session forgotten."""
        self._end()
        sleep(outage)
        self.start()

    def revoke_token(self) -> None:
        """From now on every request is answered 401."""
        self._accepted = None
        if self._gate is not None:
            self._gate.token = None

    def debug_sessions_running(self) -> tuple[str, ...]:
        """Ids of the debug sessions that are pending or in progress."""
        return self.debug_sessions.running()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Sandbox:
        from anyio.to_thread import run_sync

        await run_sync(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from anyio import CancelScope
        from anyio.to_thread import run_sync

        with CancelScope(shield=True):
            await run_sync(self.stop)

    def _serve(self, port: HeldPort) -> None:
        from konnect_agent.sandbox.server import ServerThread

        if self._server is None:
            try:
                self._server = ServerThread(self._build, port=port)
            except RuntimeError:
                self.stop()
                raise

    def _end(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _build(self) -> tuple[Starlette, ASGIApp]:
        """A fresh MCP server over what stays, and the gate in front of it."""
        from konnect_agent.sandbox.gate import Gate
        from konnect_agent.sandbox.generations import offer
        from konnect_agent.sandbox.konnect import EmbeddedKonnect
        from konnect_agent.sandbox.server import mcp_application

        app = mcp_application(
            offer(
                self._generation,
                EmbeddedKonnect(self.world, self.debug_sessions, self.ledger, self._forbidden),
                hide=self._hide,
                trace_filter=self._trace_filter,
                envelope=self._envelope,
            ),
            self.ledger,
            seed=self.world.seed,
            spelling=self._spelling,
            prefix=self._prefix,
            json_response=self._json_response,
            latency=self._latency,
        )
        self._gate = Gate(
            app,
            self.ledger,
            self._accepted,
            self.revoke_token,
            mcp_disabled=self._mcp_disabled,
            eras=self._eras,
            faults=self._faults,
        )
        return app, self._gate
