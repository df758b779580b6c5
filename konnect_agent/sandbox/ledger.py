"""What arrived at a sandbox, for tests that must know what was sent and what was not.

The server's thread writes, any thread reads or waits; every property answers a snapshot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import Any


@dataclass(frozen=True)
class Arrival:
    """One tools/call. `tool` is Kong's documented name; `outcome` is `pending`, `ok`, `error` or `cancelled`.

    `answer` is the text of an error, empty otherwise.
    """

    tool: str
    arguments: Mapping[str, Any]
    outcome: str = "pending"
    answer: str = ""


@dataclass
class Ledger:
    """Calls, HTTP requests and injected faults, in the order they came."""

    _operations: list[Arrival] = field(default_factory=list[Arrival])
    _calls: list[Arrival] = field(default_factory=list[Arrival])
    _faults: list[str] = field(default_factory=list[str])
    _created: list[str] = field(default_factory=list[str])
    _stopped: list[str] = field(default_factory=list[str])
    _http: Counter[str] = field(default_factory=Counter[str])
    _in_flight: int = 0
    _most_in_flight: int = 0
    _lock: Condition = field(default_factory=Condition)

    @property
    def calls(self) -> tuple[Arrival, ...]:
        """Every tools/call that reached a tool."""
        with self._lock:
            return tuple(self._calls)

    def calls_to(self, tool: str) -> tuple[Arrival, ...]:
        """The calls of one tool, by its documented name."""
        return tuple(call for call in self.calls if call.tool == tool)

    @property
    def operations(self) -> tuple[Arrival, ...]:
        """Every operation that `execute` ran in code mode, in the place of a tool."""
        with self._lock:
            return tuple(self._operations)

    @property
    def debug_sessions_created(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._created)

    @property
    def debug_sessions_stopped(self) -> tuple[str, ...]:
        """Ids of the debug sessions that `stop_session` really ended."""
        with self._lock:
            return tuple(self._stopped)

    @property
    def faults(self) -> tuple[str, ...]:
        """The kinds of fault injected so far."""
        with self._lock:
            return tuple(self._faults)

    @property
    def http(self) -> Mapping[str, int]:
        """How many HTTP requests came, by MCP method (`tools/call`, ...) or HTTP method (`GET`)."""
        with self._lock:
            return dict(self._http)

    @property
    def most_in_flight(self) -> int:
        """The largest number of tools/call that were being answered at the same time."""
        with self._lock:
            return self._most_in_flight

    def wait_until(self, condition: Callable[[Ledger], bool], *, timeout: float = 30.0) -> None:
        """Block until `condition` holds, checked after every change; TimeoutError after `timeout` seconds."""
        with self._lock:
            if not self._lock.wait_for(lambda: condition(self), timeout):
                raise TimeoutError(f"not seen at the sandbox within {timeout:g} s")

    def arrived(self, tool: str, arguments: Mapping[str, Any]) -> int:
        """Note a call; the number returned belongs to `settled`."""
        with self._changing():
            self._calls.append(Arrival(tool, dict(arguments)))
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
            return len(self._calls) - 1

    def settled(self, number: int, outcome: str, answer: str = "") -> None:
        with self._changing():
            self._calls[number] = replace(self._calls[number], outcome=outcome, answer=answer)
            self._in_flight -= 1

    def executed(self, operation: str, inputs: Mapping[str, Any], outcome: str, answer: str = "") -> None:
        with self._changing():
            self._operations.append(Arrival(operation, dict(inputs), outcome, answer))

    def requested(self, what: str) -> None:
        with self._changing():
            self._http[what] += 1

    def injected(self, kind: str) -> None:
        with self._changing():
            self._faults.append(kind)

    def debug_session_created(self, debug_session_id: str) -> None:
        with self._changing():
            self._created.append(debug_session_id)

    def debug_session_stopped(self, debug_session_id: str) -> None:
        with self._changing():
            self._stopped.append(debug_session_id)

    @contextmanager
    def _changing(self) -> Generator[None]:
        with self._lock:
            yield
            self._lock.notify_all()
