"""`konnect-agent search`: Kong's documentation, through the server's own search."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from patterns.command import outcome
from patterns.command.delivery import Destination
from patterns.command.options import DataOptions, connected
from patterns.command.progress import showing
from patterns.report.cleaning import many_lines

_DEFAULTS = DataOptions()


async def search(
    *query: Annotated[str, Parameter(help="a question in plain words")],
    options: DataOptions = _DEFAULTS,
) -> int:
    """Search Kong's documentation."""
    destination = Destination.of(options)
    with showing(options):
        async with connected(options) as konnect:
            found = await konnect.knowledge_base.search(" ".join(query))
    if options.format == "json":
        from patterns.report.as_json import dump

        destination.write(dump({"query": " ".join(query), "text": found}))
    else:
        destination.write(many_lines(found) + "\n")
    return outcome.DONE
