"""More clients as their registries have them, unmodified: extra `clients`, and npm's in the folder `npm`.

They need other versions of some packages than the rest of the tests, so they have an environment of their own
(`make test-clients`); where one is not installed, its test is skipped.
"""

import functools
import gc
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import InferenceClient

pytest.importorskip("fastapi")

from distilbert import Reranker
from distilbert.tasks.task import Task
from helpers.browser import Browser
from helpers.live import Live, serving
from helpers.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore")

TEXT = "a charming and often affecting journey"
TEXTS = [TEXT, *(f"number {number}" for number in range(49))]
NPM = Path(__file__).parent / "npm"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is reported, nor looked up elsewhere."""
    for name in ("HAYSTACK_TELEMETRY_ENABLED", "ANONYMIZED_TELEMETRY"):
        monkeypatch.setenv(name, "False")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    yield
    gc.collect()  # some clients leave their sockets open, and are told of it here


def check_close(got: object, want: object) -> None:
    np.testing.assert_allclose(np.array(got), np.array(want), atol=1e-5)


def test_litellm(server: Live, tasks: dict[str, Task]) -> None:
    litellm = pytest.importorskip("litellm")
    answer = litellm.embedding("openai/embed", TEXTS, api_base=f"{server.url}/v1", api_key="none")
    check_close([each["embedding"] for each in answer.data], tasks["embed"](TEXTS))
    ranked = litellm.rerank(
        "hosted_vllm/rerank", "a journey", TEXTS[:5], top_n=3, api_base=f"{server.url}/v1", api_key="none"
    )
    want = Reranker(tasks["rerank"].model)("a journey", TEXTS[:5])[:3]
    assert [each["index"] for each in ranked.results] == [each.index for each in want]
    check_close([each["relevance_score"] for each in ranked.results], [each.score for each in want])


def test_langchain_openai(server: Live, tasks: dict[str, Task]) -> None:
    langchain = pytest.importorskip("langchain_openai")
    client = langchain.OpenAIEmbeddings(
        model="embed", base_url=f"{server.url}/v1", api_key="none", check_embedding_ctx_length=False
    )
    check_close(client.embed_documents(TEXTS), tasks["embed"](TEXTS))
    check_close(client.embed_query(TEXT), tasks["embed"](TEXT))


def test_langchain_huggingface(server: Live, tasks: dict[str, Task]) -> None:
    langchain = pytest.importorskip("langchain_huggingface")
    client = langchain.HuggingFaceEndpointEmbeddings(model="embed", huggingfacehub_api_token="none")
    client.client = InferenceClient(f"{server.url}/models/embed")  # it takes no URL itself
    check_close(client.embed_documents(TEXTS), tasks["embed"](TEXTS))
    check_close(client.embed_query(TEXT), tasks["embed"](TEXT))


def test_azures_client_of_openai(server: Live, tasks: dict[str, Task]) -> None:
    openai = pytest.importorskip("openai")
    client = openai.AzureOpenAI(azure_endpoint=server.url, api_version="2024-10-21", api_key="none")
    answer = client.embeddings.create(model="embed", input=TEXTS)
    check_close([each.embedding for each in answer.data], tasks["embed"](TEXTS))


def test_ollama(server: Live, tasks: dict[str, Task]) -> None:
    ollama = pytest.importorskip("ollama")
    client = ollama.Client(server.url)
    answer = client.embed("embed:latest", TEXTS, dimensions=4, keep_alive="5m", options={"num_ctx": 2048})
    check_close(answer.embeddings, tasks["embed"](TEXTS, truncate_dim=4))
    assert (answer.model, answer.prompt_eval_count > len(TEXTS)) == ("embed", True)
    check_close(client.embeddings("embed", TEXT).embedding, tasks["embed"](TEXT))
    check_close(client.embed("embed", "good " * 300).embeddings[0], tasks["embed"]("good " * 300))
    with pytest.raises(ollama.ResponseError, match="more than the 128 that the model reads"):
        client.embed("embed", "good " * 300, truncate=False)
    with pytest.raises(ollama.ResponseError, match="no model of this name"):
        client.embed("nomic-embed-text", TEXT)


def test_cohere_ranks(server: Live, tasks: dict[str, Task]) -> None:
    cohere = pytest.importorskip("cohere")
    want = Reranker(tasks["rerank"].model)("a journey", TEXTS[:5])[:3]
    for kind in (cohere.Client, cohere.ClientV2):
        client = kind(api_key="none", base_url=server.url)
        ranked = client.rerank(model="rerank", query="a journey", documents=TEXTS[:5], top_n=3)
        assert [each.index for each in ranked.results] == [each.index for each in want]
        check_close([each.relevance_score for each in ranked.results], [each.score for each in want])


def test_cohere_embeds(server: Live, tasks: dict[str, Task]) -> None:
    cohere = pytest.importorskip("cohere")
    embed = tasks["embed"]
    client = cohere.ClientV2(api_key="none", base_url=server.url)
    answer = client.embed(model="embed", texts=TEXTS, input_type="search_document", embedding_types=["float"])
    check_close(answer.embeddings.float_, embed.encode_document(TEXTS))
    answer = client.embed(
        model="embed", texts=["good " * 300 + "bad"], input_type="search_query", truncate="START", output_dimension=4
    )
    check_close(answer.embeddings.float_, embed.encode_query(["good " * 122 + "bad"], truncate_dim=4))
    with pytest.raises(cohere.core.ApiError, match="more than the 128 that the model reads"):
        client.embed(model="embed", texts=["good " * 300], input_type="search_query", truncate="NONE")
    first = cohere.Client(api_key="none", base_url=server.url)
    check_close(first.embed(model="embed", texts=TEXTS).embeddings, embed(TEXTS))


def test_voyage_embeds(server: Live, tasks: dict[str, Task]) -> None:
    voyage = pytest.importorskip("voyageai")
    client = voyage.Client(api_key="none", base_url=f"{server.url}/v1")
    check_close(client.embed(TEXTS, "embed").embeddings, tasks["embed"](TEXTS))
    asked = tasks["embed"].encode_query(TEXT)
    check_close(client.embed([TEXT], "embed", input_type="query").embeddings[0], asked)
    check_close(client.embed([TEXT], "embed", output_dimension=4).embeddings[0], tasks["embed"](TEXT, truncate_dim=4))
    with pytest.raises(voyage.error.APIError, match="output_dtype: vectors are float32"):
        client.embed([TEXT], "embed", output_dtype="int8")


def test_haystack_embeds(server: Live, tasks: dict[str, Task]) -> None:
    haystack = pytest.importorskip("haystack_integrations.components.embedders.huggingface_api")
    from haystack import Document

    where = {"api_type": "text_embeddings_inference", "api_params": {"url": f"{server.url}/models/embed"}}
    where["token"] = None
    check_close(haystack.HuggingFaceAPITextEmbedder(**where).run(text=TEXT)["embedding"], tasks["embed"](TEXT))
    documents = [Document(content=text) for text in TEXTS]
    embedder = haystack.HuggingFaceAPIDocumentEmbedder(**where, progress_bar=False)
    check_close([each.embedding for each in embedder.run(documents=documents)["documents"]], tasks["embed"](TEXTS))


def test_haystack_ranks(server: Live, tasks: dict[str, Task]) -> None:
    haystack = pytest.importorskip("haystack_integrations.components.rankers.huggingface_api")
    from haystack import Document

    ranker = haystack.HuggingFaceTEIRanker(url=server.url, top_k=3, token=None)
    found = ranker.run(query="a journey", documents=[Document(content=text) for text in TEXTS[:5]])["documents"]
    want = Reranker(tasks["rerank"].model)("a journey", TEXTS[:5])[:3]
    assert [each.content for each in found] == [TEXTS[each.index] for each in want]


def test_chroma(server: Live, tasks: dict[str, Task]) -> None:
    functions = pytest.importorskip("chromadb.utils.embedding_functions")
    ours = functions.HuggingFaceEmbeddingServer(url=f"{server.url}/embed")
    check_close(ours(TEXTS), tasks["embed"](TEXTS))
    ours = functions.OpenAIEmbeddingFunction(api_key="none", api_base=f"{server.url}/v1", model_name="embed")
    check_close(ours(TEXTS), tasks["embed"](TEXTS))


@pytest.fixture
def npm() -> Path:
    """The folder with npm's clients."""
    if not (NPM / "node_modules").is_dir():
        pytest.skip(f"npm install --prefix {NPM} has not been run")
    return NPM


def check_answers(answer: dict[str, Any], tasks: dict[str, Any]) -> None:
    """Of npm's clients: those of the library."""
    check_close(answer["embedding"], tasks["embed"]([TEXT, "it rains"]))
    assert answer["models"] == list(tasks)
    assert answer["refused"] == [404, "model_not_found"]
    check_close(answer["featureExtraction"], [tasks["embed"](TEXT)])
    check_close(answer["sentenceSimilarity"], tasks["embed"].similarity(TEXT, ["it rains"]))
    want = {label.label: label.score for label in tasks["sentiment"](TEXT, top_k=None)}
    assert {each["label"]: each["score"] for each in answer["textClassification"]} == pytest.approx(want, abs=1e-5)
    assert [each["word"] for each in answer["tokenClassification"]] == [each.text for each in tasks["ner"](TEXT)]
    assert [each["token_str"] for each in answer["fillMask"]] == [each.token for each in tasks["mlm"]("a [MASK] film")]
    assert answer["questionAnswering"]["answer"] == tasks["qa"]("what ?", TEXT).text
    assert {each["label"] for each in answer["zeroShot"]} == {"travel", "war"}


def test_npm(server: Live, tasks: dict[str, Task], npm: Path) -> None:
    node = shutil.which("node") or pytest.skip("node is not installed")
    done = subprocess.run(
        [node, npm / "main.mjs", server.url], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    check_answers(json.loads(done.stdout), tasks)


def test_npm_in_a_browser(tasks: dict[str, Task], npm: Path, browser: Browser) -> None:
    """On a page of another origin, which `cors` lets in."""
    handler = functools.partial(_Silent, directory=npm)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        threading.Thread(target=pages.serve_forever).start()
        origin = f"http://127.0.0.1:{pages.server_port}"
        try:
            with serving(tasks, cors=origin) as live:
                browser.open(f"{origin}/page.html?{live.url}")
                answer = json.loads(browser.wait("pre").text)
        finally:
            pages.shutdown()
    assert "error" not in answer, answer
    check_answers(answer, tasks)


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing."""
