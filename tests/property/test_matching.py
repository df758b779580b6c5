from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.matching import fold, fold_all, rank, winner

words = st.text(st.sampled_from("abcÄéß -_./\t\n\x0b\x85\u2003\0AB1"), max_size=8)
names = st.lists(words | st.text(max_size=12), max_size=12)


@given(query=st.text(min_size=1), others=names, data=st.data())
def test_an_exact_name_always_wins(query: str, others: list[str], data: st.DataObject) -> None:
    candidates = [name for name in others if name != query]
    position = data.draw(st.integers(0, len(candidates)))
    best = winner(rank(query, [*candidates[:position], query, *candidates[position:]]))
    assert best is not None
    assert (best.index, best.how, best.score) == (position, "exact", 100.0)


@given(query=words, candidates=names)
def test_a_winner_is_never_chosen_between_equals(query: str, candidates: list[str]) -> None:
    best = winner(rank(query, candidates))
    if best is not None:
        assert winner(rank(query, [*candidates, candidates[best.index]])) is None


@given(query=words, candidates=names)
def test_ranking_is_sorted_bounded_and_the_same_every_time(query: str, candidates: list[str]) -> None:
    ranked = rank(query, candidates)
    assert ranked == rank(query, candidates)
    assert [match.score for match in ranked] == sorted((match.score for match in ranked), reverse=True)
    assert all(0 <= match.score <= 100 for match in ranked)
    assert len({match.index for match in ranked}) == len(ranked)
    kinds = [("exact", "folded", "prefix", "fuzzy").index(match.how) for match in ranked]
    assert kinds == sorted(kinds)


@given(query=words, candidates=names)
def test_equal_scores_keep_the_order_of_the_list(query: str, candidates: list[str]) -> None:
    ranked = rank(query, candidates)
    assert all(a.index < b.index for a, b in pairwise(ranked) if a.score == b.score)


@given(query=words, candidates=names)
def test_case_and_separators_do_not_change_what_is_found(query: str, candidates: list[str]) -> None:
    shouted = query.upper().replace("-", "_").replace(" ", ".")
    if fold(shouted) == fold(query) and not {query, shouted} & set(candidates):
        assert rank(shouted, candidates) == rank(query, candidates)


@given(candidates=names)
def test_folding_all_names_is_folding_each(candidates: list[str]) -> None:
    separators = str.maketrans(dict.fromkeys("-_./", " "))
    assert fold_all(candidates) == [
        " ".join(name.casefold().translate(separators).split()) for name in candidates
    ]


@given(name=st.text())
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)
