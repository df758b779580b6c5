"""Konnect's REST API as a web application, and its OpenAPI document, both out of the sandbox's operations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from konnect_agent.sandbox.debugging import DebugSessions
from konnect_agent.sandbox.konnect import EmbeddedKonnect, Problem
from konnect_agent.sandbox.ledger import Ledger
from konnect_agent.sandbox.operations import OPERATIONS, Call, Operation
from konnect_agent.sandbox.tools import Refusal

from .setup import FAST, Setup


class Api:
    """The API of one setup; `asked` is every call of one of its `operations`."""

    def __init__(self, setup: Setup) -> None:
        world = setup.world
        sessions = DebugSessions(world, time_scale=FAST)
        self.setup = setup
        self.operations = [each for each in OPERATIONS if self._has(each)]
        self.asked: list[tuple[str, Call]] = []
        self._konnect = EmbeddedKonnect(world, sessions, Ledger(), frozenset(setup.forbidden))
        self._failing = {name: list(statuses) for name, statuses in setup.failing.items()}
        self._paths = [(each, _pattern(each.path)) for each in self.operations]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(Request(scope, receive))
        await answer(scope, receive, send)

    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        paths: dict[str, dict[str, Any]] = {}
        for each in self.operations:
            described = _described(each, self._named(each))
            paths.setdefault(each.path, {})[each.method.lower()] = described
        return {"openapi": "3.0.3", "info": {"title": "Konnect", "version": "2"}, "paths": paths}

    def _has(self, operation: Operation) -> bool:
        only = self.setup.only
        return operation.id not in self.setup.missing and (only is None or operation.id in only)

    def _named(self, operation: Operation) -> str:
        return self.setup.prefix + self.setup.renamed.get(operation.id, operation.id)

    async def _answer(self, request: Request) -> Response:
        await anyio.sleep(self.setup.latency)
        path = request.scope["raw_path"].decode()
        for operation, pattern in self._paths:
            matched = pattern.fullmatch(path)
            if matched and operation.method == request.method:
                body = await request.json() if await request.body() else None
                placed = {name: unquote(value) for name, value in matched.groupdict().items()}
                call = Call(placed, dict(request.query_params), body)
                self.asked.append((operation.name, call))
                return self._status(operation, call)
        return Response(status_code=404)

    def _status(self, operation: Operation, call: Call) -> Response:
        coming = self._failing.get(operation.id)
        seed = self._konnect.world.seed
        try:
            if coming:
                status = coming.pop(0)
                raise Problem(status, HTTPStatus(status).phrase, "as the test wants it")
            if int(call.query.get("size", 0)) > self.setup.largest:
                raise Problem(400, "Invalid Request", f"size: at most {self.setup.largest}")
            if operation.id in self.setup.answering:
                return JSONResponse(self.setup.answering[operation.id])
            return JSONResponse(operation.answer(self._konnect, call))
        except Refusal as error:
            return JSONResponse({"status": 400, "title": "Bad Request", "detail": str(error)}, 400)
        except Problem as error:
            body = error.body(seed=seed)
            return JSONResponse(body, error.status, media_type="application/problem+json")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def _described(operation: Operation, name: str) -> Mapping[str, Any]:
    text = {"type": "string"}
    in_path = [{"name": each, "in": "path", "required": True, "schema": text} for each in operation.in_path]
    in_query = [{"name": each, "in": "query", "schema": schema} for each, schema in operation.query.items()]
    body = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    answer: dict[str, Any] = {"oneOf": [{"type": "object"}, {"type": "object", "properties": {}}]}
    schema = answer if operation.wrapped else {"type": "object"}
    return {
        "operationId": name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*in_path, *in_query],
        **({"requestBody": body} if operation.body else {}),
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
    }
