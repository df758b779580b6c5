"""The deprecated flavor `traditional` (fact sheet 7.6, last paragraph; documented by source).

1. A route with several paths becomes one entry per path; entries are sorted once: submatch weight, headers,
   regex priority, path length, older first. The set of fields an entry has is its category.
2. A request is placed in the highest category it might reach by looking at indexes of plain values.
3. From there downwards, categories by number of fields and then by field: first the entries filed under the
   request's most selective value, then all entries of the category, in sorted order.
Steps 2 and 3 are shortcuts of Kong's own that change results in corner cases, so they are followed to the
letter (`table`, `reach`, `categories`, `entry`). Regexes are PCRE there, anchored at the start; what only
PCRE can evaluate is undecidable here.
"""

from konnect_agent.gateway.traditional.connection import read_connection
from konnect_agent.gateway.traditional.entries import tie
from konnect_agent.gateway.traditional.entry import Entry
from konnect_agent.gateway.traditional.table import TraditionalTable

__all__ = ["Entry", "TraditionalTable", "read_connection", "tie"]
