"""Waiting and trying again: time-outs nobody waits for, retries that hide or multiply failures.

Defaults and ranges are Kong's (fact sheet 3.5, documented): 60 s for each time-out, 5 retries. Where a value
stops being sensible is this project's judgement.
"""

from __future__ import annotations

from collections.abc import Iterator

from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_PAGE = "https://developer.konghq.com/gateway/entities/service/"
_STREAMING = frozenset({"ws", "wss", "grpc", "grpcs", "tcp", "tls", "tls_passthrough", "udp"})
_LONGEST_CONNECT_MS = 60_000
_LONGEST_ANSWER_MS = 600_000
_SHORTEST_MS = 10
_MOST_RETRIES = 10

_SERVICE = {"id": "s", "name": "users", "host": "users.internal", "retries": 5}


@rule(
    "KNA030",
    title="A time-out is far from anything useful",
    severity=Severity.MEDIUM,
    judges="services",
    remediation="Connecting takes milliseconds: a few seconds are plenty. Let `read_timeout` and "
    "`write_timeout` be a little longer than the slowest answer callers wait for.",
    source=_PAGE,
    passes=[
        {"services": [_SERVICE]},
        {"services": [_SERVICE | {"connect_timeout": 2000, "read_timeout": 300_000}]},
        {"services": [_SERVICE | {"protocol": "wss", "read_timeout": 3_600_000}]},
        {"services": [_SERVICE | {"read_timeout": 900_000, "enabled": False}]},
    ],
    fails=[
        {"services": [_SERVICE | {"connect_timeout": 600_000}]},
        {"services": [_SERVICE | {"read_timeout": 900_000}]},
        {"services": [_SERVICE | {"read_timeout": 1}]},
    ],
)
def service_timeouts(at: Snapshot) -> Iterator[Problem]:
    """A time-out of many minutes keeps connections of a stuck upstream open until the gateway runs out of
    them; one of a few milliseconds fails every request. Long answers of streaming protocols are not reported.
    """
    for service in at.services:
        if not service.enabled:
            continue
        longest = {"connect_timeout": _LONGEST_CONNECT_MS}
        if service.protocol not in _STREAMING:
            longest |= {"read_timeout": _LONGEST_ANSWER_MS, "write_timeout": _LONGEST_ANSWER_MS}
        given = {name: int(getattr(service, name)) for name in longest}
        odd = [
            f"{name} is {_duration(value)}"
            for name, value in given.items()
            if value > longest[name] or value < _SHORTEST_MS
        ]
        if odd:
            yield Problem(service, f"Service {service.label}: {listed(odd)}.")


@rule(
    "KNA031",
    title="Failed connections are retried never, or far too often",
    severity=Severity.MEDIUM,
    judges="services",
    remediation="Use a small number of retries, such as Kong's default of 5; keep 0 only where the caller "
    "retries by itself.",
    source=_PAGE,
    passes=[{"services": [_SERVICE]}, {"services": [_SERVICE | {"retries": 1}]}],
    fails=[{"services": [_SERVICE | {"retries": 0}]}, {"services": [_SERVICE | {"retries": 100}]}],
)
def service_retries(at: Snapshot) -> Iterator[Problem]:
    """Many retries multiply the load on an upstream that is already failing. None at all (informational)
    makes every lost connection an error for the caller.
    """
    for service in at.services:
        if service.enabled and service.retries > _MOST_RETRIES:
            message = (
                f"Service {service.label} retries up to {service.retries} times: a failing upstream gets "
            )
            yield Problem(service, message + "that many times its load.")
        elif service.enabled and service.retries == 0:
            message = f"Service {service.label} never retries: every lost connection becomes an error."
            yield Problem(service, message, Severity.INFO)


def _duration(milliseconds: int) -> str:
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} minutes"
