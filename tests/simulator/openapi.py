"""Checks an answer against the carrier's published description of its API, when that is at hand."""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

DESCRIPTION = Path(__file__).parents[2].parent / "shared/data/twilio-openapi/twilio_api_v2010.json"

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@cache
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return loaded


def answer_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """The schema of an answer, found by its concrete path.

    Raises:
        LookupError: the description has no such path, method or status.
    """
    for template, operations in description()["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+?", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in operations:
            responses = operations[method.lower()]["responses"]
            if str(status) not in responses:
                raise LookupError(f"{method} {template} answers {list(responses)}, not {status}")
            content = responses[str(status)].get("content", {})
            schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
            return schema
    raise LookupError(f"no {method} {path}")


def problems(schema: dict[str, Any], value: object, where: str = "") -> list[str]:
    """What about a value does not fit its schema; properties that are missing count."""
    if "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if value is None:
        # The description forgets "nullable" on enumerations behind a reference.
        return [] if schema.get("nullable") or "enum" in schema else [f"{where} is null"]
    kind = schema.get("type")
    if kind is not None:
        wanted = TYPES[kind]
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
            return [f"{where} is {value!r}, not {kind}"]
    found: list[str] = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is {value!r}, not one of {schema['enum']}")
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"{where} is {value!r}, which does not match {schema['pattern']}")
        if schema.get("format") == "date-time-rfc-2822":
            parsedate_to_datetime(value)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, inner in properties.items():
            if name not in value:
                found.append(f"{where}.{name} is missing")
            else:
                found += problems(inner, value[name], f"{where}.{name}")
        if properties:
            found += [f"{where}.{name} is not described" for name in set(value) - set(properties)]
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += problems(schema.get("items", {}), item, f"{where}[{index}]")
    return found
