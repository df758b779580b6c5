"""The tools a server offers, found by the names Kong documents.

Kong prints PascalCase headings and snake_case text for the same tools, and whatever stands between may put a
server's name in front. So names are compared word by word (inferred): 1. the very name; 2. the same words
behind the server's own prefix, which is the one that most documented names stand behind (`MeshGetService` is
no `GetService` where the others have no prefix); 3. the same with `Tool` or a version at the end, or in the
plural if the tool takes an `operation`. Several that fit equally well are none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from konnect_agent.errors import InvalidArguments, ToolUnavailable
from konnect_agent.schemas import flattened, properties, required
from konnect_agent.spelling import fit, flat, takes, words

DOCUMENTED = (
    "GetControlPlane", "GetControlPlaneGroup", "GetConsumer", "GetConsumerGroup", "GetService", "GetRoute",
    "GetPlugin", "GetVault", "GetAnalytics", "CreateDebugSession", "ActiveTracingSession",
    "FetchAlertingEventDetails", "KnowledgeBaseSearch", "DatasourceConfig", "QueryExploreTimeRange",
    "QueryAnalytics", "QueryLLMAnalytics", "QueryMCPAnalytics", "QueryAgenticAnalytics", "QueryAPIRequests",
    "GetConsumerRequests",
)  # fmt: skip
"""The tools of Kong's documents that have one task each (fact sheet 2): they tell a server's prefix."""

_LISTED = 40
_LONGEST_NAME = 12  # words of a name without its prefix; the documented ones have four at most
_DEEPEST = 100

Words = tuple[str, ...]


@dataclass(frozen=True)
class Tool:
    """One tool of tools/list; `read_only` and `idempotent` are its annotations, None where it is silent.

    `endpoint` is the method and path of an operation of an API, such as `get /v2/control-planes`, if known.
    """

    name: str
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    read_only: bool | None = None
    idempotent: bool | None = None
    endpoint: str = ""

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The schema of each parameter, by its live name, with what it refers to in its place."""
        found = properties(self.input_schema, self.input_schema)
        return {name: flattened(schema, self.input_schema) for name, schema in found.items()}

    @cached_property
    def required(self) -> frozenset[str]:
        """The parameters that cannot be left out."""
        return required(self.input_schema, self.input_schema)

    def fit(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """`arguments` under documented names, as this tool spells them; see `konnect_agent.spelling`."""
        return fit(arguments, self.input_schema)


class Toolbox:
    """The tools of one server, found by the name Kong documents."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self.tools = tuple(tools)
        self._found: dict[str, Tool | None] = {}
        self._readings: dict[str, list[_Reading]] = {}
        for tool in self.tools:
            for looseness, name in _spellings(tool):
                for start in range(max(0, len(name) - _LONGEST_NAME), len(name)):
                    reading = _Reading(name[:start], looseness, tool)
                    self._readings.setdefault("".join(name[start:]), []).append(reading)

    @property
    def names(self) -> tuple[str, ...]:
        """The live names, as the server spells them."""
        return tuple(tool.name for tool in self.tools)

    def find(self, documented: str) -> Tool | None:
        """The tool documented under that name, or None when this server does not offer it."""
        if documented not in self._found:
            self._found[documented] = self._search(documented)
        return self._found[documented]

    def require(self, documented: str, operation: str | None = None) -> Tool:
        """Like `find`, raising `ToolUnavailable` with what the server does offer."""
        tool = self.find(documented)
        if tool is None:
            offered = ", ".join(self.names[:_LISTED]) or "no tools at all"
            more = f" and {len(self.names) - _LISTED} more" if len(self.names) > _LISTED else ""
            raise ToolUnavailable(
                f"The server offers no tool {documented}; it offers {offered}{more}.",
                available=self.names,
                operation=operation,
            )
        return tool

    def _search(self, documented: str) -> Tool | None:
        exact = next((tool for tool in self.tools if tool.name == documented), None)
        if exact is not None:
            return exact
        wanted = flat(documented)
        own = self._own_prefix(wanted)
        if own is None:
            return None
        read = [reading for reading in self._readings.get(wanted, ()) if _alike(reading.prefix, own)]
        ranks = [(reading.prefix != own, reading.looseness) for reading in read]
        closest = min(ranks, default=None)
        best = [reading.tool for reading, rank in zip(read, ranks, strict=True) if rank == closest]
        return best[0] if len(best) == 1 or closest == (False, 0) else None

    def _own_prefix(self, wanted: str) -> Words | None:
        """The prefix that most names have in common, none at all if as many do; None when it is unclear."""
        if any(tool.name in DOCUMENTED for tool in self.tools):
            return ()  # spelled to the letter: nobody put anything in front of the others either
        behind = ({reading.prefix for reading in self._readings.get(name, ())} for name in {*_KNOWN, wanted})
        shared = Counter(prefix for prefixes in behind for prefix in prefixes)
        most = max(shared.values(), default=0)
        leading = [prefix for prefix, names in shared.items() if names == most]
        if not leading or () in leading:
            return ()
        return leading[0] if all(_alike(prefix, leading[0]) for prefix in leading) else None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A tool's name read as another name behind a prefix; the looser, the less it is that name."""

    prefix: Words
    looseness: int
    tool: Tool


_KNOWN = frozenset(map(flat, DOCUMENTED))
_OUR_NAMES = frozenset(("kong", "konnect", "mcp"))


def _alike(prefix: Words, other: Words) -> bool:
    """Whether two prefixes may be of one server: Konnect's own name in front makes no difference."""
    first, second = ([word for word in each if word not in _OUR_NAMES] for each in (prefix, other))
    return first == second


def _spellings(tool: Tool) -> Iterator[tuple[int, Words]]:
    """The words of a tool's name, and looser ways to read them."""
    name = words(tool.name)
    yield 0, name
    bare = _without_suffix(name)
    if bare != name:
        yield 1, bare
    if bare and bare[-1].endswith("s") and takes("operation", tool.input_schema):
        yield 2, (*bare[:-1], bare[-1].removesuffix("s"))


def _without_suffix(name: Words) -> Words:
    """`get_service_tool_v2` as `get_service`."""
    while name:
        if name[-1] == "tool":
            name = name[:-1]
        elif len(name) > 1 and name[-2] == "v" and name[-1].isdecimal():
            name = name[:-2]
        else:
            break
    return name


def check_writable(arguments: Mapping[str, Any], operation: str) -> None:
    """Raise `InvalidArguments` for arguments that no JSON message can carry as they are."""
    try:
        json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()
        trouble = _unwritable(arguments)
    except (TypeError, ValueError, RecursionError) as error:
        trouble = str(error)
    if trouble:
        message = f"The arguments cannot be written as JSON: {trouble}."
        raise InvalidArguments(message, operation=operation)


def _unwritable(arguments: Mapping[str, Any]) -> str | None:
    """What is wrong with data that Python would write all the same; it holds no cycles."""
    level: list[Any] = [arguments]
    for _ in range(_DEEPEST):
        objects = [cast("Mapping[Any, Any]", value) for value in level if isinstance(value, Mapping)]
        odd = [key for entry in objects for key in entry if not isinstance(key, str)]
        if odd:
            return f"the key {odd[0]!r} is no text"
        lists = [cast("Iterable[Any]", value) for value in level if isinstance(value, (list, tuple))]
        level = [value for entry in objects for value in entry.values()]
        level += [value for entries in lists for value in entries]
        if not level:
            return None
    return f"it is nested deeper than {_DEEPEST} levels"
