"""The API's description (OpenAPI 3.1), made from its operations, and the schema of events."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

import callscribe
from callscribe.events import VERSION, AnyEvent
from callscribe.exports.document import outdented
from callscribe.web.v1.operations import PATH_PARAMETERS, Operation
from callscribe.web.v1.problems import MEDIA_TYPE, PREFIX, ProblemDetails

_REF = "#/components/schemas/{name}"

_ALWAYS = {
    400: "The request cannot be understood.",
    401: "No token, or a wrong one.",
    403: "The token does not have the scope, or another web site asks.",
    404: "Not found.",
    409: "Not possible now.",
    413: "The body is too large.",
    422: "The body is JSON, but not what was expected.",
    429: "Too many wrong tokens.",
    503: "The record cannot be read or written at the moment.",
}
_EVERYWHERE = (400, 401, 403, 429, 503)


def describe(operations: Sequence[Operation[Any, Any]], server: str = "/") -> dict[str, Any]:
    """The whole document."""
    types = [ProblemDetails, AnyEvent]
    for operation in operations:
        types += [kind for kind in (operation.query, operation.body, operation.answer) if kind]
    made, components = msgspec.json.schema_components(types, ref_template=_REF)
    schemas = dict(zip(map(_key, types), made, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, schemas, components)
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = described
    queries = {_name(schemas[_key(operation.query)]) for operation in operations}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "callscribe",
            "version": callscribe.__version__,
            "summary": "Phone calls as text, live and afterwards.",
            "description": _ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: s for name, s in components.items() if name not in queries},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by `callscribe tokens add NAME`, or the token of the pages.",
                }
            },
        },
    }


_ABOUT = """Every request needs a token with the operation's scope: `read` to see and hear, `control` to change calls, \
`admin` for everything, tokens and deletion included.

Lists come in pages: ask again with the `cursor` of the last answer until it is empty. Errors are \
problem details (RFC 9457). Within version 1 fields, events and operations are added, never changed or removed: \
ignore what you do not know."""


def event_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of every event, as `--json`, the event stream and the journal give them."""
    (schema,), components = msgspec.json.schema_components(
        [AnyEvent], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:callscribe:events:{VERSION}",
        "title": "An event of a call",
        "description": f"Version {VERSION}. Within a version events and fields are added, never changed or removed.",
        **schema,
        "$defs": outdented(components),
    }


def _operation(
    operation: Operation[Any, Any],
    schemas: Mapping[str, dict[str, Any]],
    components: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`.",
        "tags": [operation.path.split("/")[1] or "about"],
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(schemas[_key(operation.query)], components),
        ],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        content = {"application/json": {"schema": schemas[_key(operation.body)]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    found = []
    for name in re.findall(r"\{(\w+)", path):
        schema = msgspec.json.schema(PATH_PARAMETERS[name])
        about = schema.pop("description")
        found.append(
            {"name": name, "in": "path", "required": True, "description": about, "schema": schema}
        )
    return found


def _query_parameters(
    schema: Mapping[str, Any], components: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    parameters = components[_name(schema)]
    required = parameters.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": {key: value for key, value in about.items() if key != "description"},
            **({"description": about["description"]} if "description" in about else {}),
        }
        for name, about in parameters["properties"].items()
    ]


def _responses(
    operation: Operation[Any, Any], schemas: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    if operation.answer is not None:
        content = {operation.media: {"schema": schemas[_key(operation.answer)]}}
        good = {str(operation.status): {"description": "Done.", "content": content}}
    elif operation.media != "application/json":
        content = {operation.media: {}}
        good = {str(operation.status): {"description": "Done.", "content": content}}
    else:
        good = {"204": {"description": "Done."}}
    statuses = {*_EVERYWHERE, *operation.problems}
    if "{" in operation.path:
        statuses.add(404)
    if operation.body is not None:
        statuses |= {413, 422}
    problem = {MEDIA_TYPE: {"schema": schemas[_key(ProblemDetails)]}}
    return good | {
        str(status): {"description": _ALWAYS[status], "content": problem}
        for status in sorted(statuses)
    }


def _key(kind: Any) -> str:
    return repr(kind)


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
