"""What may be said of entries without a request: keys for the index, and that one takes all of another's."""

import re

from konnect_agent.gateway.implication import is_open_ended
from konnect_agent.gateway.index import Key, Needs
from konnect_agent.gateway.traditional.connection import (
    DST,
    HOST,
    METHOD,
    SNI,
    SRC,
    URI,
    category_order,
)
from konnect_agent.gateway.traditional.entry import End, Entry, Header
from konnect_agent.gateway.traditional.networks import parse_network
from konnect_agent.gateway.traditional.reach import HEADER_FIELDS

_NO_REGEX = re.compile(r"[\w/~-]*")


def entry_needs(entry: Entry) -> Needs:
    """What the index may rely on for this entry (see `index.needs`)."""
    found: dict[str, frozenset[Key]] = {}
    if entry.path is not None:
        if entry.uri is None:
            found["http.path"] = frozenset({("http.path", "^=", entry.path)})
        elif entry.uri.problem is None:
            found["http.path"] = frozenset({("http.path", "~", entry.uri), ("http.path", "==", entry.path)})
    if entry.methods:
        found["http.method"] = frozenset(("http.method", "==", method) for method in entry.methods)
    if entry.rules & HOST:
        plain: set[Key] = {("traditional.hosts.plain", "==", host) for host in entry.plain_hosts}
        wild: set[Key] = {("traditional.hosts.wildcard", "~", host.regex) for host in entry.wildcard_hosts}
        if not any(host.regex.problem for host in entry.wildcard_hosts):
            found["traditional.hosts."] = frozenset(plain | wild)
    for name, headers in entry.headers.items():
        header, field = headers[0], HEADER_FIELDS + name
        keys: set[Key] = {(field, "==", value) for value in header.values}
        if header.regex is None or header.regex.problem is None:
            accepted = keys if header.regex is None else keys | {(field, "~", header.regex)}
            found[HEADER_FIELDS] = frozenset(accepted)
            break
    for rule, side in ((SRC, "traditional.sources."), (DST, "traditional.destinations.")):
        ends = [_end_key(side, end) for end in entry.ends(rule)]
        if ends and None not in ends:
            found[side] = frozenset(key for key in ends if key is not None)
    return found


def _end_key(side: str, end: End) -> Key | None:
    if end.ip is None:
        return None if end.port is None else (f"{side}port", "==", end.port)
    network = parse_network(end.ip)
    return None if network is None else (f"{side}ip", "in", network)


def takes_all(wide: Entry, narrow: Entry) -> bool:
    """Whether `wide` provably holds wherever `narrow` does, and is tried before it. False means no proof.

    Within a category that is so for an entry that is sorted first (whoever calls sees to that) and shares
    every file: one of the same path, or a regex, since while it matches no prefix is what a request hits.
    A higher category is walked through first if the request reaches its rules, which it does for all but
    SNIs: those count as matched over plain HTTP without being reached.
    """
    if wide.rules == narrow.rules:
        same_file = wide.paths == narrow.paths or (wide.uri is not None and narrow.uri is None)
        first = same_file and wide.headers.keys() == narrow.headers.keys()
    else:
        first = not wide.rules & SNI and category_order(wide.rules) > category_order(narrow.rules)
    fields = not wide.rules & ~(narrow.rules | URI)
    return first and fields and _path_follows(wide, narrow) and _lists_follow(wide, narrow)


def _lists_follow(wide: Entry, narrow: Entry) -> bool:
    """Whether every list `wide` has accepts all that the one of `narrow` accepts."""
    hosts = {host.value for host in wide.wildcard_hosts}, {host.value for host in narrow.wildcard_hosts}
    return (
        (not wide.rules & HOST or (wide.plain_hosts >= narrow.plain_hosts and hosts[0] >= hosts[1]))
        and (not wide.rules & METHOD or wide.methods >= narrow.methods)
        and (not wide.rules & SNI or wide.snis >= narrow.snis)
        and all(
            not wide.rules & rule or set(wide.ends(rule)) >= set(narrow.ends(rule)) for rule in (SRC, DST)
        )
        and wide.headers.keys() <= narrow.headers.keys()
        and all(
            any(_accepts(header, other) for other in narrow.headers[name])
            for name, headers in wide.headers.items()
            for header in headers
        )
    )


def _path_follows(wide: Entry, narrow: Entry) -> bool:
    """Whether the path of `wide` holds wherever that of `narrow` does; all paths start with a slash."""
    if wide.path is None or wide.paths in (narrow.paths, ("/",)):
        return True
    # Of a text that is no regex itself, what holds is known: Kong compares texts before it looks at meanings.
    if narrow.path is None or narrow.uri is not None or not _NO_REGEX.fullmatch(narrow.path):
        return False
    if wide.uri is None:
        return narrow.path.startswith(wide.path)
    return is_open_ended(wide.path) and wide.uri.test(narrow.path) is True


def _accepts(wide: Header, narrow: Header) -> bool:
    if narrow.regex is not None and (wide.regex is None or wide.regex.pattern != narrow.regex.pattern):
        return False
    return wide.values >= narrow.values
