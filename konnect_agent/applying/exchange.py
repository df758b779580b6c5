"""One request to a target and its answer, or one error of the tree; nothing is tried twice here.

Redirects are not followed: they could take the token to another origin. An answer has a size it must not
exceed, and is read as it came: what is masked is what an error quotes, never configuration that is going to
be sent back. Nothing is there if the API says so in its own words; any other 404 is somebody else's. The
errors' `sent` and classes tell whether a request that failed may have been carried out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from konnect_agent.applying.refusing import parsed, refused, without_secrets
from konnect_agent.applying.target import Target
from konnect_agent.decoding import as_list, as_object, undecodable
from konnect_agent.errors import (
    ConnectionFailed,
    HttpError,
    KonnectError,
    NotFound,
    ServerError,
    TimedOut,
    Undecodable,
)

if TYPE_CHECKING:
    import httpx2

_TIMEOUT, _LONGEST = 30.0, 60.0
_CAP = 16 * 1024 * 1024
_PAGE = 1000

Object = Mapping[str, Any]
Read = TypeVar("Read")


class Exchange:
    """Requests to one target. Every method raises the error of a request that failed."""

    def __init__(self, client: httpx2.AsyncClient, target: Target) -> None:
        self._client, self._target = client, target

    async def check(self) -> None:
        """Make sure that this is an API that keeps services: until then, nobody's 404 means anything."""
        await self._ask("GET", "services", query={"size": 1}, read=_page)

    async def get(self, path: str) -> Object | None:
        """An entity, None if the API says that there is none."""
        try:
            return await self._ask("GET", path, read=_entity)
        except NotFound:
            return None

    async def list(self, path: str) -> list[Object]:
        """All entities of a collection, page by page."""
        found: list[Object] = []
        query: dict[str, str | int] = {"size": _PAGE}
        while True:
            entities, offset = await self._ask("GET", path, query=query, read=_page)
            found += entities
            if not offset:
                return found
            if offset == query.get("offset"):
                raise self._located(Undecodable("A page that leads to itself"), "GET", path)
            query = {"size": _PAGE, "offset": offset}

    async def create(self, path: str, body: Object) -> Object:
        """Create an entity; it comes back as it is now, with the id it was given."""
        return await self._ask("POST", path, body=body, read=_entity)

    async def replace(self, path: str, body: Object) -> Object:
        """Replace an entity; it comes back as it is now. One that is gone would be created."""
        return await self._ask("PUT", path, body=body, read=_entity)

    async def delete(self, path: str) -> None:
        """Delete an entity. That it returns does not say that there was one (documented)."""
        try:
            await self._ask("DELETE", path, read=lambda answer: True)
        except NotFound:
            return

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        read: Callable[[object], Read | None],
        body: Object | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Read:
        """What `read` makes of the answer, None for one that it cannot be."""
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
            if response.status_code >= 400:
                raise refused(self._target, response.status_code, content)
            return self._understood(content, read)
        except KonnectError as error:
            failure = error
        except TimeoutError:
            failure = TimedOut(f"No complete answer within {_LONGEST:.0f} s.", limit="call")
        except BROKEN as error:
            failure = broken(error, request)
        raise self._located(failure, method, path)

    def _understood(self, content: bytes, read: Callable[[object], Read | None]) -> Read:
        answer = parsed(content)
        understood = read(answer)
        if understood is None:
            raise undecodable("An answer of another shape", without_secrets(answer, self._target), "body")
        return understood

    def _located(self, failure: KonnectError, method: str, path: str) -> KonnectError:
        """The failure with what was asked, and where."""
        failure.operation, failure.endpoint = f"{method} {path}", self._target.base
        if isinstance(failure, ConnectionFailed):
            failure.hint = f"Check that the {self._target.api} answers at this URL, then run it again."
        elif isinstance(failure, Undecodable):
            failure.hint = f"Something else than the {self._target.api} may be answering: check the URL."
        return failure


@asynccontextmanager
async def exchanging(target: Target) -> AsyncGenerator[Exchange]:
    """Requests to a target during the block; those to this machine never go through a proxy."""
    from konnect_agent.http_client import client_to
    from konnect_agent.logs import redact_logs

    async with client_to(target.base, timeout=_TIMEOUT) as client:
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


def _entity(answer: object) -> Object | None:
    """The entity an answer is: what has an id."""
    entity = as_object(answer) or {}
    identity: object = entity.get("id")
    return entity if isinstance(identity, str) and identity else None


def _page(answer: object) -> tuple[list[Object], str | None] | None:
    """The entities of a page, and where the next one begins."""
    page = as_object(answer) or {}
    data = as_list(page.get("data"))
    if data is None:
        return None
    entities = [entity for entity in map(_entity, data) if entity is not None]
    offset: object = page.get("offset")
    return (entities, str(offset) if offset else None) if len(entities) == len(data) else None
