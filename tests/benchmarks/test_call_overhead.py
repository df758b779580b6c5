"""What a call costs over the bare SDK: at most 0.2 ms.

One process makes single calls with each client in turn, against a sandbox in another process; run with `-s`
to see the table. Shown are the median and the middle half of the calls, and the median of what a call took
longer than the SDK's call of the same round (langchain-mcp-adapters takes its turn in another process). The
limit is asserted in proportion to how slow this machine is at the moment.
"""

from __future__ import annotations

from statistics import median, quantiles

import pytest

from .compared import Told, compared, row
from .elsewhere import elsewhere
from .yardstick import slowness

ROUNDS, LIMIT = 300, 0.0002
CLIENTS = ("ours", "ours_typed", "sdk", "fastmcp", "langchain_session", "langchain")


def over(told: Told, sdk: Told) -> float:
    """Seconds a call takes longer than the SDK's."""
    return median(mine - theirs for mine, theirs in zip(told.per_call, sdk.per_call, strict=True))


@pytest.mark.parametrize("json_response", [True, False], ids=["JSON", "events"])
@pytest.mark.parametrize("era", ["2025", "2026"])
def test_a_call_costs_hardly_more_than_with_the_bare_sdk(era: str, json_response: bool) -> None:
    allowed = slowness()
    with elsewhere(eras=[era], json_response=json_response) as server:
        wanted = {"operation": "list", "control_plane_id": server.plane}
        told = compared(server, CLIENTS, tool="GetVault", arguments=wanted, rounds=ROUNDS)
    form = "JSON" if json_response else "events"
    print(f"\n{f'{era} era, {form}':26}{'a call':>11}{'middle half':>18}{'over the SDK':>17}")
    for client, each in told.items():
        if not each.per_call:
            print(row(client, each))
            continue
        low, middle, high = (value * 1000 for value in quantiles(each.per_call, n=4))
        more = over(each, told["sdk"]) * 1000
        print(row(client, each, f"{middle:8.2f} ms{low:10.2f} - {high:.2f}{more:+14.2f} ms"))
    assert over(told["ours"], told["sdk"]) <= LIMIT * max(allowed, slowness())
    assert over(told["ours_typed"], told["sdk"]) <= LIMIT * max(allowed, slowness())
