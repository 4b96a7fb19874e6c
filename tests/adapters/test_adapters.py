"""Each adapter inside its real framework; a framework that is not installed is skipped by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Maker
from distilbert import load
from distilbert.folder.checkpoint import Head
from helpers.json_files import edit
from helpers.sentence_folders import write_sentence_folder

pytestmark = pytest.mark.slow
TEXTS = ["Painters paint.", "Bakers bake bread.", "Nobody sings here."]
QUERY = "who paints?"
TAGS = {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}


@pytest.fixture
def encoder_folder(make_checkpoint: Maker) -> Path:
    """An encoder with a prompt for queries, and one that neither queries nor documents have."""
    folder = write_sentence_folder(make_checkpoint)
    prompts = {"query": "find : ", "other": "or else : "}
    edit(folder / "config_sentence_transformers.json", prompts=prompts, default_prompt_name="other")
    return folder


@pytest.fixture
def ranker(make_checkpoint: Maker) -> Path:
    return make_checkpoint(num_labels=1, name="ranker")


def best(ranker: Path, count: int) -> list[int]:
    return [each.index for each in load(ranker, "text-ranking")(QUERY, TEXTS, top_k=count)]


def test_langchain(encoder_folder: Path, ranker: Path) -> None:
    pytest.importorskip("langchain_core", reason="langchain-core is not installed")
    from langchain_core.documents import Document
    from langchain_core.vectorstores import InMemoryVectorStore

    from distilbert.adapters.langchain import DistilBertEmbeddings, DistilBertReranker

    embeddings = DistilBertEmbeddings(encoder_folder)
    np.testing.assert_allclose(
        embeddings.embed_documents(TEXTS), load(encoder_folder).encode_document(TEXTS), rtol=1e-5
    )
    np.testing.assert_allclose(embeddings.embed_query(QUERY), load(encoder_folder).encode_query(QUERY), rtol=1e-5)
    store = InMemoryVectorStore.from_texts(TEXTS, embeddings)
    (found,) = store.similarity_search(TEXTS[1], k=1)
    assert found.page_content == TEXTS[1]
    documents = [Document(page_content=text, metadata={"number": index}) for index, text in enumerate(TEXTS)]
    ranked = DistilBertReranker(model=str(ranker), top_n=2).compress_documents(documents, QUERY)
    assert [each.metadata["number"] for each in ranked] == best(ranker, 2)
    assert ranked[0].metadata["relevance_score"] >= ranked[1].metadata["relevance_score"]
    assert "relevance_score" not in documents[0].metadata


def test_llama_index(encoder_folder: Path, ranker: Path) -> None:
    pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

    from distilbert.adapters.llama_index import DistilBertEmbedding, DistilBertRerank

    embedding = DistilBertEmbedding(model_name=str(encoder_folder))
    np.testing.assert_allclose(
        embedding.get_text_embedding_batch(TEXTS), load(encoder_folder).encode_document(TEXTS), rtol=1e-5
    )
    np.testing.assert_allclose(
        embedding.get_query_embedding(QUERY), load(encoder_folder).encode_query(QUERY), rtol=1e-5
    )
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.0) for text in TEXTS]
    ranked = DistilBertRerank(model=str(ranker), top_n=2).postprocess_nodes(nodes, QueryBundle(QUERY))
    assert [each.node.get_content() for each in ranked] == [TEXTS[index] for index in best(ranker, 2)]


def test_haystack(encoder_folder: Path, ranker: Path) -> None:
    pytest.importorskip("haystack", reason="haystack-ai is not installed")
    from haystack import Document, Pipeline
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    from distilbert.adapters.haystack import DistilBertDocumentEmbedder, DistilBertRanker, DistilBertTextEmbedder

    store = InMemoryDocumentStore()
    embedder = DistilBertDocumentEmbedder(str(encoder_folder))
    documents = embedder.run([Document(content=text) for text in TEXTS])["documents"]
    expected = load(encoder_folder).encode_document(TEXTS)
    np.testing.assert_allclose([each.embedding for each in documents], expected, rtol=1e-5)
    asked = DistilBertTextEmbedder(str(encoder_folder)).run(QUERY)["embedding"]
    np.testing.assert_allclose(asked, load(encoder_folder).encode_query(QUERY), rtol=1e-5)
    store.write_documents(documents)
    search = Pipeline()
    search.add_component("embed", DistilBertTextEmbedder(str(encoder_folder)))
    search.add_component("retrieve", InMemoryEmbeddingRetriever(store))
    search.add_component("rank", DistilBertRanker(str(ranker), top_k=2))
    search.connect("embed.embedding", "retrieve.query_embedding")
    search.connect("retrieve.documents", "rank.documents")
    ranked = search.run({"embed": {"text": QUERY}, "rank": {"query": QUERY}})["rank"]["documents"]
    assert [each.content for each in ranked] == [TEXTS[index] for index in best(ranker, 2)]


def test_spacy(make_checkpoint: Maker) -> None:
    spacy: Any = pytest.importorskip("spacy", reason="spaCy is not installed")
    import distilbert.adapters.spacy  # noqa: F401 - registers its components

    tagger = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=TAGS, name="tagger")
    classifier = make_checkpoint(id2label={"0": "bad", "1": "good"}, name="classifier")
    nlp = spacy.blank("en")
    nlp.add_pipe("distilbert_ner", config={"model": str(tagger)})
    nlp.add_pipe("distilbert_textcat", config={"model": str(classifier)})
    text = "Anna moved from Oslo to Rome."
    doc = nlp(text)
    found = load(tagger)(text)
    assert {(each.start_char, each.end_char, each.label_) for each in doc.ents} <= {
        (each.start, each.end, each.label) for each in found
    }
    assert len(doc.ents) > 0
    assert doc.cats == {each.label: each.score for each in load(classifier)(text, top_k=None)}
    assert [each.cats.keys() for each in nlp.pipe([text, "Nobody came."])] == [{"bad", "good"}] * 2
