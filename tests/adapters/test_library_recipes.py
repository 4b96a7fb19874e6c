"""The recipes of docs/integrations.md inside the real libraries; one that is not installed is skipped by name."""

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Maker
from distilbert import load
from distilbert.compat import SentenceTransformer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings of their own


def test_bertopic(encoder_folder: Path, sentences: list[str]) -> None:
    bertopic: Any = pytest.importorskip("bertopic", reason="BERTopic is not installed")
    model = SentenceTransformer(encoder_folder)
    topics, _ = bertopic.BERTopic(min_topic_size=5).fit_transform(sentences, embeddings=model.encode(sentences))
    assert len(topics) == len(sentences)
    assert len(set(topics)) > 1


def test_keybert(encoder_folder: Path) -> None:
    keybert: Any = pytest.importorskip("keybert", reason="KeyBERT is not installed")
    from keybert.backend import BaseEmbedder

    model = SentenceTransformer(encoder_folder)

    class Backend(BaseEmbedder):  # type: ignore[misc]
        def embed(self, documents: list[str], verbose: bool = False) -> np.ndarray:
            return model.encode(list(documents))

    text = "The painter paints a portrait of the baker, who bakes bread."
    words = keybert.KeyBERT(model=Backend()).extract_keywords(text, top_n=4)
    candidates = ["painter", "paints", "portrait", "baker", "bakes", "bread"]
    scores = np.asarray(load(encoder_folder).similarity(text, candidates))
    best = np.argsort(-scores)[:4]
    assert [word for word, _ in words] == [candidates[place] for place in best]
    np.testing.assert_allclose([score for _, score in words], scores[best], atol=1e-4)  # rounded by KeyBERT


def test_chroma(encoder_folder: Path, sentences: list[str]) -> None:
    chromadb: Any = pytest.importorskip("chromadb", reason="Chroma is not installed")
    model, texts = SentenceTransformer(encoder_folder), sentences[:50]
    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection("reviews", metadata={"hnsw:space": "cosine"})
    ids = [str(number) for number in range(50)]
    collection.add(ids=ids, documents=texts, embeddings=model.encode_document(texts))
    found = collection.query(query_embeddings=model.encode_query(sentences[60:62]), n_results=3)
    scores = np.asarray(load(encoder_folder).similarity(sentences[60:62], texts))
    assert found["ids"] == [[ids[place] for place in np.argsort(-row)[:3]] for row in scores]
    assert found["documents"][0][0] == texts[int(found["ids"][0][0])]


def test_haystack_pipelines_go_through_yaml(make_checkpoint: Maker, encoder_folder: Path) -> None:
    pytest.importorskip("haystack", reason="haystack-ai is not installed")
    from haystack import Document, Pipeline

    from distilbert.adapters.haystack import DistilBertDocumentEmbedder, DistilBertRanker, DistilBertTextEmbedder

    ranker = make_checkpoint(num_labels=1, name="ranker")
    pipeline = Pipeline()
    pipeline.add_component("query", DistilBertTextEmbedder(str(encoder_folder)))
    pipeline.add_component("documents", DistilBertDocumentEmbedder(str(encoder_folder)))
    pipeline.add_component("rank", DistilBertRanker(str(ranker), top_k=2))
    pipeline.connect("documents.documents", "rank.documents")
    texts = ["Painters paint.", "Bakers bake bread.", "Nobody sings here."]

    def run(some: Any) -> list[tuple[str, float]]:
        documents = [Document(content=text) for text in texts]
        given = {"query": {"text": "who?"}, "documents": {"documents": documents}, "rank": {"query": "who?"}}
        return [(document.content, document.score) for document in some.run(given)["rank"]["documents"]]

    named = "allowed_modules" in signature(Pipeline.loads).parameters  # of Haystack 3
    trusted: Any = {"allowed_modules": ["distilbert.adapters.haystack"]} if named else {}
    written = pipeline.dumps()
    assert f"model: {ranker}" in written
    again = Pipeline.loads(written, **trusted)
    assert again.dumps() == written
    assert run(again) == run(pipeline)
    assert len(run(again)) == 2
