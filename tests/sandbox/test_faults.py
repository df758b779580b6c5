from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import httpx2
import pytest

from konnect_agent.sandbox import Sandbox
from konnect_agent.sandbox.faults import Faults

Post = Callable[..., httpx2.Response]


def drawn(faults: Faults, number: int, method: str = "tools/call") -> list[str]:
    return [faults.draw(method) for _ in range(number)]


def test_a_script_is_followed_and_then_all_is_well() -> None:
    assert drawn(Faults("429:2, ok:1, reset"), 6) == ["429", "429", "ok", "reset", "ok", "ok"]


def test_a_rate_is_kept_and_repeatable() -> None:
    kinds = drawn(Faults("0.2", seed=3), 5000)
    assert kinds == drawn(Faults("0.2", seed=3), 5000)
    assert kinds != drawn(Faults("0.2", seed=4), 5000)
    counted = Counter(kinds)
    assert set(counted) == {"ok", "429", "503", "reset", "refused"}
    assert 0.77 < counted["ok"] / 5000 < 0.83


def test_a_rate_can_name_its_kinds() -> None:
    assert set(drawn(Faults("1:cut+slow"), 100)) == {"cut", "slow"}


def test_only_the_chosen_methods_meet_faults() -> None:
    assert drawn(Faults("429:1"), 1, "initialize") == ["ok"]
    assert drawn(Faults("429:1", methods=None), 1, "initialize") == ["429"]


def test_settings_may_follow_in_the_same_text() -> None:
    faults = Faults("429:1, reset retry_after=60 outage=2 drip=0.5 oversize=1000")
    assert drawn(faults, 3) == ["429", "reset", "ok"]
    assert (faults.retry_after, faults.outage, faults.drip, faults.oversize) == ("60", 2.0, 0.5, 1000)
    assert Faults("0.2 outage=1").retry_after == "1"


@pytest.mark.parametrize(
    "spec",
    ["", "teapot", "429:x", "1.5", "0.2:teapot", "429;503", "429 tea=1", "reset outage=-1", "outage=1"],
)
def test_a_spec_that_makes_no_sense_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="fault"):
        Faults(spec)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503])
def test_a_status_comes_with_a_problem_and_nothing_is_done(post: Post, status: int) -> None:
    with Sandbox(faults=f"{status}:1") as sandbox:
        refused = post(sandbox)
        assert refused.status_code == refused.json()["status"] == status
        assert refused.headers.get("retry-after") == ("1" if status in (429, 503) else None)
        assert sandbox.ledger.calls == ()
        assert post(sandbox).status_code == 200
        assert sandbox.ledger.faults == (str(status),)


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("reset", httpx2.ReadError, False),
        ("lost", httpx2.ReadError, True),
        ("cut", httpx2.RemoteProtocolError, True),
        ("hang", httpx2.ReadTimeout, True),
    ],
)
def test_a_broken_answer_breaks_where_it_says(
    post: Post, kind: str, error: type[Exception], done: bool
) -> None:
    with Sandbox(faults=f"{kind}:1") as sandbox:
        with httpx2.Client(timeout=0.5) as client, pytest.raises(error):
            post(sandbox, client=client)
        assert bool(sandbox.ledger.calls) is done
        assert post(sandbox).status_code == 200


def test_after_a_refusal_nobody_listens_for_a_while(post: Post) -> None:
    with Sandbox(faults=Faults("refused:1", outage=0.3)) as sandbox, httpx2.Client(timeout=5) as client:
        assert post(sandbox, client=client).status_code == 200
        with pytest.raises(httpx2.ConnectError):
            post(sandbox, client=client)
        retrying = httpx2.HTTPTransport(retries=5)
        with httpx2.Client(timeout=5, transport=retrying) as patient:
            assert post(sandbox, client=patient).status_code == 200


def test_a_slow_answer_is_complete(post: Post) -> None:
    with Sandbox(faults=Faults("slow:1", drip=0.1)) as sandbox:
        slow, quick = post(sandbox), post(sandbox)
        assert slow.json()["result"]["content"] == quick.json()["result"]["content"]


def test_nonsense_arrives_with_status_200(post: Post) -> None:
    with Sandbox(faults="html,garbage,hidden-429") as sandbox:
        page, garbage, hidden = (post(sandbox) for _ in range(3))
        assert page.headers["content-type"].startswith("text/html")
        with pytest.raises(ValueError, match=r"."):
            garbage.json()
        (block,) = hidden.json()["result"]["content"]
        assert json.loads(block["text"])["status"] == 429
        assert sandbox.ledger.calls == ()


def test_an_oversized_answer_is_valid_and_as_long_as_asked(post: Post) -> None:
    with Sandbox(faults=Faults("oversize:1", oversize=3_000_000)) as sandbox:
        (block,) = post(sandbox).json()["result"]["content"]
        assert len(block["text"]) == 3_000_000


def test_a_dropped_mcp_session_stays_dropped() -> None:
    with Sandbox(faults=Faults("drop-session:1", methods=frozenset({"ping"}))) as sandbox:
        headers = {
            "authorization": f"Bearer {sandbox.token}",
            "accept": "application/json, text/event-stream",
        }
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        with httpx2.Client(headers=headers) as client:
            hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
            opened = client.post(sandbox.url, json=hello)
            mcp_session = {"mcp-session-id": opened.headers["mcp-session-id"]}
            ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
            statuses = [
                client.post(sandbox.url, json=ping, headers=mcp_session).status_code for _ in range(2)
            ]
            assert statuses == [404, 404]
            assert client.post(sandbox.url, json=hello).status_code == 200


def test_a_token_that_expired_stays_so_also_after_a_restart(post: Post) -> None:
    with Sandbox(faults="ok:1,expire") as sandbox:
        assert [post(sandbox).status_code for _ in range(3)] == [200, 401, 401]
        sandbox.restart()
        assert post(sandbox).status_code == 401
        assert sandbox.ledger.faults == ("expire",)


def test_a_server_that_refuses_for_a_while_can_be_stopped(post: Post) -> None:
    with Sandbox(faults=Faults("refused:1", outage=600.0)) as sandbox:
        assert post(sandbox).status_code == 200
