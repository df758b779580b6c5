"""How the gateway reads a request path (fact sheet 7.2) and builds the upstream one (7.8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konnect_agent.gateway.paths import matching_path, normalize, split_query
from konnect_agent.gateway.upstream import upstream_path


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a?b=c", "/a"),
        ("/a?b?c", "/a"),
        ("?a", "?a"),
        ("/a%20b", "/a b"),
        ("/a%2fb", "/a%2Fb"),
        ("/%41%7e", "/A~"),
        ("/%3a%40", "/%3A%40"),
        ("/%c3%a9", "/é"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2e/b", "/b"),
        ("/../../a", "/a"),
        ("//a///b", "/a/b"),
        ("/a/..", "/"),
        ("/a/b/.", "/a/b/"),
        ("/a/b/", "/a/b/"),
        ("/a%zz", "/a%zz"),
        ("/", "/"),
        ("/...", "/..."),
        ("/.a", "/.a"),
    ],
)
def test_a_request_target_is_normalised_as_documented(target: str, expected: str) -> None:
    assert matching_path(target) == expected


def test_the_query_starts_at_the_first_question_mark_that_is_not_first() -> None:
    assert split_query("/a?b?c") == ("/a", "b?c")
    assert split_query("/a") == ("/a", "")


def test_bytes_that_are_not_utf8_keep_their_length() -> None:
    assert len(normalize("/%ff%fe")) == 3


def _removing_dots_one_step_at_a_time(path: str) -> str:
    """RFC 3986 5.2.4 as a loop over the input, plus merged slashes: slow, and obviously in that order."""
    kept: list[str] = []
    while path:
        if path == "/.":
            path = "/"
        elif path == "/..":
            path, kept = "/", kept[:-1]
        elif path.startswith("/./"):
            path = path[2:]
        elif path.startswith("/../"):
            path, kept = path[3:], kept[:-1]
        elif path.startswith("//"):
            path = path[1:]
        else:
            end = path.find("/", 1)
            end = len(path) if end < 0 else end
            kept.append(path[:end])
            path = path[end:]
    return "".join(kept)


@given(st.lists(st.sampled_from(["/", ".", "..", "a", "b.", ".c", "..."]), max_size=12))
def test_dot_segments_and_slashes_resolve_as_the_rfc_does_step_by_step(pieces: list[str]) -> None:
    path = "/" + "".join(pieces)
    assert normalize(path) == _removing_dots_one_step_at_a_time(path)


@given(st.text(alphabet="/.%2eEa?é ", max_size=20))
def test_normalising_leaves_no_empty_or_dot_segment(text: str) -> None:
    segments = normalize("/" + text).split("/")
    assert not {".", ".."} & set(segments)
    assert "" not in segments[1:-1]


@pytest.mark.parametrize(
    ("path", "base", "strip", "matched", "expected"),
    [
        ("/tv0/req", "/s", True, "/tv0", "/s/req"),
        ("/fv0/req", "/s", False, "/fv0", "/s/fv0/req"),
        ("/a/b", "/", True, "/a", "/b"),
        ("/ab", "/s", True, "/a", "/s/b"),
        ("/a", "/", True, "/a", "/"),
        ("/a", "/s/", True, "/a", "/s"),
        ("/a/", "/s/", True, "/a/", "/s/"),
        ("/a", "/s", True, "/a", "/s"),
        ("/a/", "/s", True, "/a/", "/s/"),
        ("/", "/s", True, "/", "/s"),
        ("/a/b", "/s/", True, "/a", "/s/b"),
        ("/a/b", "/s/", False, None, "/s/a/b"),
        ("/", "/s", False, "/", "/s"),
        ("/a", "/s", True, None, "/s/a"),
        ("/a../b", "/s", True, "/a", "/s/b"),
        ("/a..", "/s", True, "/a", "/s"),
        ("/a./b", "/s", True, "/a", "/s/b"),
    ],
)
def test_the_upstream_path_joins_with_one_slash(
    path: str, base: str, strip: bool, matched: str | None, expected: str
) -> None:
    assert upstream_path(path, base=base, strip_path=strip, matched=matched) == expected


@pytest.mark.parametrize(
    ("path", "base", "strip", "matched", "expected"),
    [
        ("/tv1/req", "/s", True, "/tv1", "/s/req"),
        ("/tv1req", "/s", True, "/tv1", "/sreq"),
        ("/tv1/req", "/s/", True, "/tv1", "/s/req"),
        ("/fv1/req", "/s", False, "/fv1", "/sfv1/req"),
    ],
)
def test_path_handling_v1_joins_as_it_stands(
    path: str, base: str, strip: bool, matched: str, expected: str
) -> None:
    joined = upstream_path(path, base=base, strip_path=strip, matched=matched, path_handling="v1")
    assert joined == expected
