"""The OpenAPI page is whole: its examples work, and what it describes cannot break the server."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from distilbert.tasks.task import Task
from helpers.live import Live, serving

pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = Path(__file__).with_name("schemathesis.toml")


def _bodies(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of a route's bodies."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return content["schema"].get("oneOf", [content["schema"]]) if content else []


def _example(part: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The example of a schema, or one put together from its required fields."""
    if "$ref" in part:
        part = schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
    if part.get("examples"):
        return part["examples"][0]
    return {name: _example(part["properties"][name], schema) for name in part.get("required", ())}


def test_every_route_has_a_description_and_an_example_that_works(server: Live) -> None:
    schema = server.http.get("/openapi.json").json()
    models = {
        "TextsRequest": "sentiment",
        "PairsRequest": "nli",
        "ZeroShotRequest": "nli",
        "QuestionRequest": "qa",
        "SimilarityRequest": "embed",
        "ChoiceRequest": "choice",
        "EmbedAllRequest": "sparse",
    }
    tried = 0
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), path
            assert "200" in operation["responses"]
            if method != "post" or not path.startswith("/models/"):
                continue
            for body in _bodies(operation):
                name = models.get(body["$ref"].rsplit("/", 1)[1], "embed")
                if path.endswith(("/predict", "/classify")):
                    name = "sentiment"
                if path.endswith("/rerank"):
                    name = "rerank"
                if path.endswith("/multi-vector"):
                    name = "late"
                if path.endswith("/embed_all"):
                    name = "embed"
                answer = server.http.post(path.format(name=name), json=_example(body, schema))
                assert answer.status_code == 200, (path, answer.text)
                tried += 1
    assert tried == 26


def test_the_description_holds_what_the_server_does(server: Live, tasks: dict[str, Task]) -> None:
    schema = server.http.get("/openapi.json").json()
    assert "HTTPValidationError" not in json.dumps(schema)
    assert "security" not in schema
    with serving({"embed": tasks["embed"]}, api_key="k") as keyed:
        schema = keyed.http.get("/openapi.json", headers={"Authorization": "Bearer k"}).json()
        assert schema["security"] == [{"key": []}]
        assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
        assert schema["paths"]["/health"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("path", "methods"), [("/", "GET, HEAD, POST"), ("/models/embed", "POST"), ("/info", "GET, HEAD")]
)
def test_what_is_not_allowed_says_what_is(server: Live, path: str, methods: str) -> None:
    for method, status in (("PUT", 405), ("OPTIONS", 204)):
        answer = server.http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (status, methods)


def _run(server: Live, tmp_path: Path, *options: str) -> None:
    """Schemathesis itself, with all of its checks."""
    assert server.http.get("/openapi.json").status_code == 200  # made once; Schemathesis itself waits ten seconds
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run", *options, "--no-color"]
    done = subprocess.run(
        [*command, f"{server.url}/openapi.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-10_000:]


def test_the_contract_holds_for_the_examples(server: Live, tmp_path: Path) -> None:
    _run(server, tmp_path, "--phases=examples")


@pytest.mark.slow
def test_the_contract_holds(server: Live, tmp_path: Path) -> None:
    _run(server, tmp_path, "--max-examples=30")


def _fuzz(server: Live, examples: int, *, of_models: bool) -> int:
    """Requests made from the description, right ones and wrong ones; no answer may be the server's fault.

    `of_models`: also to the same routes below /models/NAME.
    """
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, given, settings

    loaded = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    count = 0
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    for result, mode in itertools.product(loaded.get_all_operations(), modes):
        operation = result.ok()
        if "{name}" in operation.path and not of_models:
            continue
        if mode is modes[1] and not operation.body:  # nothing there to get wrong
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def check(case: Any) -> None:
            nonlocal count
            answer = case.call(base_url=server.url)
            count += 1
            assert answer.status_code < 500, (case, answer.text)
            if answer.status_code >= 400:
                error = json.loads(answer.text)["error"]
                assert error
                assert "Traceback" not in answer.text

        check()
    return count


def test_fuzzing_finds_no_fault(server: Live) -> None:
    assert _fuzz(server, 1, of_models=False) > 25


@pytest.mark.slow
def test_long_fuzzing_finds_no_fault(server: Live) -> None:
    assert _fuzz(server, 100, of_models=True) > 3000
