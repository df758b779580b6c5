"""`konnect-agent doctor`: Kong's FAQ as a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from patterns.command import outcome
from patterns.command.delivery import Destination
from patterns.command.options import DataOptions, embedded, refuse_generation
from patterns.command.progress import showing
from patterns.report.document import Cell, Column, Document, Tone, Toned, counted, facts, seconds, table

if TYPE_CHECKING:
    from konnect_agent.diagnosis import Checked, Diagnosis

_DEFAULTS = DataOptions()
EXITS = {"configuration": outcome.USAGE, "permission": outcome.PERMISSION, "connection": outcome.UNREACHABLE}
"""Exit statuses by the family of the first failure."""

_TONES: Mapping[str, Tone] = {"ok": "good", "warning": "warn", "failure": "bad", "skipped": "dim"}
_PLURALS = {"warning": "warnings", "failure": "failures"}


async def doctor(*, options: DataOptions = _DEFAULTS) -> int:
    """Check everything between here and Konnect, and what the token may do there.

    Nothing is created. Every line says what was seen and, where something is wrong, what to do next. The
    first failure decides the exit status: 2 settings, 3 token or permission, 4 connection.
    """
    destination = Destination.of(options)
    with showing(options):
        diagnosis = await _diagnosed(options)
    if options.format == "json":
        from patterns.report.as_json import dump

        destination.write(dump(diagnosis.model_dump(mode="json")))
    else:
        from patterns.report.as_text import write_document

        destination.write(write_document(document_of(diagnosis), destination.medium))
    return EXITS[diagnosis.family] if diagnosis.family else outcome.DONE


async def _diagnosed(options: DataOptions) -> Diagnosis:
    from konnect_agent.diagnosis import diagnose

    if options.sandbox:
        async with embedded(options) as sandbox:
            return await diagnose(sandbox.token, token_from="the sandbox", url=sandbox.url, headers={})
    refuse_generation(options)
    file = "standard input" if options.token_file == "-" else f"the file {options.token_file}"
    token = options.trouble or options.token
    return await diagnose(token, token_from=file, region=options.region, url=options.url)


def document_of(diagnosis: Diagnosis) -> Document:
    """A diagnosis for people: a row per check, and under it what to do next."""
    counts = Counter(each.status for each in diagnosis.checks)
    told = [
        counted(counts[status], status, _PLURALS.get(status, status)) for status in _TONES if counts[status]
    ]
    columns = [Column(""), Column("check", exact=True), Column("what was seen")]
    return Document(
        "Diagnosis",
        diagnosis.status,
        _TONES[diagnosis.status],
        f"{len(diagnosis.checks)} checks: {', '.join(told)}.",
        facts(("endpoint", diagnosis.endpoint), ("took", seconds(diagnosis.duration_s))),
        (table(columns, _rows(diagnosis.checks)),),
    )


def _rows(checks: Sequence[Checked]) -> Iterator[tuple[Cell, ...]]:
    """What is skipped for one reason shares a row, and advice that was given once is referred to."""
    given: dict[str, str] = {}
    for _, alike in groupby(checks, lambda each: each.seen if each.status == "skipped" else each.name):
        first, *more = alike
        tone, name, seen = _TONES[first.status], _title(first), first.seen
        if more:
            name, seen = f"{len(more) + 1} more", f"{seen}: {', '.join(map(_title, (first, *more)))}"
        yield Toned(first.status, tone), name, Toned(seen, "dim" if first.status == "skipped" else "plain")
        if first.advice in given:
            yield "", "", Toned(f"→ as for {given[first.advice]}", tone)
        elif first.advice:
            given[first.advice] = name
            yield "", "", Toned(f"→ {first.advice}", tone)


def _title(checked: Checked) -> str:
    return checked.name.replace("_", " ")
