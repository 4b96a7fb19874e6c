"""docs/serving.md: its table of fields is that of the schemas. Run as a program, this file writes it anew."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from distilbert.serve import schemas, schemas_cohere, schemas_hub, schemas_ollama, schemas_openai

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
TABLE = re.compile(r"(## Every field\n.*?\| field \|.*?\n\|---\|---\|---\|\n)(.*?)(?=\n[^|]|\Z)", re.DOTALL)
BODIES = {
    "`/models/NAME` of texts": schemas_hub.TextsRequest,
    "`/models/NAME` of pairs": schemas_hub.PairsRequest,
    "`/models/NAME`, zero-shot": schemas_hub.ZeroShotRequest,
    "`/models/NAME`, question answering": schemas_hub.QuestionRequest,
    "`/models/NAME`, multiple choice": schemas_hub.ChoiceRequest,
    "`/models/NAME` and `/similarity`": schemas.SimilarityRequest,
    "`/embed`": schemas.EmbedRequest,
    "`/embed_all` `/embed_sparse`": schemas.EmbedAllRequest,
    "`/predict`": schemas.PredictRequest,
    "`/rerank`": schemas.RerankRequest,
    "`/tokenize`": schemas.TokenizeRequest,
    "`/decode`": schemas.DecodeRequest,
    "`/v1/embeddings`": schemas_openai.OpenAIRequest,
    "`/v1/rerank`": schemas_openai.DocumentsRequest,
    "`/v1/classify`": schemas_openai.ClassifyRequest,
    "`/v1/multi-vector`": schemas_openai.MultiVectorRequest,
    "`/v2/embed`": schemas_cohere.CohereRequest,
    "`/api/embed`": schemas_ollama.OllamaRequest,
    "`/api/embeddings`": schemas_ollama.OllamaPrompt,
}


def rows() -> Iterator[str]:
    for place, body in BODIES.items():
        schema = body.model_json_schema()
        yield f"| **{place}** | | |"
        yield from fields(schema, schema.get("$defs", {}))


def fields(schema: dict[str, Any], named: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, field in schema["properties"].items():
        inner = next((named[part["$ref"].rsplit("/", 1)[1]] for part in parts(field) if "$ref" in part), None)
        if inner is not None and "properties" in inner and "items" not in field:
            yield from fields(inner, named, f"{before}{name}.")
        else:
            need = "" if name not in schema.get("required", ()) else "needed"
            about = field.get("description", need)
            yield f"| `{before}{name}` | {kind(field, named)} | {about} |"


def parts(field: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in field.get("anyOf", [field]) if part.get("type") != "null"]


def kind(field: dict[str, Any], named: dict[str, Any]) -> str:
    names = []
    for part in parts(field):
        if "$ref" in part:
            part = named[part["$ref"].rsplit("/", 1)[1]]
        if "anyOf" in part:
            names.append(kind(part, named))
        elif "const" in part:
            names.append(str(part["const"]))
        elif "enum" in part:
            names.append(" or ".join(map(str, part["enum"])))
        elif part.get("type") == "array":
            inside = kind(part["items"], named)
            names.append(f"list of ({inside})" if " or " in inside else f"list of {inside}")
        else:
            least, most = part.get("minimum"), part.get("maximum", part.get("exclusiveMaximum"))
            span = f" from {least} to {most}" if least is not None and most is not None and most < 2**31 else ""
            names.append({"object": "object with `text`", "string": "text"}.get(part["type"], part["type"]) + span)
    return " or ".join(dict.fromkeys(names))


def written() -> str:
    return TABLE.sub(lambda found: found[1] + "\n".join(rows()), PAGE.read_text(encoding="utf-8"))


def test_the_table_is_that_of_the_schemas() -> None:
    assert "## Every field" in written()
    assert PAGE.read_text(encoding="utf-8") == written(), "run python tests/serve/test_field_table.py"


def test_no_option_is_without_a_word() -> None:
    for body in BODIES.values():
        schema = body.model_json_schema()
        for each in (schema, *schema.get("$defs", {}).values()):
            for name, field in each.get("properties", {}).items():
                inner = any("$ref" in part for part in parts(field))
                assert name in each.get("required", ()) or inner or field.get("description"), (each["title"], name)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
