"""The documented tools of the classic generation: names, parameters, types, allowed values.

One table; each row says which arguments exist, which are required, and which go with which operation. From
it come the strict `inputSchema` (`additionalProperties: false`) and the check of every call. Parameters,
types and allowed values are documented; that the server refuses an argument which belongs to another
operation is the documents taken at their word, and the wording of the refusals is ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from konnect_agent.sandbox.organisation import Entity

Spelling = Literal["pascal", "snake", "kebab"]
Generation = Literal["classic", "spring", "code-mode"]


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+")


class Refusal(Exception):
    """The arguments are not acceptable; the message names the argument and the reason."""


class Invalid(Exception):
    """Something in the arguments is not acceptable: `problems` are places and reasons."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{place}: {reason}" if place else reason for place, reason in problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool; `belongs` maps an argument to the operations it goes with, `needs` the other way round."""

    name: str
    description: str
    properties: Mapping[str, Entity]
    required: tuple[str, ...]
    needs: Mapping[str, str] = field(default_factory=dict[str, str])
    belongs: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    read_only: bool | None = True
    output_schema: Entity | None = None

    @property
    def input_schema(self) -> Entity:
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }

    @cached_property
    def validator(self) -> Any:
        """The compiled schema."""
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.input_schema)

    def spelled(self, spelling: Spelling, *, prefix: str = "") -> str:
        """The tool's name as this server spells it; only names in PascalCase are spelled otherwise."""
        words = _WORD.findall(self.name)
        if spelling == "pascal" or not words:
            return prefix + self.name
        return prefix + ("_" if spelling == "snake" else "-").join(word.lower() for word in words)


def check(tool: Tool, arguments: Mapping[str, Any]) -> None:
    """Raise Refusal if the arguments break the tool's schema or the rules between them."""
    wrong = list(problems(tool.validator, dict(arguments))) or list(_operation_problems(tool, arguments))
    if wrong:
        raise refused(tool, Invalid(*wrong))


def refused(tool: Tool, invalid: Invalid) -> Refusal:
    """The refusal of a tool's arguments."""
    return Refusal(f"Invalid arguments for tool {tool.name}: {invalid}")


def problems(validator: Any, value: Any) -> Iterator[tuple[str, str]]:
    """Where and why `value` breaks the compiled schema."""
    for error in validator.iter_errors(value):
        message = str(error.message)
        if error.validator == "pattern":
            form = error.schema.get("examples", ["asked for"])[0]
            message = f"{error.instance!r} does not have the form {form}"
        yield ".".join(map(str, error.absolute_path)), message


def _operation_problems(tool: Tool, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    operation = str(arguments.get("operation"))
    needed = tool.needs.get(operation)
    if needed is not None and needed not in arguments:
        yield needed, f"required when operation is {operation}"
    for name, operations in tool.belongs.items():
        if name in arguments and operation not in operations:
            yield name, f"only accepted when operation is {' or '.join(operations)}, not {operation}"


_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_UUID_EXAMPLE = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
_LATENCY = r"^>=\d+ms$"


def uuid(description: str) -> Entity:
    """The schema of a plain UUID."""
    return {"type": "string", "description": description, "pattern": _UUID, "examples": [_UUID_EXAMPLE]}


def text(description: str) -> Entity:
    """The schema of a text that is not empty."""
    return {"type": "string", "description": description, "minLength": 1}


def choice(description: str, *values: str) -> Entity:
    """The schema of one of a few texts."""
    return {"type": "string", "description": description, "enum": list(values)}


def _listed(description: str, kind: str) -> Entity:
    return {"type": "array", "description": description, "items": {"type": kind}}


_CONTROL_PLANE: Mapping[str, Entity] = {"control_plane_id": uuid("Control plane the entities belong to")}


def _entity_tool(name: str, description: str, kind: str, *, by_name: bool = True) -> Tool:
    """A tool that lists the entities of a kind and gets one of them by id or by name."""
    operations = ("list", "get_by_id", "get_by_name") if by_name else ("list", "get_by_id")
    properties = dict(_CONTROL_PLANE) | {
        "operation": choice("What to do", *operations),
        f"{kind}_id": uuid("Required for get_by_id"),
    }
    needs = {"get_by_id": f"{kind}_id"}
    if by_name:
        properties[f"{kind}_name"] = text("Exact name, required for get_by_name")
        needs["get_by_name"] = f"{kind}_name"
    return Tool(
        name=name,
        description=description,
        properties=properties,
        required=("control_plane_id", "operation"),
        needs=needs,
        belongs={argument: (operation,) for operation, argument in needs.items()},
    )


_CONTROL_PLANE_NEEDS = {"get_by_id": "id", "get_by_name": "name", "get_by_route": "path"}
_QUERY_FILTERS: Mapping[str, Entity] = {
    "status_codes": _listed("Only these status codes", "integer"),
    "excluded_status_codes": _listed("None of these status codes", "integer"),
    "http_methods": _listed("Only these methods", "string"),
    "consumer_ids": _listed("Only these consumers", "string"),
    "service_ids": _listed("Only these services", "string"),
    "route_ids": _listed("Only these routes", "string"),
}
_TRACING = ("fetch_status", "summarize_session", "compact_traces", "compressed_traces", "stop_session")

TOOLS: tuple[Tool, ...] = (
    Tool(
        name="GetControlPlane",
        description="Control planes: id, name, tags. The id is the control_plane_id of the other tools.",
        properties={
            "operation": choice("What to do", "list", *_CONTROL_PLANE_NEEDS),
            "id": uuid("Required for get_by_id"),
            "name": text("Exact display name, required for get_by_name"),
            "path": text("API path such as /api/users, required for get_by_route"),
        },
        required=("operation",),
        needs=_CONTROL_PLANE_NEEDS,
        belongs={argument: (operation,) for operation, argument in _CONTROL_PLANE_NEEDS.items()},
    ),
    Tool(
        name="GetControlPlaneGroup",
        description="Members of a control plane group.",
        properties={
            "control_plane_group_id": uuid("The group"),
            "operation": choice("What to do", "list"),
        },
        required=("control_plane_group_id", "operation"),
    ),
    _entity_tool("GetConsumer", "Consumers: id, username, custom_id, tags.", "consumer"),
    Tool(
        name="GetConsumerGroup",
        description="Consumer groups: id, name, created_at, tags.",
        properties=dict(_CONTROL_PLANE) | {"operation": choice("What to do", "list")},
        required=("control_plane_id", "operation"),
    ),
    _entity_tool("GetService", "Services: upstream host, port, protocol, timeouts, retries.", "service"),
    _entity_tool("GetRoute", "Routes: paths, methods, and the service they lead to.", "route"),
    _entity_tool("GetPlugin", "Plugins: configuration, whether enabled, scope.", "plugin", by_name=False),
    _entity_tool("GetVault", "Vaults: provider, prefix, configuration.", "vault"),
    Tool(
        name="GetAnalytics",
        description="API requests of the organization, or those of one consumer with statistics.",
        properties={
            "operation": choice("What to do", "query_api_requests", "get_consumer_requests"),
            "time_range": choice("How far back", "15M", "1H", "6H", "12H", "24H", "7D"),
            **_QUERY_FILTERS,
            "consumer_id": text("Required for get_consumer_requests"),
            "successOnly": {"type": "boolean", "description": "Only 200 to 299"},
            "failureOnly": {"type": "boolean", "description": "Only 400 and above"},
            "max_results": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
        },
        required=("operation", "time_range"),
        needs={"get_consumer_requests": "consumer_id"},
        belongs=dict.fromkeys(_QUERY_FILTERS, ("query_api_requests",))
        | dict.fromkeys(("consumer_id", "successOnly", "failureOnly"), ("get_consumer_requests",)),
    ),
    Tool(
        name="CreateDebugSession",
        description="Start sampling live requests. Ask the user to confirm the parameters first.",
        properties=dict(_CONTROL_PLANE)
        | {
            "http_path": text("Request path such as /checkout"),
            "http_method": choice("Request method", "GET", "POST", "PUT", "DELETE", "PATCH"),
            "http_status_code": {
                "type": "string",
                "description": "Response status such as 500",
                "pattern": r"^[1-5]\d\d$",
                "examples": ["500"],
            },
            "http_latency": {
                "type": "string",
                "description": "Least latency",
                "pattern": _LATENCY,
                "examples": [">=1000ms"],
            },
            "service_id": uuid("Only requests for this service"),
            "session_duration": {"type": "integer", "minimum": 10, "maximum": 1800, "default": 60},
            "max_samples": {"type": "integer", "minimum": 1, "default": 100},
        },
        required=("control_plane_id",),
        read_only=False,
    ),
    Tool(
        name="ActiveTracingSession",
        description="Status, summary and traces of a debug session; or stop it.",
        properties=dict(_CONTROL_PLANE)
        | {
            "debug_session_id": uuid("The debug session"),
            "operation": choice("What to do", *_TRACING),
            "phase_filter": uuid("Only this plugin; with compact_traces"),
            "phase": choice("Only this direction; with compact_traces", "ingress", "egress"),
        },
        required=("control_plane_id", "debug_session_id", "operation"),
        belongs=dict.fromkeys(("phase_filter", "plugin_filter", "phase"), ("compact_traces",)),
        read_only=False,
    ),
    Tool(
        name="FetchAlertingEventDetails",
        description="An alert event, and ready arguments for CreateDebugSession where they make sense.",
        properties={"alert_event_id": uuid("The alert event")},
        required=("alert_event_id",),
    ),
    Tool(
        name="KnowledgeBaseSearch",
        description="Search the documentation.",
        properties={"query": text("A question in plain words")},
        required=("query",),
    ),
)


def offered(*, hide: Collection[str] = (), trace_filter: str = "phase_filter") -> dict[str, Tool]:
    """The tools by documented name, less the hidden ones.

    `trace_filter` names the plugin filter of the traces; documents print `phase_filter` and `plugin_filter`.
    """
    chosen: dict[str, Tool] = {}
    for tool in TOOLS:
        if tool.name in hide:
            continue
        renamed = {
            trace_filter if name == "phase_filter" else name: schema
            for name, schema in tool.properties.items()
        }
        chosen[tool.name] = replace(tool, properties=renamed)
    return chosen
