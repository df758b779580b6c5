"""`konnect-agent passthrough`: an MCP server behind a gateway of one's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from konnect_agent.errors import ConfigError, ConfirmationDeclined
from konnect_agent.gateway.passthrough import Form, Place, render, traps
from patterns.command import outcome
from patterns.command.applying import Applying, written
from patterns.command.delivery import Destination
from patterns.command.describing import DescriptionOptions
from patterns.command.options import COMMON, DataOptions, checked_name, refuse_generation
from patterns.command.outcome import say

if TYPE_CHECKING:
    from konnect_agent.applying import Target

_ADMIN_URL = "http://localhost:8001"
_ADMIN_TOKEN = "KONG_ADMIN_TOKEN"
_FOR: Mapping[str, tuple[Form, ...]] = {
    "--region": ("konnect-api", "terraform"),
    "--url": ("admin-api", "konnect-api"),
    "--control-plane": ("deck", "konnect-api", "terraform"),
    "--namespace": ("kubernetes",),
    "--ingress": ("kubernetes",),
}
"""The forms an option means something to."""


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class PassthroughOptions(DataOptions):
    """The common options, of which some mean an API here and not the MCP Server."""

    region: Annotated[
        str | None, Parameter(help="of the Konnect API: us (default), eu, au, me, in, sg; KONNECT_REGION")
    ] = None
    url: Annotated[
        str | None,
        Parameter(help=f"of the Admin API ({_ADMIN_URL}), or with --apply of the Konnect API's host"),
    ] = None
    token_file: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help=f"for --apply: a file with the token (- is standard input), instead of KONNECT_TOKEN or "
            f"{_ADMIN_TOKEN}",
        ),
    ] = None
    sandbox: Annotated[bool, Parameter(parse=False)] = False


_DESCRIPTION = DescriptionOptions()
_DEFAULTS = PassthroughOptions()


async def passthrough(
    *,
    form: Annotated[Form, Parameter(help="what to write")],
    scope: Annotated[
        Literal["global", "service", "route"], Parameter(help="what the plugin acts on")
    ] = "service",
    described: DescriptionOptions = _DESCRIPTION,
    control_plane: Annotated[str | None, Parameter(help="name (deck) or id (konnect-api, terraform)")] = None,
    namespace: Annotated[str | None, Parameter(help="of Kubernetes, kong if left out")] = None,
    ingress: Annotated[bool, Parameter(help="an Ingress in Kubernetes, instead of an HTTPRoute")] = False,
    apply: Annotated[bool, Parameter(help="send it (admin-api, konnect-api), after confirmation")] = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="apply without asking")] = False,
    options: PassthroughOptions = _DEFAULTS,
) -> int:
    """Write the configuration that puts Kong's AI Gateway in front of an MCP server, or apply it.

    The plugin is ai-mcp-proxy in passthrough-listener mode. Applying creates or updates by name and can be
    repeated; when a request fails, what was created before is removed again.
    """
    checked_name(control_plane, "--control-plane")
    refuse_generation(options)
    _check_meant(
        form,
        apply,
        {
            "--region": options.region, "--url": options.url, "--control-plane": control_plane,
            "--namespace": namespace, "--ingress": ingress, "--yes": yes, "--token-file": options.token_file,
        },
    )  # fmt: skip
    description = described.description(scope)
    place = Place(
        region=_region(form, options),
        control_plane=control_plane,
        admin_url=options.url or _ADMIN_URL,
        namespace=namespace or "kong",
        route_kind="ingress" if ingress else "httproute",
    )
    destination = Destination.of(options)
    text = render(description, form, place=place)
    warnings = traps(description, form)
    for warning in warnings:
        say(f"warning: {warning}")
    if apply:
        result = await _applied(
            Applying(description, _target(form, place, options), yes=yes), options, destination
        )
    else:
        result = {"form": form, "scope": scope, "warnings": list(warnings), "text": text}
    destination.write(_written(result, options.format))
    return outcome.DONE


async def _applied(
    applying: Applying, options: PassthroughOptions, destination: Destination
) -> dict[str, Any]:
    """What was changed. A program that was not allowed to is given the reasons, too."""
    try:
        await applying.run()
    except ConfirmationDeclined:
        if options.format == "json":
            destination.write(_written(applying.result(), options.format))
        raise
    return applying.result()


def _check_meant(form: Form, apply: bool, given: Mapping[str, object]) -> None:
    """Raise `ConfigError` for an option that would do nothing: who gave it meant something by it."""
    for name in (name for name, value in given.items() if value):
        if form not in _FOR.get(name, (form,)):
            raise ConfigError(f"{name} means nothing to the form {form}.", hint="Leave it out.")
        if not apply and (name in ("--yes", "--token-file") or (name == "--url" and form != "admin-api")):
            raise ConfigError(f"{name} is for --apply.", hint="Leave it out: nothing is sent.")


def _region(form: Form, options: PassthroughOptions) -> str:
    """The region that was asked for; the environment's only where a form has one: it is the MCP Server's."""
    has_one = form in ("konnect-api", "terraform")
    return options.region or (has_one and os.environ.get("KONNECT_REGION")) or "us"


def _target(form: Form, place: Place, options: PassthroughOptions) -> Target:
    """Where `--apply` sends what, with the token for there and no other. Raises `ConfigError`."""
    from konnect_agent.applying import admin_api, konnect_api
    from konnect_agent.config import Config

    if options.trouble is not None:
        raise options.trouble
    if form == "admin-api":
        return admin_api(place.admin_url, token=options.token or os.environ.get(_ADMIN_TOKEN) or None)
    if form != "konnect-api":
        raise ConfigError(
            f"--apply cannot send the form {form}.",
            hint="Use admin-api or konnect-api, or give the text to the form's own tool.",
        )
    control_plane_id = place.control_plane_id
    if control_plane_id is None:
        raise ConfigError("--apply needs --control-plane.", hint="Give the control plane's id.")
    token = Config.build(options.token, region="us").token  # the token is the same for every region
    region = options.region if options.url else place.region
    return konnect_api(control_plane_id, token=token, region=region, url=options.url)


def _written(result: Mapping[str, Any], form: str) -> str:
    from patterns.report.as_json import dump
    from patterns.report.cleaning import one_line

    if form == "json":
        return dump(dict(result))
    if "text" in result:
        return result["text"]
    return "".join(f"{one_line(line)}\n" for line in written(result["changes"]))
