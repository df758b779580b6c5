"""Whether a service or a plugin is switched on, when another field than `enabled` says so (all inferred).

`is_enabled` and `active` are the same, `disabled` is the opposite; of a `status` or `state` only a word that
plainly means off is believed, because most of such words (`ready`, `failed`) are about something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from konnect_agent.models.tolerant import folded, says

_SAME = ("isenabled", "active", "isactive")
_OPPOSITE = ("disabled", "isdisabled", "inactive")
_WORDS = ("status", "state")
_OFF = frozenset(("disabled", "inactive", "off", "deactivated"))
_SAID: Mapping[str, bool] = {
    "true": True, "yes": True, "on": True, "1": True, "enabled": True, "active": True,
    "false": False, "no": False, "off": False, "0": False, "disabled": False, "inactive": False,
}  # fmt: skip


def switched(given: Mapping[str, Any]) -> bool | None:
    """What other fields than `enabled` say; None when none does. Raises ValueError for an unreadable one."""
    named = {folded(key): (key, value) for key, value in given.items()}
    for name in (*_SAME, *_OPPOSITE):
        key, value = named.get(name, ("", None))
        if value is None or value == "":
            continue
        said = _SAID.get(str(value).strip().lower())
        if said is None and says(value):
            raise ValueError(f"whether it is enabled cannot be read in {key}")
        if said is not None:
            return said if name in _SAME else not said
    words = [value for name in _WORDS if (value := named.get(name, ("", None))[1]) is not None]
    return False if any(value is False or _is_off(value) for value in words) else None


def _is_off(value: Any) -> bool:
    """Whether a word, perhaps one of an enumeration (`STATUS_DISABLED`), means switched off."""
    parts = re.split(r"[\W_]+", value.strip().lower()) if isinstance(value, str) else []
    return bool(parts) and parts[-1] in _OFF and not {"not", "no"} & set(parts)
