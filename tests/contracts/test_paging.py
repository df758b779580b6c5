"""Lists in parts: followed where there is a way to ask, else marked as cut, and always with an end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from mcp_types import CallToolResult

from konnect_agent import Forbidden, Konnect
from konnect_agent.decoding import Listing
from konnect_agent.models import Service

from ..handmade import TOKEN, Arguments, Serve, as_json, refused

pytestmark = pytest.mark.anyio

CP = "3f1c0a52-9d44-4c1e-8a6b-0d2f5b7c9e10"
INTEGER, STRING = {"type": "integer"}, {"type": "string"}
ALL = [f"s-{n}" for n in range(7)]


def schema(**parameters: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"operation": STRING, "control_plane_id": STRING, **parameters}}


def part(start: int, size: int = 3) -> list[dict[str, Any]]:
    return [{"id": each} for each in ALL[start : start + size]]


async def listed(
    serve: Serve, answer: Callable[[Arguments], Any], **parameters: Any
) -> tuple[Listing[Service], list[Mapping[str, Any]]]:
    """The services of a server with those paging parameters, and what it was asked beside the usual."""

    def result(arguments: Arguments) -> CallToolResult:
        value = answer(arguments)
        return value if isinstance(value, CallToolResult) else as_json(value)

    server = serve({"GetService": result}, schemas={"GetService": schema(**parameters)})
    async with Konnect(TOKEN, url=server.url) as konnect:
        found = await konnect.services.list(CP)
    usual = ("operation", "control_plane_id")
    return found, [{k: v for k, v in asked.items() if k not in usual} for _, asked in server.calls]


def by_token(key: str, parameter: str) -> Callable[[Arguments], Any]:
    def answer(arguments: Arguments) -> Any:
        start = int(str(arguments.get(parameter, "at-0")).removeprefix("at-"))
        return {"services": part(start), **({key: f"at-{start + 3}"} if start + 3 < len(ALL) else {})}

    return answer


@pytest.mark.parametrize(
    ("key", "parameter"),
    [
        ("next_cursor", "cursor"),
        ("nextPageToken", "pageToken"),
        ("next_page_token", "page_token"),
        ("continuation_token", "continuationToken"),
        ("offset", "offset"),
        ("next", "page[after]"),
    ],
)
async def test_a_token_is_sent_back_until_there_is_none(serve: Serve, key: str, parameter: str) -> None:
    found, asked = await listed(serve, by_token(key, parameter), **{parameter: STRING})
    assert [service.id for service in found] == ALL
    assert found.complete
    assert asked == [{}, {parameter: "at-3"}, {parameter: "at-6"}]


async def test_a_token_inside_a_link_is_found(serve: Serve) -> None:
    def answer(arguments: Arguments) -> Any:
        start = int(arguments.get("page[after]", "0"))
        link = f"https://eu.api.konghq.com/v2/x?page%5Bafter%5D={start + 3}&page%5Bsize%5D=3"
        return {"data": part(start), "meta": {"page": {"next": link if start + 3 < len(ALL) else None}}}

    found, asked = await listed(serve, answer, **{"page[after]": STRING, "page[size]": INTEGER})
    assert ([service.id for service in found], found.complete) == (ALL, True)
    assert asked == [{}, {"page[after]": "3"}, {"page[after]": "6"}]


Beside = Callable[[int | None], dict[str, Any]]
OFFSETS: list[Beside] = [
    lambda at: {"next_offset": at},
    lambda at: {"next": at},
    lambda at: {"has_more": at is not None},
    lambda at: {"total": len(ALL)},
    lambda at: {"links": {"next": at and f"/services?offset={at}"}},
    lambda at: {"links": {"next": at and f"?offset={at}"}},
]
PAGES: list[Beside] = [
    lambda number: {"page": number, "total_pages": 3},
    lambda number: {"pagination": {"currentPage": str(number), "totalPages": "3"}},
    lambda number: {"meta": {"page": {"number": number, "size": 3, "total": 7}}},
    lambda number: {"next_page": {1: 2, 2: "3"}.get(number or 0)},
    lambda number: {"links": {"next": {1: "/services?page=2", 2: "/services?page=3"}.get(number or 0)}},
]


@pytest.mark.parametrize("beside", OFFSETS)
@pytest.mark.parametrize("parameter", ["offset", "skip", "startIndex"])
async def test_an_offset_is_counted_on(serve: Serve, beside: Beside, parameter: str) -> None:
    def answer(arguments: Arguments) -> Any:
        start = arguments.get(parameter, 0)
        return {"services": part(start), **beside(start + 3 if start + 3 < len(ALL) else None)}

    found, asked = await listed(serve, answer, **{parameter: INTEGER})
    assert ([service.id for service in found], found.complete) == (ALL, True)
    assert asked == [{}, {parameter: 3}, {parameter: 6}]


@pytest.mark.parametrize("beside", PAGES)
@pytest.mark.parametrize("parameter", ["page", "pageNumber", "page[number]"])
async def test_pages_are_counted_on(serve: Serve, beside: Beside, parameter: str) -> None:
    def answer(arguments: Arguments) -> Any:
        number = arguments.get(parameter, 1)
        return {"services": part(3 * (number - 1)), **beside(number)}

    found, asked = await listed(serve, answer, **{parameter: INTEGER})
    assert ([service.id for service in found], found.complete) == (ALL, True)
    assert asked == [{}, {parameter: 2}, {parameter: 3}]


@pytest.mark.parametrize("first", [0, 1])
async def test_where_pages_begin_is_in_the_schema_or_not_guessed(serve: Serve, first: int) -> None:
    def answer(arguments: Arguments) -> Any:
        number = arguments.get("page", first)
        return {"services": part(3 * (number - first)), "has_more": number - first < 2}

    found, _ = await listed(serve, answer, page={**INTEGER, "default": first})
    assert ([service.id for service in found], found.complete) == (ALL, True)
    found, asked = await listed(serve, answer, page=INTEGER)
    assert (len(found), found.complete, asked) == (3, False, [{}])


@pytest.mark.parametrize(
    "beside",
    [
        {"next_page_token": "t2"},
        {"next": 3},
        {"has_next": True},
        {"pageInfo": {"hasNextPage": True, "endCursor": "x"}},
        {"is_truncated": True},
        {"partial": True},
        {"links": {"next": "/services?page=2"}},
        {"meta": {"page": {"total": "250"}}},
        {"page": 1, "total_pages": 5},
    ],
)
async def test_without_a_way_to_ask_the_list_is_marked_as_cut(serve: Serve, beside: dict[str, Any]) -> None:
    found, asked = await listed(serve, lambda _: {"services": part(0), **beside})
    assert (len(found), found.complete, asked) == (3, False, [{}])


@pytest.mark.parametrize(
    "beside",
    [{"next": None}, {"offset": 0, "limit": 100}, {"meta": {"page": {"total": 3}}}, {"has_next": False}],
)
async def test_a_list_that_says_that_it_is_whole_is_asked_for_once(
    serve: Serve, beside: dict[str, Any]
) -> None:
    found, asked = await listed(
        serve, lambda _: {"services": part(0), **beside}, offset=INTEGER, cursor=STRING, page=INTEGER
    )
    assert (len(found), found.complete, asked) == (3, True, [{}])


@pytest.mark.parametrize(
    ("beside", "parameters"),
    [
        ({"total": 250}, {"offset": INTEGER}),
        ({"has_more": True}, {"offset": INTEGER}),
        ({"page": 1, "total_pages": 5}, {"page": INTEGER}),
        ({"next_cursor": "same"}, {"cursor": STRING}),
    ],
)
async def test_a_server_that_does_not_look_at_the_parameter_repeats_nothing(
    serve: Serve, beside: dict[str, Any], parameters: dict[str, Any]
) -> None:
    found, asked = await listed(serve, lambda _: {"services": part(0), **beside}, **parameters)
    assert ([service.id for service in found], found.complete) == (ALL[:3], False)
    assert len(asked) == 2


async def test_a_way_to_ask_that_is_refused_costs_nothing_that_was_seen(serve: Serve) -> None:
    def answer(arguments: Arguments) -> Any:
        return refused("offset: invalid") if "offset" in arguments else {"services": part(0), "total": 7}

    found, asked = await listed(serve, answer, offset=INTEGER)
    assert ([service.id for service in found], found.complete, len(asked)) == (ALL[:3], False, 2)
    found, asked = await listed(serve, answer, offset={**INTEGER, "maximum": 2})
    assert (len(found), found.complete, len(asked)) == (3, False, 1)


@pytest.mark.parametrize("parameter", ["starting_after", "startingAfter", "after_id"])
async def test_what_starts_after_an_entity_is_given_the_last_ones_id(serve: Serve, parameter: str) -> None:
    def answer(arguments: Arguments) -> Any:
        start = ALL.index(arguments[parameter]) + 1 if parameter in arguments else 0
        return {"services": part(start), "has_more": start + 3 < len(ALL)}

    found, asked = await listed(serve, answer, **{parameter: STRING})
    assert ([service.id for service in found], found.complete) == (ALL, True)
    assert asked == [{}, {parameter: "s-2"}, {parameter: "s-5"}]


@pytest.mark.parametrize("says", ["starting_after: invalid", "No such cursor: not found"])
async def test_an_id_that_is_no_cursor_costs_nothing_that_was_seen(serve: Serve, says: str) -> None:
    def answer(arguments: Arguments) -> Any:
        return refused(says) if "starting_after" in arguments else {"services": part(0), "has_more": True}

    found, asked = await listed(serve, answer, starting_after=STRING)
    assert ([service.id for service in found], found.complete, len(asked)) == (ALL[:3], False, 2)


async def test_a_token_in_a_link_without_a_path_is_found(serve: Serve) -> None:
    def answer(arguments: Arguments) -> Any:
        start = int(arguments.get("cursor", "0"))
        onward = f"?cursor={start + 3}" if start + 3 < len(ALL) else None
        return {"result": {"data": part(start), "links": {"next": onward}}}

    found, asked = await listed(serve, answer, cursor=STRING)
    assert ([service.id for service in found], found.complete) == (ALL, True)
    assert asked == [{}, {"cursor": "3"}, {"cursor": "6"}]


async def test_a_part_that_cannot_be_seen_is_an_error(serve: Serve) -> None:
    def answer(arguments: Arguments) -> Any:
        return refused("permission denied") if arguments.get("cursor") else {"services": part(0), "next": "c"}

    with pytest.raises(Forbidden):
        await listed(serve, answer, cursor=STRING)


async def test_tokens_that_never_end_do(serve: Serve) -> None:
    served: list[int] = []

    def answer(_: Arguments) -> Any:
        served.append(len(served))
        return {"services": part(0), "next_cursor": f"c-{len(served)}"}

    found, _ = await listed(serve, answer, cursor=STRING)
    assert (len(found), found.complete, len(served)) == (3, False, 2)


async def test_parts_that_overlap_are_put_together_without_repetition(serve: Serve) -> None:
    def answer(arguments: Arguments) -> Any:
        start = arguments.get("offset", 0)
        return {"services": part(max(0, start - 1), 4), "has_more": start + 3 < len(ALL)}

    found, _ = await listed(serve, answer, offset=INTEGER)
    assert ([service.id for service in found], found.complete) == (ALL, True)


async def test_an_empty_part_with_a_token_is_not_the_end(serve: Serve) -> None:
    parts: dict[str | None, tuple[list[dict[str, Any]], str | None]] = {
        None: ([], "a"), "a": (part(0), "b"), "b": ([], "c"), "c": (part(3, 4), None),
    }  # fmt: skip

    def answer(arguments: Arguments) -> Any:
        items, token = parts[arguments.get("cursor")]
        return {"services": items, "next_cursor": token}

    found, _ = await listed(serve, answer, cursor=STRING)
    assert ([service.id for service in found], found.complete) == (ALL, True)


async def test_a_list_just_as_long_as_the_default_may_go_on(serve: Serve) -> None:
    size = {**INTEGER, "default": 3, "maximum": 1000}

    def answer(arguments: Arguments) -> Any:
        return part(arguments.get("offset", 0))

    found, asked = await listed(serve, answer, size=size)
    assert (len(found), found.complete, len(asked)) == (3, False, 1)
    found, asked = await listed(serve, answer, size=size, offset=INTEGER)
    assert ([service.id for service in found], found.complete, len(asked)) == (ALL, True, 3)
    found, asked = await listed(serve, lambda _: part(0, 2), size=size)
    assert (len(found), found.complete, len(asked)) == (2, True, 1)


@pytest.mark.parametrize("size", ["size", "page_size", "perPage"])
async def test_a_page_as_long_as_it_says_that_pages_are_is_followed_by_the_next(
    serve: Serve, size: str
) -> None:
    def answer(arguments: Arguments) -> Any:
        number = arguments.get("page", 1)
        return {"services": part(3 * number - 3), "meta": {"page": {"number": number, size: 3}}}

    found, asked = await listed(serve, answer, page=INTEGER)
    assert ([service.id for service in found], found.complete) == (ALL, True)
    assert asked == [{}, {"page": 2}, {"page": 3}]
    found, asked = await listed(serve, answer)
    assert (len(found), found.complete, len(asked)) == (3, False, 1)
