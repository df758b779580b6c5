"""One request to a target and its answer, or one error of the tree; nothing is tried twice.

Redirects are not followed: they could take the token to another origin. An answer has a size it must not
exceed. The errors' `sent` and classes tell whether a request that failed may have been carried out.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import anyio

from konnect_agent.applying.target import Target
from konnect_agent.errors import (
    ConnectionFailed,
    HttpError,
    KonnectError,
    NotFound,
    ServerError,
    TimedOut,
    Undecodable,
)
from konnect_agent.redaction import MASK

if TYPE_CHECKING:
    import httpx2

_TIMEOUT, _LONGEST = 30.0, 60.0
_CAP = 16 * 1024 * 1024
_PAGE = 1000
_CONFLICT = (
    "Somebody else made it meanwhile, or under another name: look at what there is, then run it again."
)
_NOT_THERE = "Check the control plane's id and the region, or the Admin API's URL."

Object = Mapping[str, Any]


class Exchange:
    """Requests to one target."""

    def __init__(self, client: httpx2.AsyncClient, target: Target) -> None:
        self._client, self._target = client, target

    async def get(self, path: str) -> Object | None:
        """An entity, None if there is none."""
        try:
            return _object(await self._ask("GET", path), path)
        except NotFound:
            return None

    async def list(self, path: str) -> list[Object]:
        """All entities of a collection, page by page."""
        found: list[Object] = []
        query: dict[str, str | int] = {"size": _PAGE}
        while True:
            page = _object(await self._ask("GET", path, query=query), path)
            data: object = page.get("data")
            if not isinstance(data, Sequence) or isinstance(data, str):
                raise Undecodable("A list without data", path=path)
            found += [_object(each, path) for each in cast("Sequence[object]", data)]
            offset = page.get("offset")
            if not offset:
                return found
            if offset == query.get("offset"):
                raise Undecodable("A page that leads to itself", path=path)
            query = {"size": _PAGE, "offset": str(offset)}

    async def send(self, method: str, path: str, body: Object) -> Object:
        """Create or replace an entity; it comes back as it is now."""
        return _object(await self._ask(method, path, body=body), path)

    async def delete(self, path: str) -> None:
        """Delete an entity. Raises `NotFound` if there is none."""
        await self._ask("DELETE", path)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Object | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> object:
        from konnect_agent.bodies import whole
        from konnect_agent.outages import BROKEN, broken, redirected

        url = f"{self._target.base}/{path}"
        headers = {**self._target.headers, "Accept": "application/json"}
        request = self._client.build_request(method, url, params=query, json=body, headers=headers)
        try:
            with anyio.fail_after(_LONGEST):
                response = await self._client.send(request, stream=True, follow_redirects=False)
                try:
                    content = await whole(response, _CAP)
                finally:
                    await response.aclose()
            if response.is_redirect:
                raise redirected(response)
            return self._read(response.status_code, content)
        except KonnectError as error:
            failure = error
        except TimeoutError:
            failure = TimedOut(f"No complete answer within {_LONGEST:.0f} s.", limit="call")
        except BROKEN as error:
            failure = broken(error, request)
        failure.operation = failure.operation or f"{method} {path}"
        failure.endpoint = self._target.base
        if isinstance(failure, ConnectionFailed):
            failure.hint = f"Check that the {self._target.api} answers at this URL, then run it again."
        raise failure

    def _read(self, status: int, content: bytes) -> object:
        for secret in self._target.headers.values():  # an answer may quote what it was sent
            content = content.replace(secret.removeprefix("Bearer ").encode(), MASK.encode())
        if status >= 400:
            raise self._refused(status, content)
        if not content.strip():
            return None
        try:
            return json.loads(content)
        except ValueError:
            excerpt = content[:200].decode("utf-8", "replace")
            raise Undecodable("An answer that is no JSON", excerpt=excerpt) from None

    def _refused(self, status: int, content: bytes) -> KonnectError:
        from konnect_agent.refusals import http_error

        hints = {401: self._target.denied, 403: self._target.denied, 404: _NOT_THERE, 409: _CONFLICT}
        context: dict[str, Any] = {"hint": hint} if (hint := hints.get(status)) else {}
        return http_error(status, content, **context)


@asynccontextmanager
async def exchanging(target: Target) -> AsyncGenerator[Exchange]:
    """Requests to a target during the block."""
    import httpx2

    from konnect_agent.logs import redact_logs

    async with httpx2.AsyncClient(timeout=_TIMEOUT, verify=httpx2.create_ssl_context()) as client:
        redact_logs()
        yield Exchange(client, target)


def may_have_happened(error: BaseException) -> bool:
    """Whether a request that failed like this may have been carried out all the same."""
    if isinstance(error, ConnectionFailed):
        return error.sent
    return (
        not isinstance(error, KonnectError)
        or isinstance(error, (ServerError, Undecodable))
        or (isinstance(error, HttpError) and error.status < 400)
    )


def _object(value: object, path: str) -> Object:
    if not isinstance(value, Mapping):
        raise Undecodable("An answer that is no entity", path=path)
    return cast("Object", value)
