"""What is likely to surprise whoever applies a description, as sentences.

Known traps of the plugin and of the entities around it (fact sheet 10.1 to 10.4, documented unless said
otherwise there): where `strip_path` leads, what a passthrough needs upstream (Konnect's MCP Server is at the
root of its host, by https), which requests the route takes, what global means, and what each form does to
things it does not mention.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult

from konnect_agent.gateway.passthrough.description import Passthrough, split_upstream
from konnect_agent.gateway.upstream import upstream_path

_KONNECT = "mcp.konghq.com"
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def traps(wanted: Passthrough, form: str | None = None) -> tuple[str, ...]:
    """Warnings about a description, and about one of its forms if one is named."""
    around = () if wanted.alone else (*_upstream(wanted), *_route(wanted))
    return (*around, *_plugin(wanted), *_version(wanted), *_of_form(wanted, form))


def _upstream(wanted: Passthrough) -> Iterator[str]:
    parts = split_upstream(wanted.upstream)
    host = (parts.hostname or "").lower()
    at_konnect = f".{host}".endswith(f".{_KONNECT}")
    if at_konnect:
        yield from _konnect(parts, wanted)
    plain = [path for path in wanted.paths if not path.startswith("~") and not at_konnect]
    reached = {path: _reached(parts, path, wanted) for path in plain}
    for path, target in reached.items():
        if wanted.strip_path and parts.path in ("", "/") and path != "/":
            yield (
                f"Requests to {path} reach {target}: strip_path removes {path}, and the upstream URL names "
                "no path. Put the MCP server's path into the upstream URL, or keep the route's."
            )
        elif not wanted.strip_path and parts.path not in ("", "/"):
            yield f"Requests to {path} reach {target}: the route's path is kept behind the service's."
    if parts.path.rstrip("/").endswith("/sse"):
        yield (
            f"{parts.path} looks like the HTTP+SSE transport of 2024, which the plugin does not speak: "
            "it needs Streamable HTTP."
        )
    elif not any("mcp" in place.lower() for place in (host, parts.path, *reached.values())):
        yield (
            "Nothing in the upstream URL says MCP. Passthrough needs an MCP server; a REST API becomes one "
            "with the conversion-listener mode instead."
        )
    if host in _HERE:
        yield f"{host} is the data plane itself: the MCP server has to run on the same machine."


def _konnect(parts: SplitResult, wanted: Passthrough) -> Iterator[str]:
    if parts.scheme == "http":
        yield "Plain http to Konnect carries the token for everybody to read: use https in the upstream URL."
    if parts.path not in ("", "/"):
        yield f"Konnect's MCP Server is at the root of its host: leave {parts.path} out of the upstream URL."
    if not wanted.forward_client_headers:
        yield (
            "The client's Konnect token is one of the headers that are withheld, and without one Konnect "
            "answers 401: forward the client's headers."
        )
    kept = [path for path in wanted.paths if path != "/" and not wanted.strip_path]
    if kept:
        yield (
            "Konnect's MCP Server is at the root of its host, and the route keeps its path: let strip_path "
            f"remove {', '.join(kept)}."
        )


def _reached(parts: SplitResult, path: str, wanted: Passthrough) -> str:
    """The URL that a request for exactly the route's path leads to."""
    target = upstream_path(path, base=parts.path or "/", strip_path=wanted.strip_path, matched=path)
    return f"{parts.scheme}://{parts.netloc}{target}"


def _route(wanted: Passthrough) -> Iterator[str]:
    if "http" not in wanted.protocols:
        yield (
            "The route takes https only (the default since Gateway 3.14): plain http requests are answered "
            "426. For a test without TLS use the protocols http and https."
        )
    if wanted.buffering:
        yield "With buffering, the events of a stream arrive when it has ended, not when they happen."


def _plugin(wanted: Passthrough) -> Iterator[str]:
    if wanted.scope == "global":
        yield (
            "A global plugin acts on every route of the control plane, also on those that are no MCP "
            "endpoints; in a control plane group it may be global in one member only."
        )
    if wanted.max_request_body_size == 0:
        yield "max_request_body_size 0: only nginx limits the size of a request."
    if wanted.log_payloads:
        yield "log_payloads writes what tools are given and answer into the logs, secrets included."
    if wanted.has_acl:
        yield "Access rules need an authentication plugin on the route: without one nobody is known by name."


def _version(wanted: Passthrough) -> Iterator[str]:
    if wanted.acl_attribute_type != "consumer":
        yield "Access rules by claims of a token need Gateway 3.14 or later."
    elif wanted.has_acl or wanted.log_audits:
        yield "Access rules and audit logs need Gateway 3.13 or later."


def _of_form(wanted: Passthrough, form: str | None) -> Iterator[str]:
    if form == "deck" and not wanted.tags:
        yield (
            "Without tags, `deck gateway sync` deletes everything that is not in the file: use "
            "`deck gateway apply`, or give tags."
        )
    if form == "kubernetes" and wanted.alone and wanted.scope != "global":
        yield "The annotation konghq.com/plugins is a list: overwriting it switches other plugins off."
    if form == "kubernetes" and not wanted.alone:
        hosts = (*wanted.hosts, split_upstream(wanted.upstream).netloc)
        upper = [host for host in hosts if host != host.lower()]
        if upper:
            yield f"Kubernetes takes hosts in lower case only, so {', '.join(upper)} is written like that."
