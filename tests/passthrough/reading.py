"""Each form read back as whoever applies it would read it, down to the plugin's config."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, cast

import yaml

from konnect_agent.gateway.passthrough import Form

from . import hcl

Read = dict[str, Any]


def documents(text: str) -> list[Read]:
    """The YAML documents of a text."""
    return cast("list[Read]", list(yaml.safe_load_all(text)))


def posts(script: str) -> list[tuple[str, Read]]:
    """URL and body of each curl call of a shell script, in which nothing else happens."""
    found: list[tuple[str, Read]] = []
    for statement in _statements(script):
        if statement[0] != "curl":
            assert statement[0] in ("set", ":", "echo"), statement
            continue
        assert statement[1:6] == ["--fail-with-body", "--silent", "--show-error", "--request", "POST"]
        assert statement[7::2] == ["--header", "--header", "--header", "--data"]
        found.append((statement[6], json.loads(statement[-1])))
    return found


def _statements(script: str) -> list[list[str]]:
    """The words of each command: a newline outside quotes ends one, unless it is escaped."""
    lexer = shlex.shlex(script.replace("\\\n", " "), posix=True, punctuation_chars="\n;&|<>()")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, "#"
    statements: list[list[str]] = [[]]
    for word in lexer:
        if word and not word.strip("\n"):
            statements.append([])
        else:
            statements[-1].append(word)
    return [statement for statement in statements if statement]


def plugin_of(form: Form, text: str) -> Mapping[str, Any]:
    """The plugin's config as the form says it."""
    match form:
        case "deck":
            return documents(text)[0]["plugins"][0]["config"]
        case "kubernetes":
            return documents(text)[0]["config"]
        case "terraform":
            blocks = hcl.blocks(text)
            (key,) = (key for key in blocks if "konnect_gateway_plugin_ai_mcp_proxy" in key)
            return blocks[key]["config"]
        case _:
            return posts(text)[-1][1]["config"]
