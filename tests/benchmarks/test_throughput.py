"""Calls per second at 4 and 32 in flight: no fewer than with the bare SDK.

Rounds of the clients alternate in one process against a sandbox in another one; run with `-s` to see the
table. Everybody has as many calls in flight as the width says, ours by its own setting, and ours and the SDK
keep that many connections. The ratio is the median over the rounds, of ours to the SDK's in the same round;
what it must reach leaves 5 % for the noise of a machine with other work.
"""

from __future__ import annotations

from statistics import median

import pytest

from .compared import Told, compared, row
from .elsewhere import elsewhere

ROUNDS, CALLS, NOISE = 9, 160, 0.05
CLIENTS = ("ours", "ours_typed", "sdk", "fastmcp", "langchain_session")


def ratio(told: Told, sdk: Told) -> float:
    """Calls per second, the SDK's being 1."""
    return median(theirs / mine for mine, theirs in zip(told.per_call, sdk.per_call, strict=True))


@pytest.mark.parametrize("width", [4, 32])
@pytest.mark.parametrize(("era", "json_response"), [("2026", True), ("2025", False)], ids=["JSON", "events"])
def test_as_many_calls_per_second_as_with_the_bare_sdk(era: str, json_response: bool, width: int) -> None:
    with elsewhere(eras=[era], json_response=json_response) as server:
        wanted = {"operation": "list", "control_plane_id": server.plane}
        told = compared(
            server, CLIENTS, tool="GetVault", arguments=wanted, rounds=ROUNDS, calls=CALLS, width=width
        )
    form = "JSON" if json_response else "events"
    head = f"{era} era, {form}, {width} in flight"
    print(f"\n{head:34}{'calls/s':>9}{'slowest, fastest':>19}{'to the SDK':>12}")
    for client, each in told.items():
        if not each.per_call:
            print(row(client, each))
            continue
        rates = sorted(1 / seconds for seconds in each.per_call)
        cells = f"{median(rates):17.0f}{rates[0]:12.0f} - {rates[-1]:.0f}{ratio(each, told['sdk']):12.2f}"
        print(row(client, each, cells))
    assert ratio(told["ours"], told["sdk"]) >= 1 - NOISE
