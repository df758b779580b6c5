"""One place where time goes, out of one entry of a summary, and its share of the whole.

An entry needs a name, and a figure or a server that calls it a bottleneck. Spans of single traces come
without a statistic: those of one name are added up.
A share is computed only from a figure that the span and the whole both have, and never when it would be more
than the whole: means and medians compare only between spans that as many requests have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from konnect_agent.redaction import scrub
from patterns.claims import score_in, severity_in, shares_in
from patterns.figures import Entry, as_entry, durations_in, folded, name_in
from patterns.workflow import Frozen

_THIRD_PARTIES = "third-party I/O"
_KINDS = (
    (r"kong\.[a-z_]+\.plugin\.|^plugin", "plugin"),
    (r"kong\.io\.|redis|3p", _THIRD_PARTIES),
    (r"kong\.dns|\bdns\b", "dns"),
    (r"tls|handshake", "tls"),
    (r"upstream|find_upstream|balanc", "upstream"),
    (r"client", "client"),
    (r"kong\.router|\brouter\b", "router"),
    (r"kong\.phase\.|^phase", "phase"),
    (r"datakit", "datakit"),
)  # fmt: skip
_LONGEST_KIND = 60


class Bottleneck(Frozen):
    """One place where time goes. `share` is its part of the request's time, 0 to 1; durations are ms.

    `duration_ms` is a duration that the server does not say the statistic of. `severity` and `score` are its
    own words.
    """

    name: str
    kind: str
    share: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    mean_ms: float | None = None
    total_ms: float | None = None
    duration_ms: float | None = None
    severity: str | None = None
    score: float | None = None
    count: int | None = None
    plugin_id: str | None = None

    def part_of(self, whole: Bottleneck) -> float | None:
        """Its share of `whole`, None when that cannot be told."""
        ours, all_ = _total(self), _total(whole)
        if ours is None or not all_:
            if self.count != whole.count:
                return None
            pairs = (
                (getattr(self, name), getattr(whole, name)) for name in ("mean_ms", "p50_ms", "duration_ms")
            )
            ours, all_ = next(((a, b) for a, b in pairs if a is not None and b), (None, None))
        if ours is None or not all_ or ours > all_:
            return None
        return round(ours / all_, 4)


def read_entries(
    entries: Sequence[Entry], unit: float | None, *, within: str = "", are_given: bool = False
) -> list[Bottleneck]:
    """The entries that are bottlenecks or spans. `are_given`: the server calls them so, and names suffice.

    `unit` is that of durations which name none, in milliseconds, `within` the key they stand under.
    """
    found: list[Bottleneck] = []
    for entry, share in zip(entries, shares_in(entries), strict=True):
        name, figures = name_in(entry), durations_in(entry, unit)
        if name is None or not (figures or share is not None or are_given):
            continue
        fields = {folded(key): value for key, value in entry.items()}
        known = {key: value for key, value in figures.items() if key in Bottleneck.model_fields}
        found.append(
            Bottleneck(
                name=name[0],
                kind=_kind(fields, *name, within),
                share=share,
                severity=severity_in(entry),
                score=score_in(entry),
                count=_count(fields),
                plugin_id=_plugin_id(fields),
                **known,
            )
        )
    return found


def once(spans: Iterable[Bottleneck]) -> list[Bottleneck]:
    """Every span once: the first of a name, or the sum of those that are single runs of it."""
    named: dict[str, list[Bottleneck]] = {}
    for span in spans:
        named.setdefault(span.name, []).append(span)
    return [_summed(alike) for alike in named.values()]


def completed(span: Bottleneck, others: Iterable[Bottleneck]) -> Bottleneck:
    """A bottleneck with what else is told of it: the figures of the one among `others` that is the same."""
    alike = [other for other in others if is_same(span, other)]
    alike = [other for other in alike if other.name.lower() == span.name.lower()] or alike
    if len(alike) != 1:
        return span
    more = {name: value for name, value in alike[0] if getattr(span, name) is None}
    return span.model_copy(update={**more, "kind": alike[0].kind if span.kind == "other" else span.kind})


def is_same(span: Bottleneck, other: Bottleneck) -> bool:
    """Whether two are about one place: of one name, or a plugin and its span, `kong.access.plugin.acl`."""
    name, called = span.name.lower(), other.name.lower()
    return name == called or called.endswith(f".plugin.{name}") or name.endswith(f".plugin.{called}")


def _summed(alike: Sequence[Bottleneck]) -> Bottleneck:
    runs = [span.duration_ms for span in alike if span.duration_ms is not None and _middle(span) is None]
    if len(runs) < max(len(alike), 2):
        return alike[0]
    total = round(sum(runs), 6)
    sums = {
        "count": len(runs),
        "total_ms": total,
        "mean_ms": round(total / len(runs), 6),
        "duration_ms": None,
    }
    return alike[0].model_copy(update=sums)


def _middle(span: Bottleneck) -> float | None:
    return next((v for v in (span.total_ms, span.mean_ms, span.p50_ms, span.p95_ms) if v is not None), None)


def _total(span: Bottleneck) -> float | None:
    if span.total_ms is None and span.mean_ms is not None and span.count is not None:
        return span.mean_ms * span.count
    return span.total_ms


def _kind(fields: Mapping[str, Any], name: str, named_by: str, within: str) -> str:
    given = next(
        (fields[key] for key in ("kind", "type", "category") if isinstance(fields.get(key), str)), ""
    )
    if given:
        return _THIRD_PARTIES if folded(given) == "3p" else scrub(given[:_LONGEST_KIND])
    if (named_by.startswith("plugin") or "plugin" in within) and not name.lower().startswith("kong."):
        return "plugin"
    kinds = (kind for pattern, kind in _KINDS if re.search(pattern, name.lower()))
    return next(kinds, "phase" if "phase" in within else "other")


def _count(fields: Mapping[str, Any]) -> int | None:
    counts = (fields.get(key) for key in ("count", "samples", "samplecount", "calls", "occurrences"))
    return next((n for n in counts if isinstance(n, int) and not isinstance(n, bool) and n >= 0), None)


def _plugin_id(fields: Mapping[str, Any]) -> str | None:
    ids = (
        fields.get("pluginid"),
        fields.get("proxykongpluginid"),
        (as_entry(fields.get("plugin")) or {}).get("id"),
    )
    return next((scrub(found[:100]) for found in ids if isinstance(found, str) and found), None)
