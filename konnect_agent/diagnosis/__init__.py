"""What keeps this program from Konnect: Kong's FAQ, run as checks one after the other.

    diagnosis = await diagnose(region="eu")      # the token comes from KONNECT_TOKEN
    print(diagnosis.status, [each.seen for each in diagnosis.checks if each.status == "failure"])

`diagnose` never raises what it finds: a missing token is a line like any other. Nothing is created, nothing
is tried twice, and every check has a time limit.

checks/     the checks, one small function each, and their order
check.py    what a check is, and what it may say
case.py     what is examined, and what the checks so far found out
engine.py   runs them; one that needs a failed one is skipped, with the reason
result.py   what comes out
"""

from konnect_agent.diagnosis.engine import diagnose
from konnect_agent.diagnosis.result import Checked, Diagnosis, Family, Status

__all__ = ["Checked", "Diagnosis", "Family", "Status", "diagnose"]
