"""What the bridges take beside the programs of test_snippets.py: values of `util`, prompts, measures, activations."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compat.test_snippets import make_sentence_folder
from conftest import Maker
from distilbert import load
from distilbert.compat import CrossEncoder, SentenceTransformer, pipeline, util
from distilbert.folder.checkpoint import Head

TEXTS = ["A cat sleeps.", "A dog barks.", "Stocks fell."]


@pytest.fixture
def model(make_checkpoint: Maker) -> SentenceTransformer:
    return SentenceTransformer(make_sentence_folder(make_checkpoint(Head.NONE)))


def test_measures(model: SentenceTransformer) -> None:
    one, two, three = vectors = model.encode(TEXTS)
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    cases: dict[Callable[..., object], np.ndarray] = {
        util.cos_sim: unit @ unit.T,
        util.dot_score: vectors @ vectors.T,
        util.euclidean_sim: -np.linalg.norm(vectors[:, None] - vectors, axis=-1),
        util.manhattan_sim: -np.abs(vectors[:, None] - vectors).sum(-1),
    }
    for measure, expected in cases.items():
        np.testing.assert_allclose(measure(vectors, [one, two, three]), expected, atol=1e-5)
    np.testing.assert_allclose(util.pairwise_cos_sim([one], [two]), [unit[0] @ unit[1]], atol=1e-6)
    np.testing.assert_allclose(util.normalize_embeddings(vectors), unit, atol=1e-6)
    model.similarity_fn_name = "dot"
    np.testing.assert_allclose(model.similarity(vectors, vectors), vectors @ vectors.T, rtol=1e-5)
    np.testing.assert_allclose(model.similarity_pairwise(one, two), [one @ two], rtol=1e-5)


def test_search_pairs_and_groups(model: SentenceTransformer) -> None:
    vectors = model.encode(TEXTS)
    ((first, second),) = util.semantic_search(vectors[1], vectors, top_k=2)
    assert first == {"corpus_id": 1, "score": pytest.approx(1, abs=1e-6)}
    assert second["score"] < first["score"]
    score, *places = util.paraphrase_mining(model, [*TEXTS, TEXTS[1]])[0]
    assert (score, places) == (pytest.approx(1, abs=1e-6), [1, 3])
    assert util.community_detection(np.repeat(vectors, 2, axis=0), min_community_size=2, threshold=0.9999) != []
    np.testing.assert_array_equal(util.quantize_embeddings(vectors, "binary"), model.encode(TEXTS, precision="binary"))


def test_prompts_of_the_program(model: SentenceTransformer) -> None:
    folder = model.task.model.folder
    other = SentenceTransformer(folder, prompts={"find": "search: "}, default_prompt_name="find")
    np.testing.assert_allclose(other.encode("rain"), model.encode("search: rain"), atol=1e-6)
    np.testing.assert_allclose(other.encode_query("rain"), model.encode("query: rain"), atol=1e-6)


def test_vectors_of_tokens_and_activations(model: SentenceTransformer, make_checkpoint: Maker) -> None:
    torch = pytest.importorskip("torch")
    states = model.encode(TEXTS, output_value="token_embeddings")
    np.testing.assert_allclose(states[1].mean(0), model.encode(TEXTS[1]), atol=1e-5)
    folder, pairs = make_checkpoint(num_labels=1, name="ranker"), [("a film", "of war"), ("a film", "of peace")]
    logits = load(folder, "text-ranking").logits("a film", ["of war", "of peace"]).ravel()
    ranker = CrossEncoder(folder, activation_fn=torch.nn.Tanh(), num_labels=1)
    np.testing.assert_allclose(ranker.predict(pairs), np.tanh(logits), atol=1e-6)
    np.testing.assert_allclose(ranker.predict(pairs, activation_fn=torch.nn.Identity()), logits, atol=1e-6)
    (best, _) = ranker.rank("a film", ["of war", "of peace"], activation_fn=torch.nn.Identity())
    assert best == {"corpus_id": int(logits.argmax()), "score": pytest.approx(logits.max(), abs=1e-6)}


def test_lists_and_streams_give_what_single_texts_give(make_checkpoint: Maker) -> None:
    folder: Path = make_checkpoint()
    classify = pipeline("text-classification", model=folder, device_map="cpu")
    single = [classify(text)[0]["score"] for text in TEXTS]
    for several in (classify(TEXTS), list(classify(iter(TEXTS))), list(classify(iter(TEXTS), batch_size=2))):
        assert [each["score"] for each in several] == pytest.approx(single, abs=1e-6)
    assert classify([]) == []
    config = classify.model.config
    assert config.id2label == {index: label for label, index in config.label2id.items()}
