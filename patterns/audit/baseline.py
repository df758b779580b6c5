"""A baseline: the findings a team already knows, so that a gate only stops what is new.

The file is JSON, `{"version": 1, "complete": true, "findings": [{"fingerprint", "rule_id", "control_plane",
"entity", ...}]}`. Only the fingerprint decides what is hidden; the rest says what it was, to people and to
`apply`, which calls an entry stale only where its rule had the chance to find it again. `complete` is false
when the audit behind the baseline could not see everything: not all that it lacks is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError

from konnect_agent.errors import ConfigError
from konnect_agent.redaction import scrub
from patterns.audit.finding import EntityName, Finding, Severity
from patterns.coverage import Named
from patterns.workflow import Frozen

_HINT = "Write a fresh one from a report's findings, or correct the file."


class Entry(Frozen):
    """One known finding."""

    fingerprint: str = Field(pattern=r"^[0-9a-f]{16}$")
    rule_id: str
    control_plane: Named
    entity: EntityName | None = None
    severity: Severity | None = None
    message: str = ""


class Baseline(Frozen):
    """The known findings, as the file holds them; `complete` unless the audit behind it missed something."""

    version: Literal[1] = 1
    complete: bool = True
    findings: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[Finding], *, complete: bool = True) -> Self:
        """These findings as known ones, in a stable order."""
        ordered = sorted(findings, key=lambda finding: finding.order[1:])
        entries = tuple(
            Entry(
                fingerprint=finding.fingerprint,
                rule_id=finding.rule_id,
                control_plane=finding.control_plane,
                entity=finding.entity,
                severity=finding.severity,
                message=finding.message,
            )
            for finding in ordered
        )
        return cls(complete=complete, findings=entries)


@dataclass(frozen=True, slots=True)
class Applied:
    """`findings` are the new ones, `hidden` counts the known ones, `stale` are entries nothing answers to."""

    findings: tuple[Finding, ...]
    hidden: int
    stale: tuple[Entry, ...]


def load(path: str | Path) -> Baseline:
    """The baseline in a file. Raises `ConfigError` saying what is wrong with it, and where."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        return Baseline.model_validate_json(text)
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = scrub(f"{where}: {first['msg']}" if where else first["msg"])
    raise ConfigError(f"The baseline {path} cannot be used: {problem}.", hint=_HINT)


def write(path: str | Path, findings: Iterable[Finding], *, complete: bool = True) -> None:
    """Write these findings as a baseline. Raises `ConfigError` if that cannot be done.

    `complete` is whether the audit that found them could see everything (`report.coverage.complete`).
    """
    try:
        known = Baseline.of(findings, complete=complete)
        Path(path).write_text(known.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ConfigError(
            f"The baseline {path} cannot be written: {problem}.", hint="Check the path."
        ) from None


def apply(
    findings: Sequence[Finding], baseline: Baseline, *, judged: Callable[[str, str | None], bool]
) -> Applied:
    """`findings` without the known ones.

    `judged(rule_id, control_plane_id)` is whether that rule saw all it could find something in there.
    """
    known = {entry.fingerprint: entry for entry in baseline.findings}
    found = {finding.fingerprint for finding in findings}
    new = tuple(finding for finding in findings if finding.fingerprint not in known)
    stale = tuple(
        entry
        for entry in known.values()
        if entry.fingerprint not in found and judged(entry.rule_id, entry.control_plane.id)
    )
    return Applied(new, len(findings) - len(new), stale)
