"""Who said no: a gateway on the way or the server behind it, by what Kong documents about its headers."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from konnect_agent.errors import (
    ACCESS_HINT,
    TOKEN_HINT,
    Forbidden,
    HttpError,
    InvalidArguments,
    KonnectError,
    McpAccessDisabled,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
)
from konnect_agent.hops import UNTOLD, why_missing
from konnect_agent.refusals import http_error

MADE = {"Server": "kong/3.12.0.0-enterprise-edition", "X-Kong-Response-Latency": "1"}
PASSED_ON = {
    "Via": "1.1 kong/3.12.0.0-enterprise-edition", "X-Kong-Upstream-Latency": "12"
}  # fmt: skip
REQUEST_ID = "d517af1d0873f14cca18af72d314072c"


def kongs(words: str) -> str:
    """An error body as Kong writes it."""
    return json.dumps({"message": words, "request_id": REQUEST_ID})


def problem(status: int) -> str:
    """Konnect's own error body."""
    return json.dumps({"status": status, "title": "No", "instance": "kong:trace:1", "detail": "really not"})


def page(title: str) -> str:
    return f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center>nginx</center></body>\r\n</html>"


def refused(
    status: int, body: str, headers: Mapping[str, str] | None, *, connecting: bool = False
) -> tuple[KonnectError, str | None]:
    """The error, and the hop it names."""
    error = http_error(status, body, headers=headers, connecting=connecting)
    return error, error.hop if isinstance(error, HttpError) else None


SAID = [
    (401, "No API key found in request", Unauthorized, "apikey"),
    (401, "Unauthorized", Unauthorized, "apikey"),
    (403, "You cannot consume this service", Forbidden, "acl"),
    (404, "no Route matched with those values", HttpError, "routes"),
    (413, "Request size limit exceeded", HttpError, "max_request_body_size"),
    (426, "Please use HTTPS protocol", HttpError, "https"),
    (429, "API rate limit exceeded", RateLimited, "max_in_flight"),
    (502, "An invalid response was received from the upstream server", ServerError, "upstream URL"),
    (503, "name resolution failed", ServerError, "upstream URL"),
    (504, "The upstream server is timing out", ServerError, "timeouts"),
]


@pytest.mark.parametrize("connecting", [True, False])
@pytest.mark.parametrize(("status", "words", "kind", "hint"), SAID)
def test_what_a_gateway_made_is_its_own_refusal(
    status: int, words: str, kind: type[KonnectError], hint: str, connecting: bool
) -> None:
    error, hop = refused(status, kongs(words), MADE, connecting=connecting)
    assert (type(error), hop) == (kind, "the gateway")
    assert error.message == f"HTTP {status} from the gateway: {words}"
    assert hint in error.hint
    assert "kpat_" not in error.hint


@pytest.mark.parametrize(("status", "words"), [(s, w) for s, w, _, _ in SAID if w != "Unauthorized"])
def test_without_its_headers_a_gateway_is_known_by_its_words(status: int, words: str) -> None:
    assert refused(status, kongs(words), {})[1] == "the gateway"


def test_a_challenge_for_a_key_is_a_gateways_and_one_for_a_bearer_token_is_not() -> None:
    assert refused(401, kongs("Unauthorized"), {"WWW-Authenticate": 'Key realm="kong"'})[1] == "the gateway"
    for where, by in (
        ("us.mcp.konghq.com", None),
        ("mcp.example.com", UNTOLD),
        ("konghq.com.evil.example", UNTOLD),
    ):
        challenge = {"WWW-Authenticate": f'Bearer resource_metadata="https://{where}/"'}
        error, hop = refused(401, kongs("Unauthorized"), challenge)
        assert (TOKEN_HINT in error.hint, hop) == (True, by)


@pytest.mark.parametrize("scheme", ["Basic", "Key", "HMAC", "Negotiate", "Digest"])
def test_a_challenge_that_konnect_never_sends_is_a_gateways(scheme: str) -> None:
    body = json.dumps({"status": 401, "message": "Unauthorized"})
    for headers in ({"WWW-Authenticate": f'{scheme} realm="us"'}, {"WWW-Authenticate": scheme}):
        error, hop = refused(401, body, headers)
        assert (hop, "headers={'apikey'" in error.hint) == ("the gateway", True)
    both = {"WWW-Authenticate": f'{scheme} realm="us", Bearer realm="us"'}
    assert refused(401, kongs("Unauthorized"), both)[1] == UNTOLD


UNATTRIBUTED = [
    (401, json.dumps({"message": "Unauthorized"}), Unauthorized, TOKEN_HINT, "headers={'apikey'"),
    (401, "", Unauthorized, TOKEN_HINT, "headers={'apikey'"),
    (403, json.dumps({"message": "Forbidden"}), Forbidden, ACCESS_HINT, "a firewall"),
    (403, json.dumps({"message": "Missing Authentication Token"}), Forbidden, ACCESS_HINT, "a firewall"),
    (403, "Forbidden", Forbidden, ACCESS_HINT, "a firewall"),
    (403, "access denied", Forbidden, ACCESS_HINT, "a firewall"),
    (429, "slow down", RateLimited, "fewer calls", "raise the limit there"),
    (500, page("500 Internal Server Error"), ServerError, "Try again later", "its log"),
    (
        503,
        "upstream connect error or disconnect/reset before headers",
        ServerError,
        "Try again",
        "upstream URL",
    ),
    (504, "upstream request timeout", ServerError, "Try again later", "upstream URL"),
    (502, "", ServerError, "Try again later", "upstream URL"),
]


@pytest.mark.parametrize(("status", "body", "kind", "there", "here"), UNATTRIBUTED)
def test_where_nobody_can_tell_the_error_says_so_and_gives_both_next_steps(
    status: int, body: str, kind: type[KonnectError], there: str, here: str
) -> None:
    error, hop = refused(status, body, {"Server": "awselb/2.0"}, connecting=True)
    assert type(refused(status, body, {})[0]) is kind
    assert (type(error), hop) == (kind, "the server or a gateway")
    assert error.message.startswith(f"HTTP {status} from the server or a gateway")
    assert "cannot be told" in error.hint
    assert there in error.hint
    assert here in error.hint
    assert "Kong support" not in error.hint


def test_what_a_gateway_passed_on_from_no_api_is_no_case_for_kongs_support() -> None:
    assert refused(503, page("503"), PASSED_ON)[1] == "another gateway"
    error, hop = refused(503, "no healthy upstream", PASSED_ON)
    assert ("Kong support" in error.hint, hop) == (False, UNTOLD)


EDGE = {"Server": "kong/3.9.1", "X-Kong-Response-Latency": "0"}


@pytest.mark.parametrize(
    "body",
    [
        {"status": 401, "message": "Unauthorized"},
        {"status": 401, "title": "Unauthenticated", "detail": "A valid token is required"},
        {"status": 401, "title": "Unauthenticated", "instance": "kong:trace:1", "detail": "No"},
    ],
)
@pytest.mark.parametrize("headers", [{}, EDGE, {**EDGE, "WWW-Authenticate": "Bearer"}])
def test_a_body_of_konnects_that_a_proxy_passes_on_is_about_the_token(
    body: Mapping[str, object], headers: Mapping[str, str]
) -> None:
    error, hop = refused(401, json.dumps(body), headers)
    assert (error.hint, hop) == (TOKEN_HINT, None)


@pytest.mark.parametrize(
    "body", [{"status": 403, "message": "no"}, {"status": 401}, {"status": 401, "message": "no", "user": "x"}]
)
def test_a_body_that_is_almost_konnects_is_not_konnects(body: Mapping[str, object]) -> None:
    assert refused(401, json.dumps(body), {})[1] == UNTOLD


def test_a_marked_answer_with_a_bearer_challenge_may_be_of_konnects_own_edge() -> None:
    assert refused(401, kongs("Unauthorized"), {**EDGE, "WWW-Authenticate": "Bearer"})[1] == UNTOLD
    assert refused(401, kongs("Unauthorized"), EDGE)[1] == "the gateway"


@pytest.mark.parametrize("connecting", [True, False])
def test_a_page_about_a_bad_request_says_nothing_about_arguments(connecting: bool) -> None:
    error, hop = refused(400, page("400 Request Header Or Cookie Too Large"), {}, connecting=connecting)
    assert (type(error), hop) == (HttpError, "the gateway")
    assert "tools TOOL" not in error.hint
    said = refused(400, json.dumps({"message": "name is too long"}), {})[0]
    assert isinstance(said, InvalidArguments)


@pytest.mark.parametrize(
    ("status", "title"),
    [(401, "401 Authorization Required"), (413, "413 Request Entity Too Large"), (502, "502 Bad Gateway")],
)
def test_a_page_instead_of_json_is_a_gateways(status: int, title: str) -> None:
    error, hop = refused(status, page(title), {"Server": "nginx/1.22.1"})
    assert (error.message, hop) == (
        f"HTTP {status} from the gateway: an HTML page instead of an API answer", "the gateway"
    )  # fmt: skip


def test_a_page_of_any_web_server_says_nothing_about_gateways() -> None:
    assert refused(404, page("404 Not Found"), {"Server": "nginx"}, connecting=True)[1] is None
    assert refused(405, page("405 Not Allowed"), {}, connecting=True)[1] is None


@pytest.mark.parametrize("status", [401, 403, 404, 413, 429, 502, 503, 504])
@pytest.mark.parametrize("headers", [{}, MADE, PASSED_ON, {**PASSED_ON, **MADE}])
def test_a_problem_of_konnect_stays_konnects_whatever_the_headers_say(
    status: int, headers: Mapping[str, str]
) -> None:
    error, hop = refused(status, problem(status), headers)
    assert hop is None
    assert (type(error), error.message, error.hint) == (
        type(http_error(status, problem(status))), f"HTTP {status} No: really not [kong:trace:1]",
        http_error(status, problem(status)).hint,
    )  # fmt: skip


def test_what_was_passed_on_is_the_servers() -> None:
    error, hop = refused(401, json.dumps({"error": "invalid_token"}), PASSED_ON)
    assert (error.hint, hop) == (TOKEN_HINT, None)
    assert isinstance(refused(403, "access denied", PASSED_ON)[0], McpAccessDisabled)
    assert isinstance(refused(404, json.dumps({"message": "no such route"}), PASSED_ON)[0], NotFound)


def test_a_mark_of_a_gateway_behind_the_one_that_passed_it_on_does_not_count() -> None:
    assert refused(401, json.dumps({"message": "Unauthorized"}), {**MADE, **PASSED_ON})[1] is None


def test_a_gateway_behind_the_gateway_is_told_apart() -> None:
    error, hop = refused(404, kongs("no Route matched with those values"), PASSED_ON)
    assert (type(error), hop) == (HttpError, "another gateway")
    assert "strip_path" in error.hint
    error, hop = refused(504, kongs("The upstream server is timing out"), PASSED_ON)
    assert (type(error), hop) == (ServerError, "the gateway")


def test_kongs_words_among_others_are_not_its_own() -> None:
    body = json.dumps({"message": "no Route matched with those values", "routes": []})
    assert refused(404, body, {})[1] is None
    assert refused(401, json.dumps({"message": "No API key found in request", "status": 401}), {})[1] is None


def rpc_error(data: object = None) -> str:
    error = {"code": -32602, "message": "forbidden", "data": data}
    return json.dumps(error)


@pytest.mark.parametrize("status", [401, 403, 429])
@pytest.mark.parametrize(("headers", "hop"), [({}, UNTOLD), (MADE, "the gateway"), (PASSED_ON, None)])
def test_an_error_in_json_rpc_tells_no_more_than_another_whose_refusal_it_is(
    status: int, headers: Mapping[str, str], hop: str | None
) -> None:
    assert refused(status, rpc_error(), headers)[1] == hop


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_in_json_rpc_is_the_servers(status: int) -> None:
    assert refused(status, rpc_error(), {})[1] is None
    assert refused(status, rpc_error(), PASSED_ON)[1] is None


@pytest.mark.parametrize("headers", [{}, MADE, PASSED_ON])
def test_a_problem_of_konnect_inside_an_error_of_json_rpc_stays_konnects(headers: Mapping[str, str]) -> None:
    assert refused(403, rpc_error(json.loads(problem(403))), headers)[1] is None


def test_a_gateway_can_hide_a_tool_behind_every_url_but_konnects() -> None:
    for url in (
        "https://gateway.example.com/konnect-mcp",
        "http://127.0.0.1:8000/",
        "https://konghq.com.evil",
    ):
        hint = why_missing("It is missing.", url)
        assert hint.startswith("It is missing. A gateway on the way")
        assert why_missing(hint, url) == hint
    assert why_missing("It is missing.", "https://us.mcp.konghq.com/") == "It is missing."


def test_nobody_asks_about_gateways_where_there_can_be_none() -> None:
    error, hop = refused(401, kongs("No API key found in request"), None)
    assert (error.hint, hop) == (TOKEN_HINT, None)
