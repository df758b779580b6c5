"""A local stand-in of the Admin API and of the Konnect API, for the entities a passthrough consists of.

It answers as the published specifications do: 201 and 200 with every default filled in, 204 for a deletion,
also of what is not there, 400 with the fields that fail (`specified`), 401 without the right token, 404, 409
for a name, an id or a scope that is taken, pages of a size. The two differ in tokens, in where the entities
are and in the form of their errors. `faults` are what goes wrong, each once: see `Fault`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..handmade import serving
from .specified import CONFIG_DEFAULTS, DEFAULTS, SCOPES, failing_fields

KONNECT_TOKEN = "kpat_StandIn0of0the0Konnect0Api"
ADMIN_TOKEN = "an-admin-token-of-nobody"
CONTROL_PLANE = "9524ec7d-36d9-465d-a8c5-83a3c9390458"
_ROOT = f"/v2/control-planes/{CONTROL_PLANE}/core-entities"

Entity = dict[str, Any]


@dataclass
class Fault:
    """The next request that matches goes wrong: it is refused with `status`, or with `after` first carried
    out. So is one with `cut`, which breaks the connection instead of answering, or `silent`, which never
    answers. `then` runs when it arrives, and is all that happens if there is no status. It is answered with
    `text` instead of an error of the API if there is one."""

    method: str
    path: str
    status: int | None = 503
    kind: Literal["before", "after", "cut", "silent"] = "before"
    then: Callable[[], None] = lambda: None
    text: str | None = None


class _Refusal(Exception):
    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.fields = status, message, fields or {}


@dataclass
class StandIn:
    """What it holds, by collection and id, and what it was asked: method, path and body."""

    url: str = ""
    entities: dict[str, dict[str, Entity]] = field(default_factory=dict[str, dict[str, Entity]])
    asked: list[tuple[str, str, Entity | None]] = field(default_factory=list[tuple[str, str, Entity | None]])
    headers: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    faults: list[Fault] = field(default_factory=list[Fault])
    admin_token: str | None = ADMIN_TOKEN
    page: int = 1000
    own_ids: bool = False
    """Whether an id that is sent along is not taken over."""

    def emptied(self) -> StandIn:
        """The same server, as if it had just been started."""
        self.entities = {"services": {}, "routes": {}, "plugins": {}}
        self.asked, self.headers, self.faults = [], [], []
        self.admin_token, self.page, self.own_ids = ADMIN_TOKEN, 1000, False
        return self

    def all(self, collection: str) -> list[Entity]:
        """The entities of a collection."""
        return list(self.entities[collection].values())

    def writes(self) -> list[tuple[str, str]]:
        """Method and path of every request that was not for reading."""
        return [(method, path) for method, path, _ in self.asked if method != "GET"]

    def put(self, collection: str, **fields: Any) -> Entity:
        """An entity somebody else made, with its defaults."""
        return self._store(collection, {"id": str(uuid4()), **fields})

    def application(self) -> Starlette:
        """Both APIs: Konnect's below its own path, the Admin API below everything else."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=methods)])

    async def _answer(self, request: Request) -> Response:
        path = "/" + request.path_params["path"]
        is_konnect = path.startswith("/v2/")
        body = json.loads(raw) if (raw := await request.body()) else None
        self.headers.append(dict(request.headers))
        try:
            self._admit(request, is_konnect)
            if is_konnect and not path.startswith(_ROOT + "/"):
                raise _Refusal(404, "Not Found")
            inside = path.removeprefix(_ROOT) if is_konnect else path
            self.asked.append((request.method, inside, body))
            fault = next(
                (f for f in self.faults if f.method == request.method and re.search(f.path, inside)), None
            )
            if fault is not None:
                self.faults.remove(fault)
                fault.then()
                if fault.kind != "before":
                    self._carry_out(request, inside, body)
                if fault.kind == "silent":
                    while (await request.receive())["type"] != "http.disconnect":
                        pass
                if fault.kind in ("cut", "silent"):
                    return _Cut()
                if fault.text is not None:
                    return Response(fault.text, fault.status or 200)
                if fault.status is not None:
                    raise _Refusal(fault.status, "Not found" if fault.status == 404 else "It went wrong.")
            return self._carry_out(request, inside, body)
        except _Refusal as refusal:
            return _refused(refusal, is_konnect=is_konnect)

    def _admit(self, request: Request, is_konnect: bool) -> None:
        if is_konnect:
            if request.headers.get("authorization") != f"Bearer {KONNECT_TOKEN}":
                raise _Refusal(401, "A valid token is required")
        elif self.admin_token and (given := request.headers.get("kong-admin-token")) != self.admin_token:
            raise _Refusal(401, f"Invalid RBAC credentials {given}. Token or User credentials required")

    def _carry_out(self, request: Request, path: str, body: Entity | None) -> Response:
        match path.strip("/").split("/"), request.method:
            case [("services" | "routes" | "plugins") as collection], "GET":
                return self._listed(self.all(collection), request)
            case [("services" | "routes" | "plugins") as collection], "POST":
                return JSONResponse(self._created(collection, body or {}), 201)
            case [("services" | "routes") as holder, name, ("routes" | "plugins") as collection], method:
                kind, owner = holder.removesuffix("s"), self._find(holder, name)["id"]
                if method == "GET":
                    held = [e for e in self.all(collection) if _referred(e, kind) == owner]
                    return self._listed(held, request)
                return JSONResponse(self._created(collection, {**(body or {}), kind: {"id": owner}}), 201)
            case [("services" | "routes" | "plugins") as collection, name], "GET":
                return JSONResponse(self._find(collection, name))
            case [("services" | "routes" | "plugins") as collection, name], "PUT":
                return JSONResponse(self._replaced(collection, name, body or {}))
            case [("services" | "routes" | "plugins") as collection, name], "DELETE":
                self._deleted(collection, name)
                return Response(status_code=204)
            case _:
                raise _Refusal(404, "Not found")

    def _listed(self, entities: list[Entity], request: Request) -> Response:
        size = min(int(request.query_params.get("size", "100")), self.page)
        start = int(request.query_params.get("offset", "0"))
        more = {"offset": str(start + size)} if start + size < len(entities) else {"offset": None}
        return JSONResponse({"data": entities[start : start + size], "next": None, **more})

    def _find(self, collection: str, name: str) -> Entity:
        for entity in self.all(collection):
            if entity["id"] == name or (collection != "plugins" and entity.get("name") == name):
                return entity
        raise _Refusal(404, "Not found")

    def _created(self, collection: str, body: Entity) -> Entity:
        entity = {"id": str(uuid4()), **body}
        if self.own_ids:
            entity["id"] = str(uuid4())
        if entity["id"] in self.entities[collection]:
            raise _Refusal(409, f"UNIQUE violation detected on '{{id=\"{entity['id']}\"}}'", {"id": "taken"})
        return self._store(collection, entity)

    def _replaced(self, collection: str, name: str, body: Entity) -> Entity:
        try:
            identity = self._find(collection, name)["id"]
        except _Refusal:
            identity = str(UUID(name))
        return self._store(collection, {**body, "id": identity})

    def _deleted(self, collection: str, name: str) -> None:
        try:
            identity = self._find(collection, name)["id"]
        except _Refusal:
            return
        kind = collection.removesuffix("s")
        if collection == "services" and any(_referred(r, "service") == identity for r in self.all("routes")):
            raise _Refusal(400, "an existing 'routes' entity references this 'services' entity")
        for plugin in [p for p in self.all("plugins") if _referred(p, kind) == identity]:
            del self.entities["plugins"][plugin["id"]]
        del self.entities[collection][identity]

    def _store(self, collection: str, given: Entity) -> Entity:
        entity = {**DEFAULTS[collection], **_in_parts(given)}
        _check(collection, entity)
        if collection == "plugins":
            entity["config"] = _filled(entity["config"], CONFIG_DEFAULTS)
        for other in self.all(collection):
            if other["id"] != entity["id"] and _unique(collection, other) == _unique(collection, entity):
                taken = entity.get("name")
                raise _Refusal(
                    409, f"UNIQUE violation detected on '{{name=\"{taken}\"}}'", {"name": str(taken)}
                )
        entity |= {"created_at": 1_700_000_000, "updated_at": 1_700_000_001}
        self.entities[collection][entity["id"]] = entity
        return entity


def _unique(collection: str, entity: Entity) -> object:
    """What no two entities may share: the name, or plugin and scope."""
    if collection != "plugins":
        return entity.get("name") or entity["id"]
    return entity["name"], [_referred(entity, scope) for scope in SCOPES]


def _referred(entity: Entity, kind: str) -> str | None:
    """The id of the entity it refers to."""
    reference: Entity | None = entity.get(kind)
    return reference["id"] if reference else None


def _in_parts(body: Entity) -> Entity:
    """`url` is a way of writing four other fields."""
    if "url" not in body:
        return body
    rest = {name: value for name, value in body.items() if name != "url"}
    parts = urlsplit(str(body["url"]))
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {
        **rest,
        "protocol": parts.scheme,
        "host": parts.hostname,
        "port": port,
        "path": parts.path or None,
    }


def _filled(given: Entity, defaults: Mapping[str, Any]) -> Entity:
    """What is given, with defaults for the rest, object by object."""
    filled = {**defaults, **given}
    for name in ("logging", "server"):
        filled[name] = {**defaults[name], **(filled[name] or {})}
    return filled


def _check(collection: str, entity: Entity) -> None:
    fields = failing_fields(collection, entity)
    if fields:
        first = next(iter(fields.items()))
        raise _Refusal(400, f"schema violation ({first[0]}: {first[1]})", fields)


def _refused(refusal: _Refusal, *, is_konnect: bool) -> Response:
    status, message = refusal.status, refusal.message
    if not is_konnect:
        body: Entity = {"message": message}
        if status == 400:
            body |= {"name": "schema violation", "fields": refusal.fields, "code": 2}
        return JSONResponse(body, status)
    if status == 401:
        return JSONResponse({"status": 401, "message": "Unauthorized"}, 401)
    problem: Entity = {"status": status, "title": "Problem", "instance": "kong:trace:1234", "detail": message}
    if status == 400:
        problem["invalid_parameters"] = [{"field": f, "reason": why} for f, why in refusal.fields.items()]
    return Response(json.dumps(problem), status, media_type="application/problem+json")


class _Cut(Response):
    """An answer that never gets anywhere: the connection is closed in its middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})


@contextmanager
def standing_in() -> Generator[StandIn]:
    """A stand-in on a loopback port for the block."""
    stand_in = StandIn()
    with serving(stand_in.application) as url:
        stand_in.url = url.rstrip("/")
        yield stand_in
