"""The expressions language, complete (fact sheet 7.7), and the flavor built on it."""

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konnect_agent.gateway import Request, Router
from konnect_agent.gateway.expressions import ExpressionError, parse_expression
from konnect_agent.gateway.index import CandidateIndex, members, needs
from konnect_agent.gateway.predicates import evaluate
from konnect_agent.gateway.request import Facts


def holds(expression: str, request: Request) -> bool | None:
    return evaluate(parse_expression(expression, stream=request.is_stream), Facts(request))


GET = Request(
    method="GET",
    path="/a/b/c/?x=1&x=2&flag&n=%61+b",
    host="api.test:8443",
    headers={"X-One": "Gold", "X-Two": ["a", "b"]},
    sni="api.test",
    src_ip="10.1.2.3",
    src_port=4711,
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('http.method == "GET"', True),
        ('http.method != "GET"', False),
        ('http.host == "api.test"', True),
        ("net.dst.port == 8443", True),
        ("net.port == 8443", True),
        ('net.protocol == "https"', True),
        ('tls.sni =^ ".test"', True),
        ('http.path ^= "/a"', True),
        ('http.path =^ "/c/"', True),
        ('http.path contains "/b/"', True),
        ('http.path ~ "b/c"', True),
        (r'http.path ~ r#"^/\w/\w/"#', True),
        ('http.path ~ "^b"', False),
        ('http.path.segments.0 == "a"', True),
        ('http.path.segments.0_1 == "a/b"', True),
        ('http.path.segments.1_2 == "b/c"', True),
        ('http.path.segments.3 == ""', False),
        ('http.path.segments.1_1 == "b"', False),
        ('http.path.segments.1_9 == "b/c"', False),
        ("http.path.segments.len == 3", True),
        ('http.headers.x_one == "Gold"', True),
        ('lower(http.headers.x_one) == "gold"', True),
        ('http.headers.x_two ^= "a"', False),
        ('any(http.headers.x_two) ^= "a"', True),
        ('any(lower(http.headers.x_two)) == "b"', True),
        ('lower(any(http.headers.x_two)) == "b"', True),
        ('http.queries.x ~ "[12]"', True),
        ('http.queries.x == "1"', False),
        ('any(http.queries.x) == "1"', True),
        ('http.queries.flag == ""', True),
        ('http.queries.n == "a b"', True),
        ("net.src.ip == 10.1.2.3", True),
        ("net.src.ip in 10.0.0.0/8", True),
        ("net.src.ip not in 10.0.0.0/8", False),
        ("net.src.ip == fd00::1", False),
        ("net.src.ip in fd00::/8", False),
        ("net.src.ip not in fd00::/8", True),
        ("net.src.port >= 4711 && net.src.port < 0x1268", True),
        ("net.src.port > 4711 || net.src.port <= 4710", False),
        ("net.src.port == 011147", True),
        ("net.src.port > -1", True),
    ],
)
def test_every_operator_field_and_literal(expression: str, expected: bool) -> None:
    assert holds(expression, GET) is expected


def test_or_binds_tighter_than_and() -> None:
    false, true = 'http.method == "PUT"', 'http.method == "GET"'
    assert holds(f"{false} && {true} || {true}", GET) is False
    assert holds(f"({false} && {true}) || {true}", GET) is True
    assert holds(f"{true} || {true} && {false}", GET) is False


def test_a_predicate_on_an_absent_field_is_false_even_negated() -> None:
    assert holds('http.headers.absent != "x"', GET) is False
    assert holds('!(http.headers.absent == "x")', GET) is True


def test_strings_know_escapes_and_raw_form() -> None:
    request = Request(path='/a"b\\c', headers={"t": "x\ty"})
    assert holds(r'http.path == "/a\"b\\c"', request) is True
    assert holds(r'http.path == r#"/a"b\c"#', request) is True
    assert holds(r'http.headers.t == "x\ty"', request) is True


def test_the_root_path_has_no_segments() -> None:
    assert holds("http.path.segments.len == 0", Request(path="/")) is True


def test_given_queries_replace_those_of_the_path() -> None:
    request = Request(path="/?x=1", queries={"x": ["2", "3"], "y": "4"})
    assert holds('any(http.queries.x) == "1"', request) is False
    assert holds('any(http.queries.x) == "3" && http.queries.y == "4"', request) is True


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "http.method",
        'http.method == "GET" &&',
        '! http.method == "GET"',
        '(http.method == "GET"',
        'unknown.field == "x"',
        "http.method == 1",
        'net.dst.port == "80"',
        'net.src.ip in "10.0.0.0/8"',
        "net.src.ip in 10.0.0.1",
        "net.src.ip == 10.0.0.0/8",
        "net.src.ip in 10.0.0.1/8",
        'http.method in "GETS"',
        "lower(net.dst.port) == 80",
        'upper(http.method) == "GET"',
        'http.method > "A"',
        "http.method ~ 1",
        'http.method == "GET" garbage',
        'http.method == "GET',
        'http.method == "\\x"',
        "net.dst.port == 9223372036854775808",
        'http.headers.a.b == "x"',
        'http.headers == "x"',
        "(" * 500 + 'http.method == "GET"' + ")" * 500,
    ],
)
def test_what_the_gateway_refuses_is_an_error_with_a_position(expression: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse_expression(expression)
    assert 0 <= raised.value.position <= len(expression)


def test_connections_have_no_http_fields() -> None:
    with pytest.raises(ExpressionError, match=r"no field http\.path"):
        parse_expression('http.path == "/"', stream=True)


def test_a_leading_zero_without_octal_digits_reads_as_decimal() -> None:
    assert holds("net.src.port == 09", Request(src_port=9)) is True
    with pytest.raises(ExpressionError):
        parse_expression("net.src.port == 0109")


def routes(*fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"00000000-0000-4000-8000-{number:012d}", "name": f"r{number}", **given}
        for number, given in enumerate(fields, start=1)
    ]


def winner(table: list[dict[str, Any]], request: Request) -> str | None:
    match = Router(table, flavor="expressions").match(request)
    return None if match is None else cast("dict[str, str]", match.route)["name"]


def test_the_higher_priority_wins() -> None:
    expression = 'http.path ^= "/"'
    table = routes({"expression": expression, "priority": 2}, {"expression": expression, "priority": 1})
    assert winner(table, Request()) == "r1"


def test_expressions_go_before_traditional_routes() -> None:
    table = routes({"expression": 'http.method == "GET"'}, {"paths": ["/a"], "hosts": ["a.test"]})
    assert winner(table, Request(path="/a", host="a.test")) == "r1"


@pytest.mark.parametrize(
    ("protocols", "scheme", "expected"),
    [
        (["http"], "https", None),
        (["http"], "http", "r1"),
        (["https"], "http", "r1"),
        (["http", "https"], "http", "r1"),
        (["grpcs"], "http", None),
        (["grpcs"], "https", "r1"),
        (["grpc", "grpcs"], "grpc", "r1"),
    ],
)
def test_protocols_are_a_condition_unless_https_stands_alone(
    protocols: list[str], scheme: str, expected: str | None
) -> None:
    table = routes({"expression": 'http.path ^= "/"', "protocols": protocols})
    assert winner(table, Request(scheme=scheme)) == expected


def test_protocols_hold_for_the_whole_expression() -> None:
    table = routes({"expression": 'http.method == "GET" || http.method == "PUT"', "protocols": ["http"]})
    assert winner(table, Request(scheme="https")) is None


def test_a_stream_expression_sees_connections() -> None:
    table = routes({"expression": 'tls.sni == "a.test" && net.dst.port == 443', "protocols": ["tls"]})
    assert winner(table, Request(scheme="tls", sni="a.test", dst_port=443)) == "r1"
    assert winner(table, Request(scheme="tls", sni="a.test", dst_port=444)) is None


def test_a_broken_expression_is_refused_and_the_rest_still_routes() -> None:
    table = routes({"expression": "http.path =="}, {"expression": 'http.path ^= "/"'})
    router = Router(table, flavor="expressions")
    assert [entry.route for entry in router.refused] == [table[0]]
    assert winner(table, Request()) == "r2"


def test_a_negated_undecidable_regex_stays_undecidable() -> None:
    assert holds('!(http.path ~ "(?=x)")', GET) is None
    assert holds('!(http.path ~ "(?=x)") && http.method == "PUT"', GET) is False
    assert holds('http.path ~ "(?=x)" || http.method == "GET"', GET) is True


def test_captures_come_from_the_expression() -> None:
    table = routes({"expression": r'http.path ~ r#"^/u/(?P<id>\d+)"#', "service": {"id": "s"}})
    router = Router(table, [{"id": "s", "host": "h", "path": "/base"}], flavor="expressions")
    match = router.match(Request(path="/u/7/x"))
    assert match is not None
    assert match.captures["id"] == "7"
    assert match.upstream_path == "/base/x"


@pytest.mark.parametrize("family", ["path.segments.{}", "headers.x_{}", "headers.X_{}", "queries.q{}"])
def test_a_table_may_look_at_many_fields_of_a_family(family: str) -> None:
    names = [family.format(number) for number in range(12)]
    table = routes(*({"expression": f'http.{name} == "v"'} for name in names))
    request = Request(path="/0/1/2/3/4/5/6/v?q7=v", headers={"X-7": "v"})
    assert winner(table, request) == "r8"


@pytest.mark.parametrize(
    ("expression", "path", "matched", "upstream"),
    [
        ('http.path =^ "/b"', "/é/b", "/b", "/base/\udca9/b"),
        ('http.path ~ "b+"', "/abbc", "bb", "/base/bbc"),
        ('http.path contains "b"', "/abc", None, "/base/abc"),
        ('http.path ^= ""', "/", None, "/base"),
        ('http.path ~ "x*"', "/", None, "/base"),
        ('http.method == "GET"', "/a", None, "/base/a"),
    ],
)
def test_as_many_bytes_are_stripped_as_were_matched(
    expression: str, path: str, matched: str | None, upstream: str
) -> None:
    table = routes({"expression": expression, "service": {"id": "s"}})
    match = Router(table, [{"id": "s", "path": "/base"}], flavor="expressions").match(Request(path=path))
    assert match is not None
    assert (match.path, match.upstream_path) == (matched, upstream)


def test_websocket_routes_are_reached_over_http() -> None:
    table = routes({"expression": 'http.path ^= "/"', "protocols": ["ws", "wss"]})
    assert winner(table, Request(scheme="wss")) == "r1"


FIELDS = [
    *("http.path", "http.method", "http.host", "tls.sni", "net.protocol", "http.headers.host"),
    *(f"http.headers.h{number}" for number in range(9)),
    *(f"http.queries.q{number}" for number in range(9)),
    *(f"http.path.segments.{number}" for number in range(9)),
    *("http.headers.H_A", "http.path.segments.0_1"),
]
VALUES = ["a", "A", "/a", "/a/b", "GET", "a.test", "https", "1", "", "é", "a/b"]


def _strings() -> st.SearchStrategy[str]:
    operators = ["==", "!=", "^=", "=^", "contains", "~"]
    wraps = ["{}", "lower({})", "any({})", "any(lower({}))"]
    parts = (wraps, FIELDS, operators, VALUES)
    return st.tuples(*map(st.sampled_from, parts)).map(lambda found: _predicate(*found))


def _predicate(wrap: str, field: str, operator: str, value: str) -> str:
    return f'{wrap.format(field)} {operator} "{value}"'


_OTHERS = st.sampled_from(
    [
        "net.dst.port == 443",
        "net.src.port > 80",
        "http.path.segments.len <= 2",
        "net.src.ip in 10.0.0.0/8",
        "net.src.ip not in fd00::/8",
        "net.src.ip == 10.0.0.1",
    ]
)
EXPRESSIONS = st.recursive(
    _strings() | _OTHERS,
    lambda inner: st.one_of(
        st.builds("!({})".format, inner),
        st.builds("({})".format, inner),
        st.builds("{} && {}".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
    ),
    max_leaves=5,
)
REQUESTS = st.builds(
    Request,
    path=st.sampled_from(["/", "/a", "/a/b", "/A/1/a/a/1/b/a/é/A", "/é?q1=a&q2&q8=A"]),
    host=st.sampled_from([None, "a.test", "a.test:443"]),
    headers=st.dictionaries(
        st.sampled_from(["h1", "H2", "h-a", "H_A", "h8"]), st.sampled_from(["a", "A", "1", ["1", "a"]])
    ),
    sni=st.sampled_from([None, "a.test"]),
    src_ip=st.sampled_from([None, "10.0.0.1", "fd00::1"]),
    src_port=st.sampled_from([None, 443]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=20), st.lists(REQUESTS, min_size=1, max_size=4))
def test_the_index_never_loses_a_route_whose_expression_holds(
    expressions: list[str], asked: list[Request]
) -> None:
    table = routes(*({"expression": expression} for expression in expressions))
    router = Router(table, flavor="expressions")
    for request in asked:
        holding = [r["name"] for r in table if holds(r["expression"], request)]
        match = router.match(request)
        assert (None if match is None else cast("dict[str, str]", match.route)["name"]) == (
            holding[-1] if holding else None
        )


def test_texts_to_contain_narrow_down_the_candidates() -> None:
    nodes = [parse_expression(f'http.path contains "/x{number}/"', stream=False) for number in range(300)]
    nodes.append(parse_expression('http.path contains "x"', stream=False))
    nodes.append(parse_expression('lower(http.path) contains "/x7/"', stream=False))
    index = CandidateIndex(map(needs, nodes))
    found = list(members(index.candidates(Facts(Request(path="/a/x7/b")))))
    assert set(found) >= {7, 300, 301}
    assert len(found) < 10
    assert 301 in members(index.candidates(Facts(Request(path="/a/X7/b"))))
    assert not index.candidates(Facts(Request(path="/")))
