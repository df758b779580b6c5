"""Values as YAML that every reader reads the same, and as HCL.

YAML: text is plain only when it is a lower-case word nobody takes for something else (`y`, `no` and `on` are
yes or no to some readers), and quoted otherwise. HCL: a quoted template in which nothing is a template:
`${` and `%{` are doubled (HCL specification), and control characters are written as it knows them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

import yaml

_PLAIN = re.compile(r"_?[A-Za-z][A-Za-z0-9]*(?:[-_./][A-Za-z0-9]+)*")
_TAKEN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class _Dumper(yaml.SafeDumper):
    """Text as described above, and lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _TAKEN
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def to_yaml(documents: Iterable[Mapping[str, Any]]) -> str:
    """YAML documents with their keys in the order given, divided by `---`."""
    return "---\n".join(
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
        for document in documents
    )


class Expression(str):
    """Text that is HCL already, such as `var.control_plane_id`."""

    __slots__ = ()


def to_hcl(value: Any, *, indent: int = 0) -> str:
    """A value as an HCL expression."""
    inner, outer = "  " * (indent + 1), "  " * indent
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value).items()
        written = [(_hcl_key(key), to_hcl(each, indent=indent + 1)) for key, each in entries]
        return "\n".join(("{", *(inner + line for line in _aligned(written)), outer + "}"))
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [to_hcl(item, indent=indent + 1) for item in cast("Sequence[Any]", value)]
        if any("\n" in item for item in items):
            return "\n".join(("[", *(f"{inner}{item}," for item in items), outer + "]"))
        return f"[{', '.join(items)}]"
    return _hcl_text(value) if isinstance(value, str) else json.dumps(value)


def _aligned(entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Attributes as `terraform fmt` has them: equals signs below each other, except around several lines."""
    for several, group in groupby(entries, key=lambda entry: "\n" in entry[1]):
        together = list(group)
        width = 0 if several else max(len(key) for key, _ in together)
        yield from (f"{key:<{width}} = {value}" for key, value in together)


def _hcl_key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _hcl_text(name)


def _hcl_text(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False).replace("\\b", "\\u0008").replace("\\f", "\\u000c")
    return quoted.replace("${", "$${").replace("%{", "%%{")
