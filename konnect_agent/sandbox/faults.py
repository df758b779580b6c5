"""How a sandbox is told to misbehave: a rate or a script, drawn one request at a time.

"0.2"                        a fifth of the requests, evenly among 429, 503, reset and refused
"0.2:429+cut"                a fifth of the requests, evenly among these kinds
"429:3,ok:5,reset,503:2"     in this order, then well-behaved for ever
"0.2 retry_after=5 outage=2" and how: with the settings of `Faults`, after the rate or the script

401 403 429 500 502 503      this status with a problem body, nothing done
expire                       the token expires: 401 from here on, nothing done
reset                        connection reset, nothing done
refused                      answered, but right afterwards nobody listens for `outage` seconds
drop-session                 404, this MCP session is forgotten (2025 era; a 2026 request is answered)
hidden-429                   a successful tool result that holds the problem body of a 429
html, garbage                200 with a login page, or with bytes that are not JSON
oversize                     200 with a valid result of `oversize` bytes, nothing done
hang                         done, and never answered
lost                         done, then connection reset instead of the answer
cut                          done, then half of the answer and the connection closed
slow                         done, then the answer in ten drips over `drip` seconds
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import chain, repeat
from threading import Lock

STATUSES = {
    "401": ("Unauthenticated", "A valid token is required"),
    "403": ("Permission denied", "You do not have permission to perform this action"),
    "429": ("Rate Limited", "Too many requests"),
    "500": ("Internal Error", "An unexpected error occurred"),
    "502": ("Bad Gateway", "The upstream could not be reached"),
    "503": ("Service Unavailable", "Permissions could not be read, try again later"),
}
KINDS = frozenset(
    {*STATUSES, "expire", "reset", "refused", "drop-session", "hidden-429", "html", "garbage", "oversize"}
    | {"hang", "lost", "cut", "slow"}
)
_EVERYDAY = ("429", "503", "reset", "refused")
_RATE = re.compile(r"(0(?:\.\d+)?|1(?:\.0+)?|\.\d+)(?::([a-z0-9+-]+))?")
_SETTING = re.compile(r"(retry_after|outage|drip|oversize)=(\d+(?:\.\d+)?)")
_STEP = re.compile(r"([a-z0-9-]+)(?::(\d+))?")


class Faults:
    """The faults to come; the same seed gives the same ones. Safe to draw from any thread.

    What `spec` sets wins over the arguments. Raises ValueError for one that makes no sense.
    `methods` are the MCP methods that may meet one, None for every request. `retry_after` is the header sent
    with 429 and 503 (None: no header); `outage` and `drip` are seconds, `oversize` bytes.
    """

    def __init__(
        self,
        spec: str,
        *,
        seed: int = 7,
        methods: frozenset[str] | None = frozenset({"tools/call"}),
        retry_after: str | None = "1",
        outage: float = 0.2,
        drip: float = 1.0,
        oversize: int = 80 * 1024 * 1024,
    ) -> None:
        what, how = _split(spec)
        self.spec, self.methods = spec, methods
        self.retry_after = how.get("retry_after", retry_after)
        self.outage, self.drip = float(how.get("outage", outage)), float(how.get("drip", drip))
        self.oversize = int(float(how.get("oversize", oversize)))
        self._coming = _coming(what, random.Random(f"faults:{seed}"))
        self._lock = Lock()

    def draw(self, method: str) -> str:
        """The fate of the next request with that MCP method: a kind, or `ok`."""
        if self.methods is not None and method not in self.methods:
            return "ok"
        with self._lock:
            return next(self._coming)


def _split(spec: str) -> tuple[str, dict[str, str]]:
    """The rate or script, and the settings after it."""
    words = spec.split()
    settings: dict[str, str] = {}
    for word in (word for word in words if "=" in word):
        setting = _SETTING.fullmatch(word)
        if setting is None:
            known = "retry_after=, outage=, drip= (seconds) and oversize= (bytes)"
            raise ValueError(f"unknown fault setting {word!r} in {spec!r}; known are {known}")
        settings[setting[1]] = setting[2]
    return " ".join(word for word in words if "=" not in word), settings


def _coming(spec: str, rng: random.Random) -> Iterator[str]:
    rate = _RATE.fullmatch(spec.strip())
    if rate is not None:
        kinds = tuple(rate[2].split("+")) if rate[2] else _EVERYDAY
        return _at_rate(float(rate[1]), _known(kinds, spec), rng)
    return _scripted(spec)


def _known(kinds: tuple[str, ...], spec: str) -> tuple[str, ...]:
    for kind in kinds:
        if kind not in KINDS and kind != "ok":
            raise ValueError(f"unknown fault {kind!r} in {spec!r}; known are ok, {', '.join(sorted(KINDS))}")
    return kinds


def _at_rate(rate: float, kinds: tuple[str, ...], rng: random.Random) -> Iterator[str]:
    while True:
        yield rng.choice(kinds) if rng.random() < rate else "ok"


def _scripted(spec: str) -> Iterator[str]:
    steps: list[tuple[str, int]] = []
    for written in spec.split(","):
        step = _STEP.fullmatch(written.strip())
        if step is None:
            raise ValueError(f"not a fault script: {spec!r}; write a rate such as 0.2, or 429:3,reset,ok:5")
        _known((step[1],), spec)
        steps.append((step[1], int(step[2] or 1)))
    scripted = chain.from_iterable(repeat(kind, times) for kind, times in steps)
    return chain(scripted, repeat("ok"))
