"""Baselines: written, read back, applied, and what is said about a broken one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from konnect_agent import ConfigError
from patterns.audit import Finding, Severity, fingerprint, load_baseline, write_baseline
from patterns.audit.baseline import apply
from patterns.audit.finding import EntityName
from patterns.coverage import Named

WHERE = Named(id="cp-1", name="shop")


def finding(route: str, *, message: str = "Anyone can call it.") -> Finding:
    entity = EntityName("route", route, f"name-{route}")
    mark = fingerprint("KNA001", "cp-1", entity)
    return Finding("KNA001", "a-rule", Severity.HIGH, message, "Lock it.", mark, WHERE, entity)


def always(rule_id: str, control_plane_id: str | None) -> bool:
    return True


def test_what_was_written_hides_the_same_findings_whatever_they_say_now(tmp_path: Path) -> None:
    write_baseline(tmp_path / "known.json", [finding("a"), finding("b")])
    now = [finding("b", message="Other words."), replace(finding("a"), severity=Severity.LOW), finding("c")]
    applied = apply(now, load_baseline(tmp_path / "known.json"), judged=always)
    assert (applied.findings, applied.hidden, applied.stale) == ((finding("c"),), 2, ())


def test_the_file_is_the_same_whatever_the_order_of_the_findings(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    write_baseline(one, [finding("a"), finding("b")])
    write_baseline(two, [finding("b"), finding("a")])
    assert one.read_bytes() == two.read_bytes()
    assert json.loads(one.read_text())["findings"][0]["entity"] == {
        "type": "route", "id": "a", "name": "name-a",
    }  # fmt: skip


def test_an_entry_is_stale_when_its_rule_ran_there_and_did_not_find_it(tmp_path: Path) -> None:
    write_baseline(tmp_path / "known.json", [finding("a"), finding("b")])
    known = load_baseline(tmp_path / "known.json")
    stale = apply([finding("a")], known, judged=always).stale
    assert [entry.entity.id for entry in stale if entry.entity] == ["b"]
    assert apply([finding("a")], known, judged=lambda rule_id, control_plane_id: False).stale == ()


def test_an_entry_written_by_hand_needs_only_what_identifies_it(tmp_path: Path) -> None:
    entry = {"fingerprint": finding("a").fingerprint, "rule_id": "KNA001", "control_plane": {"id": "cp-1"}}
    file = tmp_path / "known.json"
    file.write_text(json.dumps({"version": 1, "findings": [entry | {"reason": "public on purpose"}]}))
    assert apply([finding("a")], load_baseline(file), judged=always).hidden == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "JSON"),
        ("not json", "JSON"),
        ("[]", "object"),
        ('{"version": 2, "findings": []}', "version"),
        (
            '{"version": 1, "findings": [{"rule_id": "KNA001", "control_plane": {}}]}',
            "findings.0.fingerprint",
        ),
        (
            '{"findings": [{"fingerprint": "zz", "rule_id": "KNA001", "control_plane": {}}]}',
            "findings.0.fingerprint",
        ),
    ],
)
def test_a_broken_baseline_is_a_configuration_error_that_says_where(
    text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "known.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_baseline(file)
    assert "known.json" in str(caught.value)


def test_a_baseline_that_cannot_be_read_or_written_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_baseline(tmp_path / "nowhere.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.json"):
        load_baseline(tmp_path / "binary.json")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_baseline(tmp_path / "no" / "such" / "folder.json", [finding("a")])
