"""`konnect-agent endpoint`: pattern 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from konnect_agent.errors import InvalidArguments
from patterns.command.options import RegionsOptions, checked_name
from patterns.command.progress import Display
from patterns.command.reporting import reporting

if TYPE_CHECKING:
    from konnect_agent import Konnect
    from patterns import EndpointResult, Report

_DEFAULTS = RegionsOptions()


async def endpoint(
    path: Annotated[str, Parameter(help="the request's path, such as /api/users")],
    /,
    *,
    method: Annotated[str | None, Parameter(help="any if left out")] = None,
    host: Annotated[str | None, Parameter(help="any if left out")] = None,
    header: Annotated[Sequence[str], Parameter(help="name:value, may be repeated")] = (),
    scheme: Annotated[str, Parameter(help="https, http, grpcs, ...")] = "https",
    sni: Annotated[str | None, Parameter(help="any if left out")] = None,
    consumer: Annotated[str | None, Parameter(help="name or id; adds the plugins scoped to it")] = None,
    control_plane: Annotated[str | None, Parameter(help="name or id; else found by the path")] = None,
    explain: Annotated[bool, Parameter(negative="", help="every route compared, and what decided")] = False,
    options: RegionsOptions = _DEFAULTS,
) -> int:
    """Say which route serves a request, its service, and the plugins that run on it and why."""
    from patterns import investigate_endpoint
    from patterns.serving import Asked

    with reporting(options, "investigate_endpoint") as this:
        headers = read_headers(header)
        Asked(path, method, host, headers, scheme, sni)
        checked_name(consumer, "--consumer")
        checked_name(control_plane, "--control-plane")

        async def work(konnect: Konnect, display: Display) -> Report[EndpointResult]:
            return await investigate_endpoint(
                konnect,
                path,
                method=method,
                host=host,
                headers=headers,
                scheme=scheme,
                sni=sni,
                consumer=consumer,
                control_plane=control_plane,
                explain=explain,
            )

        return (await this.run(work)).status


def read_headers(written: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """`name:value` entries as headers; a name may come several times. Raises `InvalidArguments`."""
    headers: dict[str, list[str]] = {}
    for entry in written:
        name, colon, value = entry.partition(":")
        if not colon or not name.strip():
            raise InvalidArguments(f"{entry!r} is no header.", hint="Write --header name:value.")
        headers.setdefault(name.strip(), []).append(value.strip())
    return headers
