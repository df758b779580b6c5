"""What an answer says beside its entities: where a list goes on, or that it was cut; a text under some key.

Paging stands in the objects around a list, or in a `meta`-like part of one. Kong's own lists have a token
(`offset`), a link (`next`), or a page and a total (fact sheet 1.3, documented). For the classic tools nothing
is documented, so the ways others write it are read too, in any spelling (inferred):
1. What follows: a token, an offset, the number of a page, or a link that holds one of them.
2. That more follows: a flag, a total above what was seen, a page before the last, an error, words.
A plain "no more" outweighs a token: some servers hand one out with the last part as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from konnect_agent.decoding import DEPTH, Object, as_list, as_object, is_hollow, opened
from konnect_agent.envelopes import ENVELOPES, Rows
from konnect_agent.prose import says_cut, says_trouble
from konnect_agent.spelling import flat

_HOLDERS = ("meta", "metadata", "page", "pagination", "paging", "pageinfo", "links", "responsemetadata")
_ONWARD = (
    "nextcursor", "nextpagetoken", "nexttoken", "nextmarker", "continuationtoken", "next", "nextpage",
    "nextoffset", "cursor", "endcursor", "offset",
)  # fmt: skip
_TOKEN, _OFFSET, _NUMBER = ("token",), ("offset",), ("number",)
_KINDS = {
    "": (*_OFFSET, *_NUMBER), "cursor": _TOKEN, "pagetoken": _TOKEN, "token": _TOKEN, "marker": _TOKEN,
    "continuationtoken": _TOKEN, "endcursor": _TOKEN, "after": _TOKEN, "pageafter": _TOKEN, "offset": _OFFSET,
    "skip": _OFFSET, "page": _NUMBER, "pagenumber": _NUMBER, "number": _NUMBER, "href": (), "url": (),
    "link": (),
}  # fmt: skip
_SIZES = ("size", "pagesize", "perpage", "limit", "itemsperpage")
_NUMBERS = ("page", "pagenumber", "currentpage", "number")
_PAGES = ("totalpages", "pagecount", "lastpage", "numpages", "pages")
_TOTALS = (
    "total", "totalcount", "totalitems", "totalresults", "totalrecords", "totalelements", "totalrequests",
    "totalentries",
)  # fmt: skip
_FLAGS = ("hasmore", "hasnext", "hasnextpage", "hasmorepages", "more")
_CUTS = (
    "truncated",
    "istruncated",
    "partial",
    "ispartial",
    "incomplete",
    "isincomplete",
    "incompleteresults",
)
_ERRORS, _SUCCESS = ("error", "errors"), ("success", "ok")
_WARNINGS, _REMARKS = ("warning", "warnings"), ("message", "note", "notes")
_FLAG = {"true": True, "false": False}
_LONGEST_COUNT = 12
_MOST_LEVELS = 32


@dataclass(frozen=True, slots=True)
class Page:
    """Whether a list goes on, and how: `token` is opaque, `offset` counts entities, `number` pages."""

    more: bool = False
    token: str | None = None
    offset: int | None = None
    number: int | None = None


def page(found: Rows, *, seen: int, sizes: Collection[int] = ()) -> Page:
    """What stands around a list about the rest of it; `seen` entities have been read so far.

    `sizes` are the lengths of a full page: where nothing else is said of the rest, one that is full may have
    a next one. A page that says its number and its size is full then, too.
    """
    count = len(found.items)
    if not any(found.envelopes):
        return Page(more=count in sizes and count > 0)
    notes = _Notes(found.envelopes)
    flags, cuts = notes.flags(_FLAGS), notes.flags(_CUTS)
    totals, pages, current = (notes.counts(names) for names in (_TOTALS, _PAGES, _NUMBERS))
    following = notes.following() if True in flags or False not in flags else Page()
    short = any(total > seen for total in (*totals, *notes.counts(("count",))))
    if pages and not totals:
        short = short or max((1, *current[:1])) < pages[0]
    more = following.more or short or True in (*flags, *cuts) or notes.doubtful()
    ended = any(value is None or value == "" for value in notes.under(_ONWARD))
    if count and not (more or flags or cuts or totals or pages or ended):
        more = count in (*sizes, *(notes.counts(_SIZES) if current else ()))
    if more and current and following.number is None:
        following = replace(following, number=current[0] + 1)
    return replace(following, more=more)


def texts(data: Any, keys: Sequence[str]) -> Iterator[str]:
    """Every text under one of `keys`, at any level of wrapping, the first key first; bare text is itself."""
    value = opened(data)
    if isinstance(value, str):
        yield from filter(None, [value.strip().strip('"')])
        return
    levels = list(_levels(value))
    for key in keys:
        for level in levels:
            entry = level.get(key)
            if isinstance(entry, str) and entry.strip():
                yield entry.strip()


class _Notes:
    """What stands around a list, every key in one spelling."""

    def __init__(self, envelopes: Iterable[Object]) -> None:
        self._noted: dict[str, list[Any]] = {}
        for envelope in envelopes:
            self._note(envelope, DEPTH)

    def _note(self, level: Object, depth: int) -> None:
        for key, value in level.items():
            name, inner = flat(key), as_object(value)
            if name == "links" and inner is None:  # a list of links, each of which says where it leads
                inner = {str(link.get("rel")): link for link in map(as_object, as_list(value) or ()) if link}
            if name in _HOLDERS and inner is not None and depth:
                self._note(inner, depth - 1)
            else:
                self._noted.setdefault(name, []).append(value)

    def under(self, names: Iterable[str]) -> list[Any]:
        """The values under any of `names`, in the order of the names."""
        return [value for name in names for value in self._noted.get(name, ())]

    def counts(self, names: Iterable[str]) -> list[int]:
        """The whole numbers under any of `names`."""
        return [count for count in map(_count, self.under(names)) if count is not None]

    def flags(self, names: Iterable[str]) -> list[bool]:
        """The flags under any of `names`."""
        said = (str(value).lower() for value in self.under(names) if isinstance(value, (bool, str)))
        return [_FLAG[word] for word in said if word in _FLAG]

    def following(self) -> Page:
        """What follows, by the first note that says where, else by any that says that something does."""
        notes = ((name, value) for name in _ONWARD for value in self._noted.get(name, ()))
        # A plain `offset` that is a number is where this part began.
        forward = ((name, value) for name, value in notes if name != "offset" or _count(value) is None)
        said = [each for name, value in forward if (each := _position(name.removeprefix("next"), value)).more]
        return next((each for each in said if each != Page(more=True)), said[0] if said else Page())

    def doubtful(self) -> bool:
        """Whether an error, or words, beside the list say that it is not all there is."""
        failed = (
            value for value in self.under(_ERRORS) if value is True or not isinstance(value, (int, float))
        )
        if any(failed) or False in self.flags(_SUCCESS):
            return True
        warnings, remarks = (list(_texts_in(self.under(names))) for names in (_WARNINGS, _REMARKS))
        return any(map(says_trouble, warnings)) or any(map(says_cut, (*warnings, *remarks)))


def _position(name: str, value: Any, *, depth: int = 2) -> Page:
    """What follows, as a note tells it; `name` is what it tells of the next part, empty for a bare `next`.

    An object may hold a link, and a link what to ask for.
    """
    item, count, kinds = as_object(value), _count(value), _KINDS[name]
    is_link = isinstance(value, str) and _is_link(value)
    if depth and (item is not None or is_link):
        inside = (item or {}).items() if not is_link else parse_qsl(value.partition("?")[2])
        told = (_position(flat(key), each, depth=depth - 1) for key, each in inside if flat(key) in _KINDS)
        return next((each for each in told if each.more), Page(more=is_link or not is_hollow(item)))
    if is_link:
        return Page(more=True)
    if isinstance(value, str) and value.strip() and (count is None or kinds == _TOKEN):
        return Page(more=True, token=value.strip())
    if not count:  # null, nought, or a flag
        return Page(more=value is True)
    if kinds == _TOKEN:
        return Page(more=True, token=str(count))
    return Page(True, None, count if "offset" in kinds else None, count if "number" in kinds else None)


def _is_link(text: str) -> bool:
    """Whether `text` is a link: it says that there is more, and may hold the words to ask for it."""
    return "://" in text or ("?" in text and text.startswith(("/", "?")))


def _count(value: Any) -> int | None:
    """A whole number, also one written as text."""
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() and len(value) <= _LONGEST_COUNT else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _texts_in(values: Iterable[Any]) -> Iterator[str]:
    """The texts among values that are texts, objects with a message, or lists of such."""
    for value in values:
        for entry in as_list(value) or [value]:
            text = (as_object(entry) or {"message": entry}).get("message")
            if isinstance(text, str):
                yield text


def _levels(data: Any) -> Iterator[Object]:
    """The object itself, then the objects its envelope holds."""
    queue: list[Any] = [data]
    for level in queue:  # grows while it is read
        entries = as_list(level)
        item = as_object(entries[0] if entries and len(entries) == 1 else level)
        if item is not None:
            yield item
            queue.extend(opened(item[key]) for key in ENVELOPES if key in item)
        if len(queue) > _MOST_LEVELS:
            return
