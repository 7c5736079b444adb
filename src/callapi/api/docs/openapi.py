"""The OpenAPI 3.1 document, made of the same tables that requests are checked and records shown by."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from callapi import __version__
from callapi.api.errors import (
    ACCESS_DENIED,
    AUTHENTICATE,
    INVALID_PARAMETER,
    NOT_FOUND,
    TOO_LARGE,
    UNAVAILABLE,
    UNSUPPORTED_TYPE,
    Fault,
)
from callapi.api.operation import Operation
from callapi.api.requests.parameters import Parameter
from callapi.api.requests.request_path import BASES, Format
from callapi.api.resources import Resource
from callapi.api.responses.representations import Representation, camel_case
from callapi.api.router import NAMED

_FORM: Final = "application/x-www-form-urlencoded"
_MEDIA: Final = {
    Format.WAV: "audio/x-wav",
    Format.MP3: "audio/mpeg",
    Format.PCAP: "application/vnd.tcpdump.pcap",
}
_PREFIXES: Final = {
    "Accounts": "AC",
    "Applications": "AP",
    "Calls": "CA",
    "Clients": "CL",
    "Conferences": "CF",
    "CredentialListMappings": "CL",
    "CredentialLists": "CL",
    "Credentials": "CR",
    "Domains": "SD",
    "IncomingPhoneNumbers": "PN",
    "IpAccessControlListMappings": "AL",
    "IpAccessControlLists": "AL",
    "IpAddresses": "IP",
    "Keys": "SK",
    "Notifications": "NO",
    "Queues": "QU",
    "Recordings": "RE",
    "SigningKeys": "SK",
    "Transcriptions": "TR",
    "Trunks": "TK",
}
_IN_PATH: Final = re.compile(r"/(\w+)/\{(\w+)\}")
_BODY_METHODS: Final = frozenset({"POST", "PUT"})
_ALWAYS: Final = (INVALID_PARAMETER, AUTHENTICATE, ACCESS_DENIED, NOT_FOUND, UNAVAILABLE)
_WITH_BODY: Final = (TOO_LARGE, UNSUPPORTED_TYPE)

_ERROR: Final = {
    "type": "object",
    "required": ["code", "message", "more_info", "status"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "more_info": {"type": "string"},
        "status": {"type": "integer"},
    },
}
_ENVELOPE: Final[Mapping[str, Any]] = {
    "page": {"type": "integer"},
    "page_size": {"type": "integer"},
    "start": {"type": "integer"},
    "end": {"type": "integer"},
    "uri": {"type": "string"},
    "first_page_uri": {"type": "string"},
    "previous_page_uri": {"type": ["string", "null"]},
    "next_page_uri": {"type": ["string", "null"]},
}


def document(resources: Iterable[Resource]) -> dict[str, Any]:
    """The whole document. Paths are below each of the servers, which are the three spellings of the API."""
    resources = tuple(resources)
    paths: dict[str, dict[str, Any]] = {"/health": _health()}
    schemas: dict[str, Any] = {"Error": _ERROR}
    for resource in resources:
        for each in resource.operations:
            for suffix in sorted(each.formats - {Format.XML}):
                described = _operation(each, resource.name, suffix)
                paths.setdefault(f"{each.path}.{suffix}", {})[each.method.lower()] = described
            if each.shows is not None:
                schemas |= _schemas(each.shows)
    return {
        "openapi": "3.1.0",
        "info": {"title": "CallAPI", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": base} for base in sorted(BASES)],
        "security": [{"account": []}],
        "tags": [{"name": each.name, "description": each.about} for each in resources],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "account": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "account sid and auth token, or API key and secret",
                }
            },
        },
    }


def faults_of(operation: Operation) -> tuple[Fault, ...]:
    """All that it may be refused with, by status and code."""
    faults = {*_ALWAYS, *operation.faults}
    for each in operation.parameters:
        faults |= {each.fault} if each.missing is None else {each.fault, each.missing}
    if operation.method in _BODY_METHODS:
        faults |= set(_WITH_BODY)
    return tuple(sorted(faults, key=lambda each: (each.status, each.code)))


def _operation(operation: Operation, tag: str, suffix: Format) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [tag],
        "summary": operation.about,
        "description": operation.handler.__doc__ or operation.about,
        "operationId": _identifier(operation, suffix),
        "parameters": _path_parameters(operation.path),
        "responses": _responses(operation, suffix),
    }
    if operation.method in _BODY_METHODS:
        if operation.parameters:
            described["requestBody"] = _body(operation.parameters)
    else:
        described["parameters"] += [_query_parameter(each) for each in operation.parameters]
    return described


def _identifier(operation: Operation, suffix: Format) -> str:
    words = re.findall(r"\w+", operation.path)
    audio = suffix.value.capitalize() if suffix in _MEDIA else ""
    return operation.method.lower() + "".join(words) + audio


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _path_schema(collection, name),
        }
        for collection, name in _IN_PATH.findall(path)
    ]


def _path_schema(collection: str, name: str) -> dict[str, Any]:
    """A sid, or a sid or a name."""
    if name in NAMED:
        return {"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[^/]+$"}
    return {"type": "string", "pattern": f"^{_PREFIXES[collection]}[0-9a-f]{{32}}$"}


def _query_parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.about,
        "schema": _schema(parameter),
    }


def _body(parameters: Iterable[Parameter[Any]]) -> dict[str, Any]:
    parameters = tuple(parameters)
    required = [each.name for each in parameters if each.is_required]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: {**_schema(each), "description": each.about} for each in parameters},
    }
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {_FORM: {"schema": schema}}}


def _schema(parameter: Parameter[Any]) -> dict[str, Any]:
    schema = dict(parameter.kind.schema)
    if parameter.default not in {None, (), ""}:
        default = parameter.default
        schema["default"] = list(default) if isinstance(default, tuple) else default
    # Given empty, an optional parameter counts as absent, or takes away what was there.
    return schema if parameter.is_required else {"anyOf": [schema, {"type": "string", "maxLength": 0}]}


def _responses(operation: Operation, suffix: Format) -> dict[str, Any]:
    responses: dict[str, Any] = {str(operation.status): _success(operation, suffix)}
    for fault in faults_of(operation):
        text = f"{fault.code}: {fault.text}"
        known = responses.setdefault(
            str(fault.status),
            {
                "description": "",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        )
        known["description"] = "; ".join(filter(None, (known["description"], text)))
    return dict(sorted(responses.items()))


def _success(operation: Operation, suffix: Format) -> dict[str, Any]:
    if suffix in _MEDIA:
        return {"description": operation.about, "content": {_MEDIA[suffix]: {}}}
    if operation.shows is None:
        return {"description": "done"}
    name = operation.shows.plural_element if operation.is_list else _schema_name(operation.shows)
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": operation.about, "content": {"application/json": {"schema": schema}}}


def _schemas(shows: Representation[Any]) -> dict[str, Any]:
    properties = {each.name: dict(each.schema) for each in shows.fields}
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{_schema_name(shows)}"}}
    return {
        _schema_name(shows): {"type": "object", "required": list(properties), "properties": properties},
        camel_case(shows.plural): {
            "type": "object",
            "required": [shows.plural, *_ENVELOPE],
            "properties": {shows.plural: items, **_ENVELOPE},
        },
    }


def _health() -> dict[str, Any]:
    content = {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["status"],
                "properties": {"status": {"enum": ["ok", "draining"]}},
            }
        }
    }
    return {
        "servers": [{"url": "/"}],
        "get": {
            "summary": "Whether the node takes calls",
            "operationId": "getHealth",
            "security": [],
            "responses": {
                "200": {"description": "it does", "content": content},
                "503": {"description": "it is draining", "content": content},
            },
        },
    }


def _schema_name(shows: Representation[Any]) -> str:
    return shows.schema or shows.element
