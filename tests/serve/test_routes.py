"""Every route, its answers and its errors, as TEI, the hub and OpenAI have them."""

import base64

import numpy as np
import pytest

pytest.importorskip("fastapi")

import httpx
from fastapi import FastAPI

from distilbert import Reranker, TextClassifier
from distilbert.tasks.task import Task
from helpers.live import Live, close, serving

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

TEXT = "a charming and often affecting journey"
OTHER = "it rains"
LONG = "good " * 300


def good(answer: httpx.Response):
    assert answer.status_code == 200, answer.text
    return answer.json()


def bad(answer: httpx.Response, status: int, kind: str, message: str = "") -> None:
    assert (answer.status_code, answer.json()["error_type"]) == (status, kind), answer.text
    assert message in answer.json()["error"]


def test_embed(server: Live, tasks: dict[str, Task]) -> None:
    embed = tasks["embed"]
    np.testing.assert_allclose(good(server.post("/embed", inputs=TEXT)), [embed(TEXT)], atol=1e-5)
    np.testing.assert_allclose(
        good(server.post("/embed", inputs=[TEXT, OTHER], normalize=False)),
        embed([TEXT, OTHER], normalize=False),
        atol=1e-5,
    )
    ids = embed.tokenizer.encode(TEXT).ids.tolist()
    for inputs in (ids, [ids], [ids, TEXT]):
        for vector in good(server.post("/models/embed/embed", inputs=inputs)):
            np.testing.assert_allclose(vector, embed(TEXT), atol=1e-5)
    asked = good(server.post("/embed", inputs=TEXT, prompt_name="query", dimensions=4))
    np.testing.assert_allclose(asked, [embed(TEXT, prompt_name="query", truncate_dim=4)], atol=1e-5)


def test_embed_refuses_what_is_too_long_unless_it_may_cut(server: Live, tasks: dict[str, Task]) -> None:
    bad(server.post("/embed", inputs=[OTHER, LONG]), 413, "Validation", "text 1 has 302 tokens, more than the 128")
    bad(server.post("/embed", inputs=LONG, truncate=False), 413, "Validation")
    cut = good(server.post("/embed", inputs=LONG, truncate=True))
    np.testing.assert_allclose(cut, [tasks["embed"](LONG)], atol=1e-5)


def test_embed_errors(server: Live) -> None:
    bad(server.post("/models/qa/embed", inputs=TEXT), 424, "Backend", "model 'qa' is not an embedding model")
    bad(server.post("/embed", inputs=[]), 400, "Empty")
    bad(
        server.post("/embed", inputs=[TEXT] * 2049),
        413,
        "Validation",
        "2049 texts are more than the 2048 of --max-texts",
    )
    bad(server.post("/embed", inputs=[1, 2, 6000]), 422, "Validation", "token id 6000")
    bad(server.post("/embed", inputs=TEXT, prompt_name="no such"), 422, "Validation", "it has query")
    bad(server.post("/models/none/embed", inputs=TEXT), 404, "Validation", "no model of this name")
    bad(server.post("/embed"), 422, "Validation", "inputs: Field required")


def test_embed_all(server: Live, tasks: dict[str, Task]) -> None:
    (got,) = good(server.post("/embed_all", inputs=TEXT))
    np.testing.assert_allclose(got, tasks["embed"].logits(TEXT)[0], atol=1e-5)


def test_embed_sparse(server: Live, tasks: dict[str, Task]) -> None:
    got = good(server.post("/embed_sparse", inputs=[TEXT, OTHER]))
    for entries, vector in zip(got, tasks["sparse"]([TEXT, OTHER]), strict=True):
        assert [entry["index"] for entry in entries] == vector.indices.tolist()
        assert [entry["value"] for entry in entries] == close(vector.values.tolist())
    bad(server.post("/models/embed/embed_sparse", inputs=TEXT), 424, "Backend")


def test_predict(server: Live, tasks: dict[str, Task]) -> None:
    classify = tasks["sentiment"]

    def labels(text: object, **options: object) -> list[dict[str, object]]:
        found = classify(text, top_k=None, **options)
        return [{"label": each.label, "score": close(each.score)} for each in found]

    assert good(server.post("/predict", inputs=TEXT)) == labels(TEXT)
    assert good(server.post("/predict", inputs=[TEXT, OTHER])) == labels((TEXT, OTHER)), "two strings are a pair"
    batch = good(server.post("/predict", inputs=[[TEXT], [TEXT, OTHER]]))
    assert batch == [labels(TEXT), labels((TEXT, OTHER))]
    assert good(server.post("/predict", inputs=TEXT, raw_scores=True)) == labels(TEXT, function="none")
    assert good(server.post("/predict", inputs=[[LONG]], truncate=True)) == [labels(LONG)]


@pytest.mark.parametrize("inputs", [[LONG], [[OTHER], [LONG]], [OTHER, LONG], [[LONG, OTHER]]])
def test_predict_refuses_what_is_too_long(server: Live, inputs: object) -> None:
    bad(server.post("/predict", inputs=inputs), 413, "Validation", "tokens, more than the 128")


def test_predict_errors(server: Live) -> None:
    bad(server.post("/predict", inputs=[]), 400, "Empty")
    bad(server.post("/predict", inputs=["a", "b", "c"]), 422, "Validation")
    bad(server.post("/predict", inputs=[["a"], []]), 422, "Validation")
    bad(server.post("/predict", inputs=[["a"]] * 2049), 413, "Validation")
    bad(server.post("/models/ner/predict", inputs=TEXT), 424, "Backend")


def test_rerank(server: Live, tasks: dict[str, Task]) -> None:
    texts = [OTHER, TEXT, "an affecting film"]
    ranked = tasks_as(Reranker, tasks["rerank"])(TEXT, texts)
    got = good(server.post("/rerank", query=TEXT, texts=texts))
    assert got == [{"index": each.index, "score": close(each.score)} for each in ranked]
    raw = good(server.post("/rerank", query=TEXT, texts=texts, raw_scores=True, return_text=True))
    assert [each["index"] for each in raw] == [each.index for each in ranked]
    assert [each["text"] for each in raw] == [texts[each.index] for each in ranked]
    assert [1 / (1 + np.exp(-each["score"])) for each in raw] == close([each.score for each in ranked])


def tasks_as(kind: type[Task], task: Task) -> Task:
    return kind(task.model)


def test_rerank_errors(server: Live) -> None:
    bad(server.post("/rerank", query=TEXT, texts=[]), 400, "Empty")
    bad(server.post("/rerank", query=TEXT, texts=[OTHER] * 2049), 413, "Validation")
    bad(server.post("/rerank", query=TEXT, texts=[LONG]), 413, "Validation")
    assert good(server.post("/rerank", query=TEXT, texts=[LONG], truncate=True))
    bad(server.post("/models/sentiment/rerank", query=TEXT, texts=[OTHER]), 424, "Backend", "not a re-ranker")


def test_similarity(server: Live, tasks: dict[str, Task]) -> None:
    inputs = {"source_sentence": TEXT, "sentences": [OTHER, TEXT]}
    want = tasks["embed"].similarity(TEXT, [OTHER, TEXT])
    assert good(server.post("/similarity", inputs=inputs)) == close(want.tolist())
    bad(server.post("/similarity", inputs=inputs | {"sentences": [LONG]}), 413, "Validation")
    cut = {"inputs": inputs | {"sentences": [LONG]}, "parameters": {"truncate": True, "prompt_name": "query"}}
    assert len(good(server.post("/similarity", **cut))) == 1


def test_tokenize_and_decode(server: Live, tasks: dict[str, Task]) -> None:
    text = "Affecting journeys, unaffectedly"
    (tokens,) = good(server.post("/tokenize", inputs=text))
    encoding = tasks["sentiment"].tokenizer.encode(text)
    assert [token["id"] for token in tokens] == encoding.ids.tolist()
    assert tokens[0] == {"id": encoding.ids[0], "text": "[CLS]", "special": True, "start": None, "stop": None}
    assert all(token["text"] == text[token["start"] : token["stop"]] for token in tokens if not token["special"])
    (plain,) = good(server.post("/tokenize", inputs=[text], add_special_tokens=False))
    assert plain == [token for token in tokens if not token["special"]]
    ids = [token["id"] for token in tokens]
    assert good(server.post("/decode", ids=ids)) == [tasks["sentiment"].tokenizer.decode(ids)]
    both = good(server.post("/decode", ids=[ids, [ids[1]]], skip_special_tokens=False))
    assert both[0].startswith("[CLS]")
    assert both[1] == tasks["sentiment"].tokenizer.decode([ids[1]])
    bad(server.post("/decode", ids=[6000]), 422, "Validation")


def test_info(server: Live) -> None:
    info = good(server.http.get("/models/nli/info"))
    assert (info["model_id"], info["model_dtype"]) == ("nli", "float32")
    assert info["model_type"]["classifier"]["id2label"] == {"0": "contradiction", "1": "neutral", "2": "entailment"}
    assert info["max_input_length"] == 128
    assert info["max_client_batch_size"] == 2048
    assert good(server.http.get("/models/embed/info"))["model_type"] == {"embedding": {"pooling": "mean"}}


def test_openai_answers_in_base64(server: Live, tasks: dict[str, Task]) -> None:
    answer = good(server.post("/v1/embeddings", input=TEXT, encoding_format="base64"))
    vector = np.frombuffer(base64.b64decode(answer["data"][0]["embedding"]), "<f4")
    np.testing.assert_allclose(vector, tasks["embed"](TEXT), atol=1e-5)
    error = server.post("/v1/embeddings", input=TEXT, model="none")
    assert error.status_code == 404
    assert error.json()["error"]["message"].startswith("no model of this name")
    assert error.json()["error"]["code"] == "model_not_found"


def test_hub_takes_lists(server: Live, tasks: dict[str, Task]) -> None:
    got = good(server.post("/models/ner", inputs=[TEXT, OTHER]))
    assert [[each["word"] for each in of_text] for of_text in got] == [
        [each.text for each in of_text] for of_text in tasks["ner"]([TEXT, OTHER])
    ]
    masks = good(server.post("/models/mlm", inputs="a [MASK] and [MASK] film", parameters={"top_k": 2}))
    assert [[each["token_str"] for each in of_text] for of_text in masks] == [
        [each.token for each in of_text] for of_text in tasks["mlm"]("a [MASK] and [MASK] film", top_k=2)
    ]


def test_hub_multiple_choice_and_sparse(server: Live, tasks: dict[str, Task]) -> None:
    got = good(server.post("/models/choice", inputs={"prompt": TEXT, "choices": [OTHER, "a film"]}))
    assert got == [
        {"label": each.label, "score": close(each.score)} for each in tasks["choice"](TEXT, [OTHER, "a film"])
    ]
    assert len(good(server.post("/models/sparse", inputs=TEXT, parameters={"top_k": 3}))) == 3


def test_hub_base64_features(server: Live, tasks: dict[str, Task]) -> None:
    (vector,) = good(server.post("/models/embed", inputs=TEXT, encoding_format="base64"))
    np.testing.assert_allclose(np.frombuffer(base64.b64decode(vector), "<f4"), tasks["embed"](TEXT), atol=1e-5)


def test_hub_cuts_unless_told_not_to(server: Live, tasks: dict[str, Task]) -> None:
    ((label, *_),) = good(server.post("/", inputs=LONG))
    assert label["score"] == close(tasks_as(TextClassifier, tasks["sentiment"])(LONG).score)
    bad(server.post("/", inputs=LONG, truncate=False), 413, "Validation")


def test_hub_refuses_parameters_that_would_do_nothing(server: Live) -> None:
    bad(server.post("/", inputs=TEXT, parameters={"stride": 3}), 422, "Validation", "stride: not for a model of")
    bad(server.post("/", inputs=TEXT, parameters={"topk": 3}), 422, "Validation")
    bad(server.post("/", inputs=TEXT, normalize=True), 422, "Validation", "normalize: not for")
    bad(server.post("/models/embed", inputs=TEXT, parameters={"top_k": 3}), 422, "Validation")


def test_hub_tells_what_a_model_cannot_do(server: Live) -> None:
    bad(server.post("/", inputs={"question": "who?", "context": "me"}), 424, "Backend", "'sentiment' is not a question")
    bad(server.post("/models/qa", inputs=TEXT), 424, "Backend")
    labels = {"candidate_labels": ["a", "b"]}
    bad(server.post("/models/sentiment", inputs=TEXT, parameters=labels), 424, "Backend", "inference (NLI)")
    bad(server.post("/models/qa", inputs={"question": "", "context": "me"}), 422, "Validation", "question 0 is empty")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nothing", "no route POST /nothing; all are at /docs"),
        ("/Embed", "there is /embed"),
        ("/api/chat/completions", "no model here writes text"),
        ("/score", "POST /v1/rerank"),
        ("/pooling", "POST /embed_all"),
        ("/models/embed/pipeline/feature-extraction", "POST /models/NAME"),
        ("/v2/models/embed/infer", "POST /models/NAME"),
        ("/api/tags", "GET /models"),
        ("/" + "a" * 5000, "all are at /docs"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(server: Live, path: str, message: str) -> None:
    bad(server.post(path), 404, "Validation", message)


def test_what_is_not_there_needs_no_description(tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FastAPI, "openapi", pytest.fail)  # it takes a third of a second to make
    with serving({"embed": tasks["embed"]}) as live:
        assert live.http.get("/none").status_code == 404
        assert live.http.get("/embed").status_code == 405


def test_methods_that_a_path_does_not_have(server: Live) -> None:
    bad(server.http.get("/embed"), 405, "Validation", "GET is not for /embed; ask with POST")
    for method, path, allowed in (
        ("GET", "/embed", "POST"),
        ("DELETE", "/", "GET, HEAD, POST"),
        ("PUT", "/info", "GET, HEAD"),
    ):
        answer = server.http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_metrics(server: Live) -> None:
    before = server.metric('distilbert_texts_total{model="sentiment"}')
    good(server.post("/predict", inputs=[["one more"], ["and another one"]]))
    assert server.metric('distilbert_texts_total{model="sentiment"}') == before + 2
    assert server.metric('distilbert_requests_total{model="sentiment",route="/predict",status="200"}') >= 1
    assert server.metric('distilbert_errors_total{kind="Empty"}') >= 0
    for stage in ("thread", "wait", "run", "task"):
        assert server.metric(f'distilbert_stage_seconds_count{{stage="{stage}"}}') >= 1
    assert server.metric("distilbert_queue_texts") == 0
    assert server.metric("distilbert_run_tokens_count") >= 1


@pytest.mark.parametrize("path", ["/embed/", "//embed", "/models//embed///embed", "/models/embed/"])
def test_slashes_that_say_nothing_are_passed_over(server: Live, path: str) -> None:
    answer = server.http.post(path, json={"inputs": "a"}, headers={"Host": "localhost"}, follow_redirects=False)
    assert answer.status_code == 200
    assert server.http.get("/health/").status_code == 200


@pytest.mark.parametrize("path", ["health", "info", "v1/models", "v1/models/qa", "ping"])
def test_models_that_are_not_there_have_no_routes(server: Live, path: str) -> None:
    assert server.http.get(f"/models/qa/{path}").status_code == 200
    assert server.http.get(f"/models/none/{path}").status_code == 404
