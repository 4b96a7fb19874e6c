"""The clients that people have, as PyPI has them, against a live server."""

import asyncio
import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("fastapi")

from huggingface_hub import AsyncInferenceClient, InferenceClient

from distilbert import ZeroShotClassifier
from distilbert.tasks.task import Task
from helpers.live import Live, close

if TYPE_CHECKING:  # it takes a second to import: the tests that use it do
    import openai

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

TEXT = "a charming and often affecting journey"
CONTEXT = "Amy lives in Amsterdam , and her brother lives in Paris with his wife ."


class Hub:
    """InferenceClient and its asynchronous twin, called alike."""

    def __init__(self, asynchronous: bool, url: str) -> None:
        self.asynchronous, self.url = asynchronous, url

    def __call__(self, model: str, method: str, *args: object, **options: object):
        if not self.asynchronous:
            return getattr(InferenceClient(model=f"{self.url}/models/{model}"), method)(*args, **options)

        async def call():
            async with AsyncInferenceClient(model=f"{self.url}/models/{model}") as client:
                return await getattr(client, method)(*args, **options)

        return asyncio.run(call())


@pytest.fixture(params=["InferenceClient", "AsyncInferenceClient"])
def hub(request: pytest.FixtureRequest, server: Live) -> Hub:
    return Hub(request.param.startswith("Async"), server.url)


def test_text_classification(hub: Hub, tasks: dict[str, Task]) -> None:
    want = tasks["nli"](TEXT, top_k=None)
    got = hub("nli", "text_classification", TEXT)
    assert [each.label for each in got] == [each.label for each in want]
    assert [each.score for each in got] == close([each.score for each in want])
    (best,) = hub("nli", "text_classification", TEXT, top_k=1, function_to_apply="sigmoid")
    assert best.score == close(tasks["nli"](TEXT, function="sigmoid").score)


@pytest.mark.parametrize("strategy", [None, "none", "first", "average", "max"])
def test_token_classification(hub: Hub, tasks: dict[str, Task], strategy: str | None) -> None:
    options = {} if strategy is None else {"aggregation": strategy}
    want = tasks["ner"](CONTEXT, ignore_labels=["PER", "B-PER", "I-PER"], stride=8, **options)
    got = hub(
        "ner",
        "token_classification",
        CONTEXT,
        aggregation_strategy=strategy,
        ignore_labels=["PER", "B-PER", "I-PER"],
        stride=8,
    )
    labels = [each.entity if strategy == "none" else each.entity_group for each in got]
    assert labels == [each.label for each in want]
    assert labels
    assert [(each.word, each.start, each.end) for each in got] == [(e.text, e.start, e.end) for e in want]
    assert [each.score for each in got] == close([each.score for each in want])


def test_question_answering(hub: Hub, tasks: dict[str, Task]) -> None:
    question = "Where does Amy live ?"
    want = tasks["qa"](question, CONTEXT)
    got = hub("qa", "question_answering", question, CONTEXT)
    assert (got.answer, got.start, got.end, got.score) == (want.text, want.start, want.end, close(want.score))
    options = {"max_answer_len": 3, "doc_stride": 4, "max_seq_len": 20, "max_question_len": 12, "align_to_words": False}
    several = hub("qa", "question_answering", question, CONTEXT, top_k=3, handle_impossible_answer=True, **options)
    expected = tasks["qa"](question, CONTEXT, top_k=3, no_answer=True, **options)
    assert [(each.answer, each.start, each.end) for each in several] == [(e.text, e.start, e.end) for e in expected]


def test_fill_mask(hub: Hub, tasks: dict[str, Task]) -> None:
    text = "a [MASK] and affecting journey"
    want = tasks["mlm"](text, top_k=3)
    got = hub("mlm", "fill_mask", text, top_k=3)
    assert [(each.token, each.token_str, each.sequence) for each in got] == [
        (e.token_id, e.token, e.text) for e in want
    ]
    assert [each.score for each in got] == close([each.score for each in want])
    words = hub("mlm", "fill_mask", text, targets=["good", "bad"])
    assert {each.token_str for each in words} == {"good", "bad"}


def test_feature_extraction(hub: Hub, tasks: dict[str, Task]) -> None:
    got = hub("embed", "feature_extraction", TEXT)
    assert got.shape == (1, 32)
    np.testing.assert_allclose(got[0], tasks["embed"](TEXT), atol=1e-5)
    texts = [TEXT, CONTEXT]
    options = {"normalize": True, "prompt_name": "query", "truncate": True, "dimensions": 8}
    got = hub("embed", "feature_extraction", texts, truncation_direction="right", **options)
    want = tasks["embed"](texts, prompt_name="query", normalize=True, truncate_dim=8)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_feature_extraction_cuts_on_either_side(hub: Hub, tasks: dict[str, Task]) -> None:
    text = "good " * 60 + "bad " * 150  # the model reads 126 of them
    left = hub("embed", "feature_extraction", text, truncate=True, truncation_direction="left")
    right = hub("embed", "feature_extraction", text, truncate=True, truncation_direction="right")
    np.testing.assert_allclose(left[0], tasks["embed"]("bad " * 126), atol=1e-5)
    np.testing.assert_allclose(right[0], tasks["embed"]("good " * 60 + "bad " * 66), atol=1e-5)


def test_sentence_similarity(hub: Hub, tasks: dict[str, Task]) -> None:
    others = [CONTEXT, "a charming journey"]
    want = tasks["embed"].similarity(TEXT, others)
    assert hub("embed", "sentence_similarity", TEXT, others) == close(want.tolist())


@pytest.mark.parametrize("multi_label", [False, True])
def test_zero_shot_classification(hub: Hub, tasks: dict[str, Task], multi_label: bool) -> None:
    template = "It is about {}."
    labels = ["travel", "cooking", "dancing"]
    want = ZeroShotClassifier(tasks["nli"].model)(TEXT, labels, multi_label=multi_label, hypothesis_template=template)
    got = hub("nli", "zero_shot_classification", TEXT, labels, multi_label=multi_label, hypothesis_template=template)
    assert [each.label for each in got] == [each.label for each in want]
    assert [each.score for each in got] == close([each.score for each in want])


def test_hub_client_tells_the_first_model_without_a_name(server: Live) -> None:
    client = InferenceClient(model=server.url, provider="hf-inference")
    assert {each.label for each in client.text_classification(TEXT)} == {"negative", "positive"}
    assert client.health_check()
    assert client.get_endpoint_info()["model_id"] == "sentiment"


def test_hub_client_shows_what_is_wrong(server: Live) -> None:
    client = InferenceClient(model=f"{server.url}/models/mlm")
    with pytest.raises(Exception, match="no mask"):
        client.fill_mask("there is nothing to fill")


def test_text_embeddings_inference(server: Live, tasks: dict[str, Task]) -> None:
    name = "llama_index.embeddings.text_embeddings_inference"
    TextEmbeddingsInference = pytest.importorskip(name).TextEmbeddingsInference  # noqa: N806  # its own name
    client = TextEmbeddingsInference(
        model_name="embed", base_url=server.url, query_instruction="", text_instruction="", embed_batch_size=8
    )
    texts = [TEXT, CONTEXT, "long " * 300]
    np.testing.assert_allclose(client.get_text_embedding_batch(texts), tasks["embed"](texts), atol=1e-5)
    query = asyncio.run(client.aget_query_embedding(TEXT))
    np.testing.assert_allclose(query, tasks["embed"](TEXT), atol=1e-5)
    named = TextEmbeddingsInference(
        model_name="embed",
        base_url=server.url,
        endpoint="/models/embed/embed",
        text_instruction="",
        query_instruction="",
    )
    np.testing.assert_allclose(named.get_text_embedding(TEXT), tasks["embed"](TEXT), atol=1e-5)


@pytest.fixture(scope="module")
def openai_client(server: Live) -> Iterator["openai.OpenAI"]:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_openai_embeddings(openai_client: "openai.OpenAI", tasks: dict[str, Task], encoding_format: str) -> None:
    answer = openai_client.embeddings.create(
        model="embed", input=[TEXT, CONTEXT], encoding_format=encoding_format, dimensions=16
    )
    vectors = [each.embedding for each in answer.data]
    if encoding_format == "base64":
        vectors = [np.frombuffer(base64.b64decode(vector), "<f4") for vector in vectors]
    np.testing.assert_allclose(vectors, tasks["embed"]([TEXT, CONTEXT], truncate_dim=16), atol=1e-5)
    tokens = sum(len(each) for each in tasks["embed"].tokenizer.encode_batch([TEXT, CONTEXT]))
    assert answer.usage.prompt_tokens == tokens
    assert answer.model == "embed"


def test_openai_token_arrays(openai_client: "openai.OpenAI", tasks: dict[str, Task]) -> None:
    ids = tasks["embed"].tokenizer.encode(TEXT).ids.tolist()
    want = tasks["embed"](TEXT)
    for given in (ids, [ids], ids[1:-1]):
        answer = openai_client.embeddings.create(model="embed", input=given)
        np.testing.assert_allclose(answer.data[0].embedding, want, atol=1e-5)


def test_openai_models(openai_client: "openai.OpenAI", tasks: dict[str, Task]) -> None:
    assert [model.id for model in openai_client.models.list()] == list(tasks)
    assert openai_client.models.retrieve("qa").id == "qa"
    import openai

    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("gpt-4")


def test_openai_errors(openai_client: "openai.OpenAI") -> None:
    import openai

    with pytest.raises(openai.NotFoundError, match="no model of this name"):
        openai_client.embeddings.create(model="text-embedding-3-small", input=TEXT)
    with pytest.raises(openai.APIStatusError, match="not an embedding model") as error:
        openai_client.embeddings.create(model="qa", input=TEXT)
    assert error.value.status_code == 424
    with pytest.raises(openai.UnprocessableEntityError, match="dimensions must be at most 32"):
        openai_client.embeddings.create(model="embed", input=TEXT, dimensions=33)
