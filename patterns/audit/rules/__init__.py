"""The rules, one module per topic. A rule is found because it is there: nothing to register.

Every module of this package is imported once, and everything in it made by `rule` or `rule_across` counts.
Rules are pure: models in, problems out, no await.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from patterns.audit.rule import AnyRule, Rule, RuleAcross


@cache
def all_rules() -> tuple[AnyRule, ...]:
    """Every rule of this package, by id. Raises `ValueError` when two rules share one."""
    found: dict[str, AnyRule] = {}
    for module in iter_modules(__path__, f"{__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Rule | RuleAcross) and found.setdefault(value.id, value) is not value:
                raise ValueError(f"{value.slug} and {found[value.id].slug} are both called {value.id}")
    return tuple(sorted(found.values(), key=lambda each: each.id))
