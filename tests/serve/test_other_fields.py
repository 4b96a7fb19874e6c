"""Fields that change an answer on another route or server: honoured, or refused by name with the way out."""

import base64
import json
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")

from distilbert import Reranker
from distilbert.serve import other_fields, schemas
from distilbert.tasks.task import Task
from helpers.live import Live
from helpers.served_bodies import BODIES, TEXT, schema

LONG = "good " * 60 + "bad " * 150
pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

ROUTES = [name for name in BODIES if issubclass(schema(name), schemas.Body)]
OTHERS = other_fields.OTHER


def test_every_option_is_among_those_that_may_not_be_ignored() -> None:
    options = {
        field
        for name in BODIES
        for field, about in schema(name).model_fields.items()
        if not about.is_required() and not (about.description or "").startswith("no effect")
    }
    assert options - {"model", "parameters", "options"} <= OTHERS.keys()


@pytest.mark.parametrize("route", ROUTES)
def test_what_changes_an_answer_elsewhere_is_not_ignored(server: Live, route: str) -> None:
    path, body = BODIES[route]
    for field, why in OTHERS.items():
        if field in schema(route).model_fields or (route, field) == ("RerankRequest", "documents"):
            continue
        answer = server.http.post(path, json={field: [1, "x"]} | body)
        told = answer.json()["error"]
        assert answer.status_code == 422, field
        assert (told if isinstance(told, str) else told["message"]) == f"{field}: {why}"
        assert isinstance(told, str) or told["param"] == field
        assert server.http.post(path, json={field: None} | body).status_code == 200
    done = {name: values[0] for name, values in other_fields.DONE.items() if name not in schema(route).model_fields}
    assert server.http.post(path, json=done | body | {"nobody_knows": 1}).status_code == 200


def test_vectors_as_the_servers_that_speak_openais_have_them(server: Live, tasks: dict[str, Task]) -> None:
    embed = tasks["embed"]

    def vector(text: str = TEXT, **options: object) -> Any:
        answer = server.post("/v1/embeddings", input=text, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]["embedding"]

    for got, want in (
        (vector(normalize=True), embed(TEXT, normalize=True)),
        (vector(prompt_name="query"), embed(TEXT, prompt_name="query")),
        (vector(input_type="query"), embed.encode_query(TEXT)),
        (vector(input_type="search_document"), embed.encode_document(TEXT)),
        (vector(output_dimension=4), embed(TEXT, truncate_dim=4)),
        (vector(LONG, truncate=True), embed(LONG)),
        (vector(LONG, truncation=True), embed(LONG)),
        (vector(LONG, truncate="START"), embed("bad " * 126)),
        (vector(input_type="passage"), embed.encode_document(TEXT)),
        (vector(input_type="text"), embed(TEXT)),
        (vector(LONG, truncate_prompt_tokens=-1), embed(LONG)),
        (vector(LONG, truncate_prompt_tokens=34), embed("good " * 32)),
    ):
        np.testing.assert_allclose(got, want, atol=1e-5)
    for refused in (False, "NONE"):
        assert server.post("/v1/embeddings", input=LONG, truncate=refused).status_code == 413
    assert server.post("/v1/embeddings", input=TEXT, truncate_prompt_tokens=0).status_code == 422


def test_vectors_as_cohere_has_them(server: Live, tasks: dict[str, Task]) -> None:
    embed = tasks["embed"]
    types = ["float", "base64"]
    answer = server.post("/v2/embed", texts=[TEXT, LONG], embedding_types=types, input_type="search_query").json()
    np.testing.assert_allclose(answer["embeddings"]["float"], embed.encode_query([TEXT, LONG]), atol=1e-5)
    decoded = [np.frombuffer(base64.b64decode(each), "<f4") for each in answer["embeddings"]["base64"]]
    np.testing.assert_allclose(decoded, embed.encode_query([TEXT, LONG]), atol=1e-5)
    assert answer["texts"] == [TEXT, LONG]
    assert answer["meta"]["billed_units"]["input_tokens"] > 128
    (got,) = server.post("/v1/embed", texts=[LONG], max_tokens=34, input_type="clustering").json()["embeddings"]
    np.testing.assert_allclose(got, embed("good " * 32), atol=1e-5)
    (got,) = server.post("/models/embed/v1/embed", texts=[LONG], truncate="START").json()["embeddings"]
    np.testing.assert_allclose(got, embed("bad " * 126), atol=1e-5)
    assert server.post("/v2/embed", texts=[LONG], truncate="NONE").status_code == 413
    assert server.post("/v2/embed", texts=[]).status_code == 400
    assert "embedding_types.0" in server.post("/v2/embed", texts=[TEXT], embedding_types=["int8"]).text


def test_documents_are_cut_and_counted_as_cohere_and_voyage_have_it(server: Live, tasks: dict[str, Task]) -> None:
    rank = Reranker(tasks["rerank"].model)

    def scores(**options: object) -> dict[int, float]:
        answer = server.post("/v1/rerank", query="a", documents=[LONG, "bad good good"], **options)
        assert answer.status_code == 200, answer.text
        return {each["index"]: each["relevance_score"] for each in answer.json()["results"]}

    cut = rank("a", ["good good", "bad good"])
    assert scores(max_tokens_per_doc=2) == {each.index: pytest.approx(each.score, abs=1e-5) for each in cut}
    assert len(scores(top_k=1)) == 1
    assert scores(truncation=True) == scores()
    for model in ("rerank", "late"):
        refused = server.post("/v1/rerank", query="a", documents=[TEXT, LONG], truncation=False, model=model)
        assert refused.status_code in (413, 422)
        assert "128" in refused.text
    refused = server.post("/v1/classify", input=TEXT, labels=["a", "b"], use_activation=False)
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "use_activation")


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("embed", {"dimensions": 2, "parameters": {"dimensions": 3}}, "dimensions: one value stands beside inputs"),
        ("embed", {"truncate": False, "parameters": {"truncate": True}}, "truncate: one value stands beside"),
        ("embed", {"parameters": {"truncate": False, "truncation": True}}, "truncate: give it or truncation"),
        ("sentiment", {"parameters": {"top_k": 2, "return_all_scores": True}}, "top_k: give it or return_all_scores"),
    ],
)
def test_two_values_of_one_option_are_an_error(server: Live, name: str, body: dict[str, Any], message: str) -> None:
    answer = server.post(f"/models/{name}", inputs=TEXT, **body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(message)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"dimensions": 2, "output_dimension": 3}),
        ("/v1/embeddings", {"truncate": False, "truncation": True}),
        ("/v1/embeddings", {"prompt_name": "query", "input_type": "document"}),
        ("/v1/rerank", {"top_n": 1, "top_k": 2}),
    ],
)
def test_two_names_of_one_option_do_not_differ(server: Live, path: str, body: dict[str, Any]) -> None:
    first, second = body
    texts = {"query": "a", "documents": ["b", "c"]} if path == "/v1/rerank" else {"input": TEXT}
    answer = server.post(path, **texts, **body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(f"{first} and {second} ")


def test_several_questions_at_once(server: Live, tasks: dict[str, Task]) -> None:
    questions = [{"question": "where ?", "context": TEXT}, {"question": "who ?", "context": "it rains " * 200}]
    for options, count in (({}, None), ({"top_k": 2}, 2)):
        alone = [server.post("/models/qa", inputs=each, parameters=options).json() for each in questions]
        together = server.post("/models/qa", inputs=questions, parameters=options).json()
        assert [len(each) if count else None for each in together] == [count, count]
        assert together == [
            pytest.approx(each, abs=1e-5) if isinstance(each, dict) else [pytest.approx(one, abs=1e-5) for one in each]
            for each in alone
        ]
    assert server.post("/models/qa", inputs=[questions[0]] * 2049).status_code == 413
    refused = server.post("/models/qa", inputs=[questions[0], {"question": "a"}])
    assert refused.json()["error"] == "inputs.1.context: Field required"


@pytest.mark.parametrize(
    ("name", "inputs", "parameters", "message"),
    [
        ("nli", TEXT, {"candidate_labels": []}, "give at least one label"),
        ("choice", {"prompt": TEXT, "choices": []}, None, "give at least one choice"),
        ("qa", TEXT, None, 'send "inputs": {"question": text, "context": text}'),
        ("choice", TEXT, None, 'send "inputs": {"prompt": text, "choices": texts}'),
        ("late", TEXT, None, "ask /v1/multi-vector or /rerank"),
        ("mlm", "[MASK]", {"targets": ["\ud800"]}, "target "),
    ],
)
def test_errors_tell_the_way_out(server: Live, name: str, inputs: object, parameters: object, message: str) -> None:
    body = {"inputs": inputs} | ({"parameters": parameters} if parameters else {})
    answer = server.send(json.dumps(body).encode(), path=f"/models/{name}")
    assert 400 <= answer.status_code < 500
    assert message in answer.json()["error"]
