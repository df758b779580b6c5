"""`konnect-agent search`: Kong's documentation, through the server's own search."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from konnect_agent.errors import ConfigError
from patterns.command import outcome
from patterns.command.delivery import Destination, prose
from patterns.command.options import QueryOptions, connected
from patterns.command.progress import showing

_DEFAULTS = QueryOptions()


async def search(
    *query: Annotated[str, Parameter(help="a question in plain words")],
    options: QueryOptions = _DEFAULTS,
) -> int:
    """Search Kong's documentation."""
    destination = Destination.of(options)
    wanted = " ".join(query)
    if not wanted.strip():
        raise ConfigError("Nothing to search for was given.", hint="Ask a question in plain words.")
    with showing(options):
        async with connected(options) as konnect:
            found = await konnect.knowledge_base.search(wanted)
    if options.format == "json":
        from patterns.report.as_json import dump

        destination.write(dump({"query": wanted, "text": found}))
    else:
        destination.write(prose(found, destination))
    return outcome.DONE
