"""The JSON contract: everything a report holds, for programs.

JSON already escapes what is below U+0020. Here the other characters that could act on a terminal are
escaped too, as JSON allows, so that the output reads back the same and can be looked at safely. Numbers that
JSON does not have (NaN, infinities) become null, and half of a character (a lone surrogate) a `?`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from patterns.report import AnyReport, Medium

_ACTIVE = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e007f]"
)


def write(report: AnyReport, medium: Medium) -> str:
    """A report as the JSON contract has it, indented."""
    from pydantic_core import to_jsonable_python

    return dump(to_jsonable_python(_sound(report.model_dump())))


def dump(data: Any) -> str:
    """Plain data as JSON that may be printed to a terminal."""
    text = json.dumps(_sound(data), indent=2, ensure_ascii=False, allow_nan=False)
    return _ACTIVE.sub(lambda match: json.dumps(match[0])[1:-1], text) + "\n"


def _sound(data: Any) -> Any:
    """A copy in which every string can be encoded and every number is one."""
    if isinstance(data, str):
        return data if data.isascii() else data.encode("utf-8", "replace").decode()
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {_sound(key): _sound(value) for key, value in cast("Mapping[Any, Any]", data).items()}
    if isinstance(data, (list, tuple)):
        return [_sound(value) for value in cast("Sequence[Any]", data)]
    return data
