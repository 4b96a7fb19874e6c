"""The OpenAPI description as a page that needs no script and nothing from elsewhere."""

import html
import json
from collections.abc import Mapping
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f4f4f4;padding:.8rem;overflow-x:auto;white-space:pre-wrap}"
    "summary{cursor:pointer;padding:.3rem 0}code{font-size:.95em}"
)


def openapi_page(schema: Mapping[str, Any]) -> str:
    """HTML with every route, what it does, an example of a request and its fields, and what it answers."""
    routes = [
        _route(method, path, operation, schema)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    about = f"{html.escape(schema['info']['title'])} {html.escape(schema['info']['version'])}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{about}</title><style>{_STYLE}</style>'
        f"<h1>{about}</h1><p>{html.escape(schema['info'].get('summary', ''))}. "
        f'The same for programs: <a href="/openapi.json">openapi.json</a>.</p>{"".join(routes)}</html>'
    )


def _route(method: str, path: str, operation: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    parts = [f"<p>{html.escape(operation.get('description', ''))}</p>"]
    for body in _bodies(operation):
        example = json.dumps(_example(body, schema), indent=2)
        parts.append(f"<pre>{html.escape(example)}</pre>{_fields(body, schema)}")
    answers = (
        f"<li>{status}: {html.escape(each['description'])}</li>" for status, each in operation["responses"].items()
    )
    return (
        f"<details><summary><code>{method.upper()} {html.escape(path)}</code></summary>"
        f"{''.join(parts)}<ul>{''.join(answers)}</ul></details>"
    )


def _bodies(operation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return []
    schema = content["schema"]
    return list(schema.get("oneOf", [schema]))


def _fields(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A list of a body's fields: name, type, what it means; those of a field that is an object below it."""
    part = _found(part, schema)
    items = []
    for name, field in part.get("properties", {}).items():
        needed = ", needed" if name in part.get("required", ()) else ""
        about = html.escape(
            f"{_type(field, schema)}{needed}{': ' * ('description' in field)}{field.get('description', '')}"
        )
        inner: Mapping[str, Any] = next((each for each in (field, *field.get("anyOf", ())) if "$ref" in each), {})
        items.append(f"<li><code>{html.escape(name)}</code> {about}{_fields(inner, schema)}</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _type(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    field = _found(field, schema)
    if "anyOf" in field:
        return " or ".join(_type(each, schema) for each in field["anyOf"] if each.get("type") != "null")
    if "enum" in field:
        return " or ".join(map(json.dumps, field["enum"]))
    return f"list of {_type(field['items'], schema)}" if "items" in field else str(field.get("type", "any"))


def _found(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference refers to; anything else as it is."""
    if "$ref" not in part:
        return part
    found: Mapping[str, Any] = schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
    return found


def _example(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """The example of a schema, or one put together from its fields that must be there."""
    part = _found(part, schema)
    if part.get("examples"):
        return part["examples"][0]
    wanted = part.get("required", ())
    return {name: _example(field, schema) for name, field in part.get("properties", {}).items() if name in wanted}
