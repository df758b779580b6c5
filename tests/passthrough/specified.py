"""The fields of a service, a route and the plugin, as the published specifications name them.

Written out of the Konnect API specification (Service, RouteJson, Plugin) and the plugin's own schema; a
field that is in neither is refused, as is a value of another type. Deep parts nothing here depends on
(`server.session`, what tools need for other modes) are objects of any kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema

SCOPES = ("service", "route", "consumer", "consumer_group")
_NAME = {"type": ["string", "null"], "pattern": "^[a-zA-Z0-9._~-]+$"}
_TEXT = {"type": ["string", "null"]}
_TEXTS = {"type": ["array", "null"], "items": {"type": "string"}}
_FLAG = {"type": ["boolean", "null"]}
_OBJECT = {"type": ["object", "null"]}
_REFERENCE: Mapping[str, Any] = {**_OBJECT, "required": ["id"]}
_MILLISECONDS = {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483646}
_PROTOCOLS = ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp", "ws", "wss"]
_PEERS = {
    "type": ["array", "null"],
    "items": {"type": "object", "properties": {"ip": {"type": "string"}, "port": {"type": "integer"}}},
}
_COMMON: Mapping[str, Any] = {"id": {"type": "string", "format": "uuid"}, "tags": _TEXTS}


def _closed(**properties: Any) -> dict[str, Any]:
    """An object with these fields and no others, or null."""
    return {**_OBJECT, "additionalProperties": False, "properties": properties}


_RULE = _closed(allow=_TEXTS, deny=_TEXTS)
_TOOL = {
    **_closed(
        name=_TEXT, description={"type": "string"}, acl=_RULE, annotations=_OBJECT, headers=_OBJECT,
        host=_TEXT, method=_TEXT, path=_TEXT, scheme=_TEXT, query=_OBJECT, request_body=_OBJECT,
        responses=_OBJECT, parameters={"type": ["array", "null"]},
    ),
    "required": ["description"],
}  # fmt: skip
_CONFIG = {
    **_closed(
        mode={"enum": ["passthrough-listener", "conversion-listener", "conversion-only", "listener"]},
        max_request_body_size={"type": "integer"},
        logging=_closed(log_statistics=_FLAG, log_payloads=_FLAG, log_audits=_FLAG),
        server=_closed(
            timeout={"type": ["number", "null"]}, forward_client_headers=_FLAG, tag=_TEXT, session=_OBJECT
        ),
        consumer_identifier={"enum": ["username", "consumer_id", "custom_id"]},
        include_consumer_groups=_FLAG,
        acl_attribute_type={"enum": ["consumer", "oauth_access_token"]},
        access_token_claim_field={**_TEXT, "minLength": 1},
        default_acl={
            "type": ["array", "null"],
            "items": _closed(scope={"type": "string"}, allow=_TEXTS, deny=_TEXTS),
        },
        tools={"type": ["array", "null"], "items": _TOOL},
    ),
    "type": "object",
    "required": ["mode"],
}
_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "services": {
        "required": ["host"],
        "properties": {
            **_COMMON,
            "name": _NAME,
            "protocol": {"enum": _PROTOCOLS},
            "host": {"type": "string", "minLength": 1},
            "port": {"type": "integer", "minimum": 0, "maximum": 65535},
            "path": {**_TEXT, "pattern": "^/"},
            "enabled": _FLAG,
            "retries": {"type": ["integer", "null"], "minimum": 0, "maximum": 32767},
            **dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), _MILLISECONDS),
            "tls_verify": _FLAG,
            "tls_verify_depth": {"type": ["integer", "null"], "minimum": 0, "maximum": 64},
            "tls_sans": _closed(dnsnames=_TEXTS, uris=_TEXTS),
            "ca_certificates": _TEXTS,
            "client_certificate": _REFERENCE,
        },
    },
    "routes": {
        "anyOf": [
            {
                "required": [name],
                "properties": {name: {"minItems": 1, "minProperties": 1, "not": {"type": "null"}}},
            }
            for name in ("methods", "hosts", "headers", "paths", "snis")
        ],
        "properties": {
            **_COMMON,
            "name": _NAME,
            "paths": {**_TEXTS, "items": {"type": "string", "pattern": "^~?/"}},
            "hosts": _TEXTS,
            "methods": {**_TEXTS, "items": {"type": "string", "pattern": "^[A-Z]+$"}},
            "headers": {**_OBJECT, "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            "snis": _TEXTS,
            "sources": _PEERS,
            "destinations": _PEERS,
            "protocols": {"type": "array", "minItems": 1, "items": {"enum": _PROTOCOLS}},
            "service": _REFERENCE,
            "strip_path": _FLAG,
            "preserve_host": _FLAG,
            "path_handling": {"enum": ["v0", "v1"]},
            "https_redirect_status_code": {"enum": [301, 302, 307, 308, 426]},
            "request_buffering": _FLAG,
            "response_buffering": _FLAG,
            "regex_priority": {"type": "integer"},
        },
    },
    "plugins": {
        "required": ["name", "config"],
        "properties": {
            **_COMMON,
            "name": {"enum": ["ai-mcp-proxy"]},
            "instance_name": _TEXT,
            "config": _CONFIG,
            "condition": {**_TEXT, "maxLength": 1024},
            "enabled": _FLAG,
            "ordering": _OBJECT,
            "partials": {"type": ["array", "null"]},
            "protocols": {"type": ["array", "null"], "items": {"enum": _PROTOCOLS}},
            **dict.fromkeys(SCOPES, _REFERENCE),
        },
    },
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "services": {
        "protocol": "http", "port": 80, "path": None, "enabled": True, "retries": 5, "tags": None,
        "connect_timeout": 60000, "read_timeout": 60000, "write_timeout": 60000, "client_certificate": None,
        "tls_verify": None, "tls_verify_depth": None, "tls_sans": None, "ca_certificates": None,
    },
    "routes": {
        "paths": None, "hosts": None, "methods": None, "headers": None, "snis": None, "sources": None,
        "destinations": None, "protocols": ["https"], "service": None, "strip_path": True,
        "preserve_host": False, "path_handling": "v0", "https_redirect_status_code": 426,
        "request_buffering": True, "response_buffering": True, "regex_priority": 0, "tags": None,
    },
    "plugins": {
        "enabled": True, "tags": None, "instance_name": None, "condition": None, "ordering": None,
        "partials": None, "protocols": ["grpc", "grpcs", "http", "https"], **dict.fromkeys(SCOPES),
    },
}  # fmt: skip
CONFIG_DEFAULTS: Mapping[str, Any] = {
    "max_request_body_size": 1048576, "consumer_identifier": "username", "include_consumer_groups": False,
    "acl_attribute_type": "consumer", "access_token_claim_field": None, "default_acl": None, "tools": None,
    "logging": {"log_statistics": False, "log_payloads": False, "log_audits": False},
    "server": {"timeout": 10000, "forward_client_headers": True, "tag": None, "session": None},
}  # fmt: skip


def failing_fields(collection: str, entity: Mapping[str, Any]) -> dict[str, str]:
    """The fields of an entity that are not as specified, and why."""
    schema = {"type": "object", "additionalProperties": False, **_SCHEMAS[collection]}
    plain = {name: value for name, value in entity.items() if name not in ("created_at", "updated_at")}
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(plain))  # pyright: ignore[reportUnknownMemberType]
    return {".".join(map(str, error.absolute_path)) or "@entity": error.message for error in errors}
