"""A small knowledge base: short excerpts in our own words, found by the words they share with a question."""

from __future__ import annotations

import re

_EXCERPTS = {
    "Debug sessions": """
A debug session samples live requests on the data planes of one control plane and traces each. It lasts
between 10 seconds and 30 minutes. Narrow it by path, method, status, latency or service; read its summary
once the session has completed.""",
    "Control plane groups": """
A control plane group merges the configuration of its members and is read-only itself. Data planes connect to
the group, so a debug session of a member samples nothing. Vault prefixes are unique across members.""",
    "Plugin scopes": """
Of several instances of one plugin only the most specific enabled one runs for a request: consumer before
route, route before service, service before global. Configurations are not merged.""",
    "Rate limiting": """
With the strategy redis every request asks Redis first when sync_rate is 0. A slow Redis therefore slows every
request on the route; a positive sync_rate counts locally and synchronises in the background.""",
    "Authentication": """
Attach an authentication plugin such as key-auth or openid-connect to a service, a route or globally. If
config.anonymous is set, a request without credentials passes as that consumer unless something stops it.""",
    "Vault references": """
Secrets in plugin configuration can be replaced by references of the form {vault://prefix/name/key}. The
prefix names a vault of the control plane; the reference has to be the whole value.""",
    "Tokens and regions": """
Send a personal or system account access token as bearer token to the endpoint of your region. Nothing crosses
regions: an empty list often means that the region is the wrong one.""",
    "Routes": """
Paths starting with a slash are plain prefixes, those starting with a tilde are regular expressions anchored
at their beginning. Regular expressions win over prefixes, longer prefixes over shorter ones.""",
}
_FILLER = frozenset(
    ("a", "an", "and", "are", "can", "do", "does", "for", "how", "i", "in", "is", "my", "of", "on")
)


def answer(query: str) -> str:
    """Up to three excerpts for the question, best first, as plain text."""
    asked = _words(query)
    scored = [
        (3 * len(asked & _words(title)) + len(asked & _words(text)), title, text)
        for title, text in _EXCERPTS.items()
    ]
    best = sorted((entry for entry in scored if entry[0] > 0), key=lambda entry: -entry[0])[:3]
    if not best:
        return "No matching documentation was found."
    return "\n\n".join(title + text for _, title, text in best)


def _words(text: str) -> frozenset[str]:
    stems = (
        word.removesuffix("s") for word in re.findall(r"[a-z0-9_]+", text.lower()) if word not in _FILLER
    )
    return frozenset(stems)
