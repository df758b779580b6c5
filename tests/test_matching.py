from __future__ import annotations

import pytest

from konnect_agent.matching import rank, winner

PLANES = ["payments-production", "payments-staging", "storefront-production", "Fulfilment", "innovation-lab"]


def won(query: str, names: list[str]) -> tuple[str, str] | None:
    """The winner's name and kind of match."""
    best = winner(rank(query, names))
    return (names[best.index], best.how) if best else None


@pytest.mark.parametrize(
    ("query", "name", "how"),
    [
        ("payments-staging", "payments-staging", "exact"),
        ("Payments Staging", "payments-staging", "folded"),
        ("PAYMENTS_STAGING", "payments-staging", "folded"),
        ("fulfilment", "Fulfilment", "folded"),
        ("storefront", "storefront-production", "prefix"),
        ("lab", "innovation-lab", "prefix"),
        ("payments.st", "payments-staging", "prefix"),
        ("storefront-prodution", "storefront-production", "fuzzy"),
        ("inovation lab", "innovation-lab", "fuzzy"),
    ],
)
def test_one_clear_candidate_wins_and_says_how(query: str, name: str, how: str) -> None:
    assert won(query, PLANES) == (name, how)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("payments", PLANES),
        ("production", PLANES),
        ("prod", ["prod", "prod"]),
        ("Prod", ["prod", "PROD"]),
        ("catalog-v3", ["catalog-v1", "catalog-v2"]),
        ("checkout", ["payments"]),
        ("", ["payments"]),
        ("--", ["payments"]),
        ("payments", []),
    ],
)
def test_nobody_wins_without_a_clear_lead(query: str, names: list[str]) -> None:
    assert won(query, names) is None


def test_candidates_come_best_first_whatever_their_kind() -> None:
    names = ["users", "user-service", "my-user", "usher"]
    ranked = [(names[match.index], match.how) for match in rank("user", names)]
    assert ranked == [
        ("users", "prefix"),
        ("user-service", "prefix"),
        ("my-user", "prefix"),
        ("usher", "fuzzy"),
    ]


def test_a_name_that_is_there_hides_everything_like_it() -> None:
    assert [match.index for match in rank("users", ["users-v2", "users", "Users"])] == [1]


def test_at_most_the_asked_for_candidates_are_ranked() -> None:
    assert len(rank("svc", [f"svc-{n}" for n in range(100)], limit=7)) == 7
