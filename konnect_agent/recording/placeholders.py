"""What stands in a recording in the place of a secret: something of the same form that is none.

A replay has to come to the same report, and reports are made of data with secrets in it. So a placeholder
keeps what is looked at: 1. its shape, so that redaction finds it where it would have found the secret; 2.
that two secrets are the same, or are not; 3. vault references inside it, and the first characters of a
template (`$(`) or of a regex (`~*`). Everything else of a secret is lost, its length too. That two of them
are the same is the one thing a recording tells.
"""

from __future__ import annotations

import re

from konnect_agent.redaction import MASK

_REFERENCES = re.compile(r"\{vault://[^{}\s]*\}?")
_MARKERS = ("$(", "~*")
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i:kpat|spat)_"), "{start}REDACTED{number}"),
    (re.compile(r"eyJ(?=[\w-]{8,}\.)"), "{start}REDACTED{number}{segments}"),
    (re.compile(r"(?:AKIA|ASIA)(?=[0-9A-Z]{16}$)"), "{start}REDACTED{number:08d}"),
    (re.compile(r"(?:[sr]k_(?:live|test)|gh[opsur]|github_pat)_|xox[a-z]-"), "{start}REDACTED{number:02d}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "{start}REDACTED{number}-----END PRIVATE KEY-----"),
)


class Placeholders:
    """A placeholder for every secret of one recording, numbered as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._made: set[str] = {MASK}

    def __call__(self, secret: str) -> str:
        """The placeholder of a secret, the same for the same secret; what is masked already stays so."""
        if secret in self._made:  # found by its shape, and then by the name before it
            return secret
        placeholder = self._placeholder(secret)
        self._made.add(placeholder)
        return placeholder

    def _placeholder(self, secret: str) -> str:
        number = self._numbers.setdefault(secret, len(self._numbers) + 1)
        for start, form in _SHAPES:
            if found := start.match(secret):
                segments = ".REDACTED" * secret.count(".")  # of a JWT: another one would be read with it
                return form.format(start=found[0], number=number, segments=segments)
        marker = next((marker for marker in _MARKERS if secret.lstrip().startswith(marker)), "")
        return f"{marker}REDACTED{number}{''.join(_REFERENCES.findall(secret))}"
