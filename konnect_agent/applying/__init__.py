"""Putting a passthrough configuration onto a gateway, through its Admin API or the Konnect API.

apply(description, to=admin_api("http://localhost:8001"), confirm=lambda plan: True)

target     where requests go and with which token: never a Konnect token to anybody else
exchange   one request and its answer, or one error of the tree (`refusing`)
stated     all that a description says of an entity
plan       what there is already, and what that leaves to create or to update (`steps`)
beware     what else that would do, or why it would have no effect
carrying   doing it, and undoing it when a later request fails (`undoing`)
"""

from konnect_agent.applying.carrying import Change, Outcome, apply
from konnect_agent.applying.stated import Difference
from konnect_agent.applying.steps import Plan, PlannedStep
from konnect_agent.applying.target import Target, admin_api, konnect_api

__all__ = [
    "Change",
    "Difference",
    "Outcome",
    "Plan",
    "PlannedStep",
    "Target",
    "admin_api",
    "apply",
    "konnect_api",
]
