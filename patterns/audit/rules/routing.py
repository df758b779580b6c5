"""Routes that do not take the requests they say: never reached, not loaded, ordered by chance.

Which route wins is `konnect_agent.gateway.Router`'s to say (fact sheet 7, documented by source). The flavor
is a data plane setting that Konnect does not show: Kong's default is assumed, or the expressions flavor where
a route has an expression. In a group the routes of other members compete as well; they are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from konnect_agent.models import Route
from patterns.audit.finding import Severity
from patterns.audit.rule import Problem, rule
from patterns.audit.snapshot import Snapshot
from patterns.audit.wording import listed

_ROUTE_PAGE = "https://developer.konghq.com/gateway/entities/route/"
_ROUTING = "https://developer.konghq.com/gateway/routing/traditional/"
_REGEX_SIGNS = re.compile(r"\\[dDwWsSb.]|\.[*+]|\(\?|\[[^\[\]]*\][*+?{]|\([^()]*\)[*+?]|\([^()|]*\||.\$$")
_MALFORMED = ("missing", "unexpected", "no argument", "bad repetition", "trailing", "invalid escape")
"""How re2 begins to say that something is no regex in any dialect."""
_LOOKS_AROUND = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=|\\k<")

_SERVICE = {"id": "s", "name": "users", "host": "users.internal"}
_ROUTE = {"id": "r", "name": "users", "paths": ["/users"], "service": {"id": "s"}}


@rule(
    "KNA060",
    title="A route is never reached",
    severity=Severity.MEDIUM,
    judges="routes",
    needs=("services", "routes"),
    remediation="Make the route more specific than the one that wins (more matchers, a host, a regex with a "
    "higher `regex_priority`), or remove it.",
    source=_ROUTING,
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE, _ROUTE | {"id": "q", "paths": ["/users/me"]}]},
        {"services": [_SERVICE], "routes": [_ROUTE, _ROUTE | {"id": "q", "paths": ["~/users/\\d+$"]}]},
        {"services": [_SERVICE], "routes": [_ROUTE, _ROUTE | {"id": "q", "paths": ["~/users[\\w./-]*$"]}]},
        *(
            {
                "services": [_SERVICE],
                "routes": [
                    _ROUTE | {"protocols": ["http", "https"]},
                    {"id": "q", "name": "some", "protocols": ["http", "https"], "service": {"id": "s"}}
                    | {"expression": f'http.path ^= "/users" && {some}', "priority": 1},
                ],
            }
            for some in (
                'net.protocol == "https"',
                "!(net.dst.port == 8443)",
                '!(http.headers.x_canary == "1")',
            )
        ),
    ],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE, _ROUTE | {"id": "q", "paths": ["~/users"]}]},
        {
            "services": [_SERVICE],
            "routes": [
                _ROUTE | {"paths": ["/users/items"]},
                _ROUTE | {"id": "q", "paths": ["~/users/"]},
            ],
        },
    ],
)
def shadowed_route(at: Snapshot) -> Iterator[Problem]:
    """Another route ranks higher wherever this one matches, so its plugins never run and what it was meant
    for is handled by the other route's. A regex path, for instance, beats every prefix, however long. Told
    only where that is proven: an operator may delete the route.
    """
    for shadowed in at.shadows.never:
        route, winners = _route(shadowed.route), [_label(by) for by in shadowed.by]
        message = f"Route {route.label} is never reached: {listed(winners)} always wins over it"
        yield Problem(route, f"{message} (router flavor {at.router.flavor}).")


@rule(
    "KNA061",
    title="Which of two routes wins is left to chance",
    severity=Severity.MEDIUM,
    judges="routes",
    needs=("services", "routes"),
    remediation="Make one of the routes more specific, or give regex paths different `regex_priority`s.",
    source=_ROUTING,
    passes=[
        {"services": [_SERVICE], "routes": [_ROUTE, _ROUTE | {"id": "q", "paths": ["/orders"]}]},
        {"services": [_SERVICE], "routes": [_ROUTE, _ROUTE | {"id": "q", "paths": ["/users/me"]}]},
    ],
    fails=[
        {
            "services": [_SERVICE],
            "routes": [
                _ROUTE | {"paths": ["~/users/(?<id>\\w+)$"]},
                _ROUTE | {"id": "q", "name": "me", "paths": ["~/users/me$"]},
            ],
        }
    ],
)
def undefined_order(at: Snapshot) -> Iterator[Problem]:
    """Both routes match the same requests and rank equally. Kong calls the order undefined: it may change
    with the next configuration push, and with it the service and the plugins that handle those requests.
    """
    unreachable = {id(shadowed.route) for shadowed in at.shadows.never}
    rivals: dict[str, tuple[Route, str, list[str]]] = {}
    for contest in at.shadows.undefined:
        first, second = sorted(
            (_route(route) for route in contest.routes), key=lambda r: (r.label, r.id or "")
        )
        if not {id(first), id(second)} & unreachable:
            example = f"{contest.example.method} {contest.example.path}"
            rivals.setdefault(first.id or "", (first, example, []))[2].append(second.label)
    for route, example, others in rivals.values():
        message = f"Routes {route.label} and {listed(others)} rank equally for requests such as {example}"
        yield Problem(route, f"{message} (router flavor {at.router.flavor}).")


@rule(
    "KNA065",
    title="A route cannot be loaded",
    severity=Severity.HIGH,
    judges="routes",
    needs=("services", "routes"),
    remediation="Correct the field that is named; regexes have no look-around and no back-references.",
    source=_ROUTE_PAGE,
    passes=[{"services": [_SERVICE], "routes": [_ROUTE, _ROUTE | {"id": "q", "paths": ["~/users/\\d+$"]}]}],
    fails=[
        {"services": [_SERVICE], "routes": [_ROUTE | {"paths": ["~/users/(\\d+$"]}]},
        {"services": [_SERVICE], "routes": [_ROUTE | {"paths": ["~/users/(?!me$)"]}]},
        {"services": [_SERVICE], "routes": [_ROUTE | {"paths": None}]},
        {"services": [_SERVICE], "routes": [_ROUTE | {"paths": None, "expression": "http.path ==="}]},
    ],
)
def route_not_loaded(at: Snapshot) -> Iterator[Problem]:
    """A data plane would leave the route out, or refuse the whole configuration it is part of. Medium for
    regexes that only the deprecated router flavor `traditional` can take.
    """
    for refused in at.router.refused:
        route = _route(refused.route)
        yield Problem(route, f"Route {route.label} cannot be loaded: {refused.reason}.")
    for unclear in at.router.undecidable:
        route = _route(unclear.route)
        if _LOOKS_AROUND.search(unclear.pattern):
            message = f"Route {route.label} has look-around or back-references in {unclear.pattern}"
            yield Problem(route, f"{message}, which the router does not know.", Severity.MEDIUM)
        elif unclear.reason.startswith(_MALFORMED):
            yield Problem(route, f"Route {route.label} cannot be loaded: {unclear.pattern} is not a regex.")


@rule(
    "KNA067",
    title="A path looks like a regex, but is a prefix",
    severity=Severity.MEDIUM,
    judges="routes",
    remediation="Put a `~` in front of the path to make it a regex.",
    source=_ROUTE_PAGE,
    passes=[
        {"routes": [_ROUTE | {"paths": ["~/users/\\d+$", "/users/v1.2/a-b_c~d", "/odata/Users(1)/$count"]}]}
    ],
    fails=[{"routes": [_ROUTE | {"paths": ["/users/\\d+$"]}]}, {"routes": [_ROUTE | {"paths": ["/u/.*"]}]}],
)
def path_looks_like_a_regex(at: Snapshot) -> Iterator[Problem]:
    """Since Gateway 3.0 only paths that start with `~` are regexes. Without it the signs are taken literally,
    and no request has them in its path.
    """
    for route in at.routes:
        paths = [path for path in route.paths if not path.startswith("~") and _REGEX_SIGNS.search(path)]
        if paths:
            yield Problem(route, f"Route {route.label} takes {listed(paths)} literally, not as a regex.")


def _route(origin: object) -> Route:
    """A route the router was given, handed back."""
    if not isinstance(origin, Route):
        raise TypeError(type(origin).__name__)
    return origin


def _label(origin: object) -> str:
    return f"route {_route(origin).label}"
