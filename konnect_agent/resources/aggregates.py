"""Answers of the aggregating tools, read (fact sheet 2.2, documented; where things stand is partly inferred).

What is no number in a row is no figure, and a dimension that a row does not have has no value there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from konnect_agent.decoding import Object, as_list, as_object, undecodable
from konnect_agent.envelopes import rows, single, unwrapped
from konnect_agent.models.aggregates import Aggregate, Aggregates, Datasource, TimeSpan
from konnect_agent.models.moment import Moment
from konnect_agent.notes import page

_NOTHING = frozenset(("", "-", "empty", "____empty____", "none", "null"))
_MOMENT: TypeAdapter[datetime | None] = TypeAdapter(Moment)


def read_aggregates(data: Any, *, dimensions: Sequence[str], metrics: Sequence[str]) -> Aggregates:
    """The groups of an answer. Raises `Undecodable` for a row without any of the `metrics`."""
    found = rows(data, ("data", "results", "rows"), like=("event", "timestamp"))
    meta = as_object(found.around.get("meta")) or found.around
    moments = as_object(meta.get("time_range")) or {}
    display = as_object(meta.get("display")) or {}
    return Aggregates(
        groups=tuple(_group(row, dimensions, metrics) for row in found.items),
        start=_moment(moments.get("start")),
        end=_moment(moments.get("end")),
        names={dimension: dict(_names(display.get(dimension))) for dimension in dimensions},
        truncated=page(found, seen=len(found.items)).more or meta.get("truncated") is True,
    )


def read_datasources(data: Any) -> dict[str, Datasource]:
    """The data sources an answer describes, by name. Raises `Undecodable` when it describes none."""
    value = as_object(unwrapped(data, ("config", "datasources"))) or {}
    described = as_object(value.get("datasources")) or value
    found = {name: each for name, each in described.items() if "dimensions" in (as_object(each) or {})}
    if not found:
        raise undecodable("expected data sources", data)
    return {
        name: Datasource(
            name=name,
            tool=each.get("tool") if isinstance(each.get("tool"), str) else None,
            metrics=_texts(each.get("metrics")),
            dimensions=_texts(each.get("dimensions")),
            filterable_fields=_texts(each.get("filterable_fields")),
        )
        for name, each in found.items()
    }


def read_time_span(data: Any) -> TimeSpan:
    """The moments of an answer. Raises `Undecodable` when it does not say both."""
    found = single(data, ("time_range",), like=("start", "end")) or {}
    start, end = _moment(found.get("start")), _moment(found.get("end"))
    if start is None or end is None:
        raise undecodable("expected the start and the end of a time range", data)
    shortest = found.get("min_granularity_ms")
    is_known = isinstance(shortest, (int, float))
    return TimeSpan(start=start, end=end, min_granularity_s=shortest / 1000 if is_known else None)


def _group(row: Object, dimensions: Sequence[str], metrics: Sequence[str]) -> Aggregate:
    event = as_object(row.get("event")) or row
    figures = {name: event[name] for name in metrics if isinstance(event.get(name), (int, float))}
    if not figures:
        raise undecodable(f"expected {' or '.join(metrics)} in a row of aggregates", row)
    values = {name: None if event.get(name) is None else str(event[name]) for name in dimensions}
    return Aggregate(
        start=_moment(row.get("timestamp")),
        values={
            name: None if value is None or value.rpartition(":")[2].lower() in _NOTHING else value
            for name, value in values.items()
        },
        figures=figures,
    )


def _names(display: Any) -> Iterator[tuple[str, str]]:
    for value, told in (as_object(display) or {}).items():
        name = (as_object(told) or {}).get("name")
        if isinstance(name, str) and name:
            yield value, name


def _texts(value: Any) -> tuple[str, ...]:
    """The names in a list of them, of objects that have one, or of a map by name."""
    entries = as_list(value)
    if entries is None:
        return tuple(as_object(value) or ())
    named = [(as_object(entry) or {"name": entry}).get("name") for entry in entries]
    return tuple(name for name in named if isinstance(name, str))


def _moment(value: Any) -> datetime | None:
    try:
        return _MOMENT.validate_python(value)
    except ValidationError:
        return None
