"""Every field that clients' own specifications have is honoured, said to have no effect, or refused by name."""

import dataclasses
from typing import Any

import numpy as np
import pytest

pytest.importorskip("huggingface_hub")

from huggingface_hub.inference._generated import types as hub_types

from distilbert import InputError, LateInteractionEncoder, Reranker, TextClassifier, ZeroShotClassifier
from distilbert.serve import Settings, create_app, schemas_hub
from distilbert.tasks.task import Task
from distilbert.tasks.zero_shot_similarity import SimilarityClassifier
from helpers.live import Live, serving
from helpers.served_bodies import BODIES, TEXT, schema

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

LONG = "good " * 60 + "bad " * 150

OPTIONAL = [
    (name, field) for name in BODIES for field, about in schema(name).model_fields.items() if not about.is_required()
]


@pytest.mark.parametrize(("name", "field"), OPTIONAL)
def test_null_is_not_given(server: Live, name: str, field: str) -> None:
    path, body = BODIES[name]
    assert server.http.post(path, json=body | {field: None}).status_code == 200


def test_parameters_that_are_null_are_not_given(server: Live) -> None:
    nothing = dict.fromkeys(schemas_hub.Parameters.model_fields)
    assert server.post("/models/sentiment", inputs=TEXT, parameters=nothing).status_code == 200
    given = dict.fromkeys(schemas_hub.QuestionParameters.model_fields)
    inputs = {"question": "where ?", "context": TEXT}
    assert server.post("/models/qa", inputs=inputs, parameters=given).status_code == 200


@pytest.mark.parametrize(
    ("specification", "ours"),
    [
        ("TextClassificationParameters", "Parameters"),
        ("TokenClassificationParameters", "Parameters"),
        ("FillMaskParameters", "Parameters"),
        ("FeatureExtractionInput", "TextsRequest"),
        ("ZeroShotClassificationParameters", "ZeroShotParameters"),
        ("QuestionAnsweringParameters", "QuestionParameters"),
        ("QuestionAnsweringInputData", "Question"),
        ("SentenceSimilarityInputData", "Compared"),
    ],
)
def test_the_hubs_fields_are_all_known(specification: str, ours: str) -> None:
    fields = {field.name for field in dataclasses.fields(getattr(hub_types, specification))}
    assert fields <= schema(ours).model_fields.keys()


def parameters(server: Live, name: str, text: str = TEXT, **given: object) -> Any:
    return server.post(f"/models/{name}", inputs=text, parameters=given)


# each parameter of the hub's bodies: a value, and the models that take it
PARAMETERS: dict[str, tuple[object, set[str]]] = {
    "top_k": (1, {"sentiment", "mlm", "sparse"}),
    "function_to_apply": ("none", {"sentiment"}),
    "return_all_scores": (False, {"sentiment"}),
    "aggregation_strategy": ("first", {"ner"}),
    "ignore_labels": (["O"], {"ner"}),
    "stride": (4, {"ner"}),
    "targets": (["good"], {"mlm"}),
    "normalize": (True, {"embed"}),
    "dimensions": (4, {"embed"}),
    "encoding_format": ("base64", {"embed"}),
    "prompt_name": ("query", {"embed"}),
    "truncate": (True, {"sentiment", "ner", "mlm", "embed", "sparse"}),
    "truncation": (True, {"sentiment", "ner", "mlm", "embed", "sparse"}),
    "truncation_direction": ("left", {"sentiment", "embed", "sparse"}),
    "max_length": (8, {"sentiment", "embed", "sparse"}),
    "padding": (True, {"sentiment", "ner", "mlm", "embed", "sparse"}),
}


def test_every_parameter_is_in_the_table() -> None:
    assert PARAMETERS.keys() == schemas_hub.Parameters.model_fields.keys()


@pytest.mark.parametrize("field", PARAMETERS)
@pytest.mark.parametrize("name", ["sentiment", "ner", "mlm", "embed", "sparse"])
def test_a_parameter_is_taken_or_refused_by_name(server: Live, name: str, field: str) -> None:
    value, takes = PARAMETERS[field]
    answer = parameters(server, name, f"{TEXT} [MASK]", **{field: value})
    if name in takes:
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code == 422
        wanted = "no prompt of this name" if (name, field) == ("sparse", "prompt_name") else f"{field}: not for a model"
        assert wanted in answer.text
    beside = server.post(f"/models/{name}", inputs=f"{TEXT} [MASK]", **{field: value})
    if field in schemas_hub.TextsRequest.model_fields:
        assert beside.status_code == answer.status_code
        assert beside.json() == answer.json()
    else:
        assert beside.status_code == 422
        assert f"{field}: not known here" in beside.text


def test_parameters_do_what_they_say(server: Live, tasks: dict[str, Task]) -> None:
    embed, classify = tasks["embed"], tasks["sentiment"]
    assert isinstance(classify, TextClassifier)
    (got,) = parameters(server, "embed", normalize=True, dimensions=4, prompt_name="query").json()
    np.testing.assert_allclose(got, embed(TEXT, normalize=True, truncate_dim=4, prompt_name="query"), atol=1e-5)
    assert len(parameters(server, "sentiment", return_all_scores=True).json()[0]) == 2
    assert len(parameters(server, "sentiment", return_all_scores=False).json()[0]) == 1
    assert parameters(server, "sentiment", LONG, truncation=False).status_code == 413
    assert parameters(server, "sentiment", LONG, truncation=True).status_code == 200
    (got,) = parameters(server, "embed", LONG, truncation=True, max_length=34).json()
    np.testing.assert_allclose(got, embed("good " * 32), atol=1e-5)
    (got,) = parameters(server, "sentiment", LONG, truncation_direction="left").json()
    assert {each["label"]: each["score"] for each in got} == {
        each.label: pytest.approx(each.score, abs=1e-5) for each in classify("bad " * 126, top_k=None)
    }


def test_pairs_are_classified_as_transformers_has_them(server: Live) -> None:
    def ask(inputs: object, **given: object) -> Any:
        return server.post("/models/nli", inputs=inputs, parameters=given).json()

    predicted = server.post("/models/nli/predict", inputs=[[TEXT, "it rains"], [TEXT]]).json()
    want = [
        [{"label": each["label"], "score": pytest.approx(each["score"], abs=1e-5)} for each in labels]
        for labels in predicted
    ]
    pair = {"text": TEXT, "text_pair": "it rains"}
    assert ask([pair, {"text": TEXT}]) == want
    assert ask(pair) == want[:1]
    assert ask(pair, top_k=1) == [want[0][:1]]
    assert "inputs.texts: not known here" in ask({"text": TEXT, "texts": 1})["error"]
    assert "a sequence classification model" in server.post("/models/embed", inputs=pair).json()["error"]


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("nli", {"inputs": TEXT, "truncate": True, "parameters": {"candidate_labels": ["a", "b"]}}, "truncate"),
        ("nli", {"inputs": TEXT, "parameters": {"candidate_labels": ["a", "b"], "top_k": 1}}, "parameters.top_k"),
        ("qa", {"inputs": {"question": "a", "context": "b"}, "normalize": True}, "normalize"),
        ("embed", BODIES["SimilarityRequest"][1] | {"parameters": {"nonsense": 1}}, "parameters.nonsense"),
        ("embed", BODIES["SimilarityRequest"][1] | {"normalize": True}, "normalize"),
        ("sentiment", {"inputs": TEXT, "parameters": {"temperature": 1}}, "parameters.temperature"),
        ("sentiment", {"inputs": TEXT, "temperature": None}, "temperature"),
        ("choice", BODIES["ChoiceRequest"][1] | {"parameters": {}}, "parameters"),
    ],
)
def test_what_the_hubs_route_does_not_know_is_an_error(
    server: Live, name: str, body: dict[str, Any], field: str
) -> None:
    answer = server.post(f"/models/{name}", **body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"{field}: not known here")


# ---- the routes of Cohere, Jina and vLLM


def test_documents_are_ranked(server: Live, tasks: dict[str, Task]) -> None:
    documents = [TEXT, "it rains", LONG]
    want = Reranker(tasks["rerank"].model)("a journey", documents)
    for path in ("/v1/rerank", "/v2/rerank", "/rerank", "/models/rerank/v1/rerank"):
        answer = server.post(path, query="a journey", documents=documents, model="rerank").json()
        assert [each["index"] for each in answer["results"]] == [each.index for each in want]
        assert [each["relevance_score"] for each in answer["results"]] == pytest.approx(
            [each.score for each in want], abs=1e-5
        )
        assert (answer["model"], answer["usage"]["total_tokens"] > 100) == ("rerank", True)
    short = server.post("/v1/rerank", query="a", documents=[{"text": "b"}, "c"], top_n=1, return_documents=True).json()
    assert [each["document"]["text"] in "bc" for each in short["results"]] == [True]
    error = server.post("/v1/rerank", query="a", documents=["b"], model="none")
    assert (error.status_code, error.json()["error"]["code"]) == (404, "model_not_found")


def test_a_vector_for_each_token(server: Live, tasks: dict[str, Task]) -> None:
    late = tasks["late"]
    assert isinstance(late, LateInteractionEncoder)
    answer = server.post("/v1/multi-vector", input=[TEXT, "it rains"], return_tokens=True).json()
    for each, want in zip(answer["data"], late.encode_document([TEXT, "it rains"]), strict=True):
        np.testing.assert_allclose(each["embeddings"], want, atol=1e-5)
    assert answer["data"][1]["tokens"] == ["[CLS]", "read", "it", "rain", "##s", "[SEP]"]
    assert answer["model"] == "late"
    assert answer["usage"]["total_tokens"] == sum(map(len, late.encode_document([TEXT, "it rains"])))
    (asked,) = server.post("/models/late/v1/multi-vector", input=TEXT, input_type="query").json()["data"]
    np.testing.assert_allclose(asked["embeddings"], late.encode_query(TEXT), atol=1e-5)
    assert "tokens" not in asked


def test_late_interaction_ranks(server: Live, tasks: dict[str, Task]) -> None:
    documents = [TEXT, "it rains", "a film"]
    want = tasks["late"]("a journey", documents)
    answer = server.post("/v1/rerank", query="a journey", documents=documents, model="late").json()["results"]
    assert [each["index"] for each in answer] == [each.index for each in want]
    ranks = server.post("/models/late/rerank", query="a journey", texts=documents, return_text=True).json()
    assert [each["text"] for each in ranks] == [each.text for each in want]
    for found in ([each["relevance_score"] for each in answer], [each["score"] for each in ranks]):
        assert found == pytest.approx([each.score for each in want], abs=1e-5)
    assert server.post("/models/late/rerank", query="a", texts=[LONG]).status_code == 422
    assert server.post("/models/late/rerank", query="a", texts=[LONG], truncate=True).status_code == 200


def test_texts_are_classified(server: Live, tasks: dict[str, Task]) -> None:
    classify = tasks["sentiment"]
    assert isinstance(classify, TextClassifier)
    answer = server.post("/v1/classify", input=[TEXT, "it rains"], model="sentiment").json()
    for each, text in zip(answer["data"], [TEXT, "it rains"], strict=True):
        want = {found.label: found.score for found in classify(text, top_k=None)}
        assert each["probs"] == pytest.approx([want["negative"], want["positive"]], abs=1e-5)
        assert (each["label"], each["num_classes"]) == (max(want, key=lambda label: want[label]), 2)
    zero_shot = ZeroShotClassifier(tasks["nli"].model)(TEXT, ["travel", "war"])
    similar = SimilarityClassifier(tasks["embed"].model)(TEXT, ["travel", "war"])
    parameters = {"candidate_labels": ["travel", "war"]}
    found = server.post("/models/embed", inputs=TEXT, parameters=parameters).json()
    assert [each["label"] for each in found] == [each.label for each in similar]
    assert [each["score"] for each in found] == pytest.approx([each.score for each in similar], abs=1e-4)
    (found,) = server.post("/v1/classify", input=[TEXT], labels=["travel", "war"]).json()["data"]
    assert (found["prediction"], found["score"]) == (zero_shot[0].label, pytest.approx(zero_shot[0].score, abs=1e-5))


def test_models_may_have_other_names(tasks: dict[str, Task]) -> None:
    with serving(tasks, aliases="text-embedding-3-small=embed, gpt=qa", auto_truncate=True) as server:
        answer = server.post("/v1/embeddings", input=TEXT, model="text-embedding-3-small")
        assert answer.json()["model"] == "embed"
        assert server.post("/models/gpt", **BODIES["QuestionRequest"][1]).status_code == 200
        assert "gpt" in [model["id"] for model in server.http.get("/v1/models").json()["data"]]
        assert server.post("/embed", inputs=LONG).status_code == 200, "cut, as the server was told"
        assert server.post("/embed", inputs=LONG, truncate=False).status_code == 413
        assert server.post("/v1/embeddings", input=LONG).status_code == 200
        assert server.post("/v1/embeddings", input=LONG, truncate=False).status_code == 413


def test_a_prompt_stands_before_texts_by_default(tasks: dict[str, Task]) -> None:
    embed = {"embed": tasks["embed"], "qa": tasks["qa"]}
    for settings in ({"default_prompt_name": "query"}, {"default_prompt": "a question: "}):
        with serving(embed, **settings) as server:
            want = tasks["embed"](TEXT, prompt_name="query")
            for path in ("/embed", "/models/embed"):
                np.testing.assert_allclose(server.post(path, inputs=TEXT).json()[0], want, atol=1e-5)
            (found,) = server.post("/v1/embeddings", input=TEXT).json()["data"]
            np.testing.assert_allclose(found["embedding"], want, atol=1e-5)
    with pytest.raises(InputError, match=r"'embed' has no prompt called 'passage'; it has .*query"):
        create_app(embed, Settings(default_prompt_name="passage"))
    with pytest.raises(InputError, match="not both"):
        Settings(default_prompt="a", default_prompt_name="b")


def test_the_label_of_entailment_may_be_said(server: Live, tasks: dict[str, Task]) -> None:
    parameters = {"candidate_labels": ["travel", "war"], "entailment": "positive"}
    got = server.post("/models/sentiment", inputs=TEXT, parameters=parameters).json()
    want = ZeroShotClassifier(tasks["sentiment"].model)(TEXT, ["travel", "war"], entailment="positive")
    assert [each["label"] for each in got] == [each.label for each in want]
    assert [each["score"] for each in got] == pytest.approx([each.score for each in want], abs=1e-5)
    del parameters["entailment"]
    assert server.post("/models/sentiment", inputs=TEXT, parameters=parameters).status_code == 424
    parameters["entailment"] = "perhaps"
    refused = server.post("/models/sentiment", inputs=TEXT, parameters=parameters)
    assert (refused.status_code, "entailment must be one of" in refused.text) == (422, True)


def test_token_ids_can_be_refused(tasks: dict[str, Task]) -> None:
    with serving(tasks, refuse_token_ids=True) as server:
        for given in ([101, 102], [[101, 102]], ["a", [101]]):
            answer = server.post("/v1/embeddings", input=given)
            assert answer.status_code == 422
            assert "--refuse-token-ids" in answer.text
        assert server.post("/v1/embeddings", input=[TEXT]).status_code == 200
        assert server.post("/embed", inputs=[101]).status_code == 422


def test_other_names_of_routes(server: Live) -> None:
    want = server.post("/v1/embeddings", input=TEXT).json()
    azure = "/openai/deployments/embed/embeddings?api-version=2024-10-21"
    for path in ("/embeddings", "/openai/v1/embeddings", azure):
        assert server.post(path, input=TEXT).json() == want
    (vector,) = server.post("/api/embed", input=TEXT).json()["embeddings"]
    assert vector == server.post("/api/embeddings", prompt=TEXT).json()["embedding"] == want["data"][0]["embedding"]
    assert server.post("/invocations", inputs=TEXT).json() == server.post("/", inputs=TEXT).json()
    assert server.http.get("/ping").status_code == 200
