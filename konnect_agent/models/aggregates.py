"""What the server has counted itself (fact sheet 2.2; Kong: analytics-metrics v2), and what it can count.

A row is a group in one bucket of time: `{timestamp, event: {<dimension>: <value>, <metric>: number}}`. Ids
are pairs, as in request logs. Groups beyond the limit are folded into `____OTHER____` (documented); a group
without a value, such as the requests of nobody, is called `empty` (inferred, with other words for nothing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

OTHER = "____OTHER____"


class Aggregate(BaseModel):
    """Metrics of what has these `values`, by dimension; None stands for no value. `start` is its bucket's."""

    model_config = ConfigDict(frozen=True)

    start: datetime | None = None
    values: Mapping[str, str | None] = {}
    figures: Mapping[str, float] = {}

    @property
    def count(self) -> int:
        """How many requests these are."""
        return round(self.figures.get("request_count", 0))

    @property
    def is_rest(self) -> bool:
        """Whether these are the groups beyond the limit, together."""
        return OTHER in self.values.values()


class Aggregates(BaseModel):
    """The answer to one query: its groups, the time they are of, and the names of ids by dimension.

    `truncated` says that groups are missing; those beyond the limit are not, they are one group.
    """

    model_config = ConfigDict(frozen=True)

    groups: tuple[Aggregate, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    names: Mapping[str, Mapping[str, str]] = {}
    truncated: bool = False

    def sum(self) -> int:
        """How many requests all groups are."""
        return sum(group.count for group in self.groups)


class Datasource(BaseModel):
    """What can be asked of a data source, and the `tool` to ask with, if the server names one."""

    model_config = ConfigDict(frozen=True)

    name: str
    tool: str | None = None
    metrics: Sequence[str] = ()
    dimensions: Sequence[str] = ()
    filterable_fields: Sequence[str] = ()


class TimeSpan(BaseModel):
    """The moments a time range means, and the shortest bucket for it, in seconds."""

    model_config = ConfigDict(frozen=True)

    start: datetime
    end: datetime
    min_granularity_s: float | None = None
