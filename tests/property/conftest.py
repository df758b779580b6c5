"""Hypothesis for all properties: the same examples in every run, `--hypothesis-profile=search` for new ones."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", _patient, derandomize=True, max_examples=40)
settings.register_profile("search", _patient, max_examples=1500)
settings.load_profile("steady")
