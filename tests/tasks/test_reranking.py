import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Maker
from distilbert import CheckpointError, ConfigError, InputError, Ranked, Reranker, load
from distilbert.folder.checkpoint import Head
from distilbert.module_activations import ACTIVATIONS
from distilbert.tasks.numbers import softmax
from helpers.spy import Spy

QUERY = "a moving story about love"


def opened(folder: Path) -> Reranker:
    task = load(folder, "text-ranking")
    assert isinstance(task, Reranker)
    return task


@pytest.fixture
def reranker(make_checkpoint: Maker) -> Reranker:
    return opened(make_checkpoint(num_labels=1))


def scores(ranked: list[Ranked]) -> list[float]:
    """By document."""
    return [each.score for each in sorted(ranked, key=lambda each: each.index)]


@pytest.mark.parametrize("seed", range(5))
def test_equals_sentence_transformers(make_checkpoint: Maker, sentences: list[str], seed: int) -> None:
    peers = pytest.importorskip("sentence_transformers")
    folder = make_checkpoint(seed=seed, num_labels=1)
    settings = {"do_lower_case": True, "model_max_length": 128}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    documents = [*sentences[:30], " ".join(sentences[:10]), ""]
    model = peers.CrossEncoder(str(folder), device="cpu")
    for query in (QUERY, " ".join(sentences[50:60])):
        expected = model.rank(query, documents, return_documents=True)
        ranked = opened(folder)(query, documents)
        assert [each.index for each in ranked] == [each["corpus_id"] for each in expected]
        assert [each.text for each in ranked] == [each["text"] for each in expected]
        np.testing.assert_allclose([each.score for each in ranked], [each["score"] for each in expected], atol=1e-5)


# a gate wants two numbers for one; sentence-transformers never takes RReLU out of training, so that it is random there
@pytest.mark.filterwarnings("ignore:Implicit dimension")
@pytest.mark.parametrize("kind", sorted({*ACTIVATIONS} - {"GLU", "RReLU"}))
def test_the_activation_is_that_of_the_folder(make_checkpoint: Maker, sentences: list[str], kind: str) -> None:
    peers = pytest.importorskip("sentence_transformers")
    torch = pytest.importorskip("torch")
    folder = make_checkpoint(num_labels=1)
    model = peers.CrossEncoder(str(folder), device="cpu", activation_fn=getattr(torch.nn, kind)())
    model.save(str(folder / "saved"), create_model_card=False)
    theirs = model.rank(QUERY, sentences[:9])
    ours = opened(folder / "saved")(QUERY, sentences[:9])
    np.testing.assert_allclose([each.score for each in ours], [each["score"] for each in theirs], atol=1e-5)
    by_index = {each["corpus_id"]: each["score"] for each in theirs}
    np.testing.assert_allclose([each.score for each in ours], [by_index[each.index] for each in ours], atol=1e-5)


PROMPTS = {"query": "what fits this query: ", "none": ""}


def with_prompts(folder: Path, default: str | None) -> Path:
    about = {"model_type": "CrossEncoder", "prompts": PROMPTS, "default_prompt_name": default}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(about))
    return folder


@pytest.mark.parametrize("default", [None, "query"])
def test_prompts_stand_before_the_query(make_checkpoint: Maker, sentences: list[str], default: str | None) -> None:
    peers = pytest.importorskip("sentence_transformers")
    folder = make_checkpoint(num_labels=1)
    saved = folder / "saved"
    theirs = peers.CrossEncoder(str(folder), device="cpu", prompts=PROMPTS, default_prompt_name=default)
    theirs.save(str(saved), create_model_card=False)
    ours = opened(saved)
    for options in ({}, {"prompt_name": "query"}, {"prompt_name": "none"}, {"prompt": "Find "}):
        expected = theirs.predict([(QUERY, s) for s in sentences[:5]], **options)
        np.testing.assert_allclose(scores(ours(QUERY, sentences[:5], **options)), expected, atol=1e-5)
        (ranked,) = ours.stream([(QUERY, sentences[:5])], **options)
        np.testing.assert_allclose(scores(ranked), expected, atol=1e-5)


def test_a_prompt_is_text_before_the_query(make_checkpoint: Maker) -> None:
    reranker = opened(with_prompts(make_checkpoint(num_labels=1), "query"))
    documents = ["a film", "a story about love and death"]
    expected = reranker.logits(PROMPTS["query"] + QUERY, documents, prompt="")
    np.testing.assert_array_equal(reranker.logits(QUERY, documents), expected)
    np.testing.assert_array_equal(reranker.logits(QUERY, documents, prompt=PROMPTS["query"]), expected)
    assert np.abs(reranker.logits(QUERY, documents, prompt="") - expected).max() > 1e-3
    with pytest.raises(InputError, match="no prompt called 'passage'; it has none, query"):
        reranker(QUERY, documents, prompt_name="passage")


def test_the_prompts_of_another_kind_of_model_are_not_for_the_query(make_checkpoint: Maker) -> None:
    folder = with_prompts(make_checkpoint(num_labels=1), "query")
    path = folder / "config_sentence_transformers.json"
    path.write_text(path.read_text().replace("CrossEncoder", "SentenceTransformer"))
    assert opened(folder).prompts.text() == ""


@pytest.mark.parametrize(
    "keys",
    [
        {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.0.1"}},
        {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
        {"sbert_ce_default_activation_function": "torch.nn.Identity"},
    ],
)
def test_older_places_of_the_activation(make_checkpoint: Maker, keys: dict[str, object]) -> None:
    reranker = opened(make_checkpoint(num_labels=1, **keys))
    documents = ["a film", "a story about love and death"]
    assert scores(reranker(QUERY, documents)) == reranker.logits(QUERY, documents)[:, 0].tolist()


@pytest.mark.parametrize("name", ["os.system", "torch.nn.modules.activation.GLU", "torch.hub.Sigmoid", "Sigmoid"])
def test_an_activation_that_is_not_known(make_checkpoint: Maker, name: str) -> None:
    with pytest.raises(ConfigError, match=f"activation_fn '{name}' is not one of torch.nn's CELU, ELU"):
        opened(make_checkpoint(num_labels=1, sbert_ce_default_activation_function=name))


def test_of_two_labels_the_second_is_what_counts(make_checkpoint: Maker, sentences: list[str]) -> None:
    reranker = opened(make_checkpoint(num_labels=2))
    logits = reranker.logits(QUERY, sentences[:20])
    assert logits.shape == (20, 2)
    np.testing.assert_allclose(scores(reranker(QUERY, sentences[:20])), softmax(logits)[:, 1], atol=1e-6)


def test_other_models(make_checkpoint: Maker) -> None:
    with pytest.raises(CheckpointError, match="one output or two labels, not 3; text-classification takes pairs"):
        opened(make_checkpoint(num_labels=3))
    with pytest.raises(CheckpointError, match="'text-ranking' needs a DistilBertForSequenceClassification"):
        opened(make_checkpoint(Head.MASKED_LM, name="other"))


# order ----------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    documents=st.lists(st.sampled_from(["a film", "love", "a story", "war", ""]), max_size=12), top_k=st.integers(1, 14)
)
def test_best_first_and_equal_ones_in_the_order_given(reranker: Reranker, documents: list[str], top_k: int) -> None:
    ranked = reranker(QUERY, documents)
    assert sorted(each.index for each in ranked) == list(range(len(documents)))
    assert all(each.text == documents[each.index] for each in ranked)
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)
    for text in documents:
        same = [each.index for each in ranked if each.text == text]
        assert same == sorted(same)
    best = reranker(QUERY, documents, top_k=top_k)
    assert [each.index for each in best] == [each.index for each in ranked[:top_k]]


def test_scores_that_round_to_one_are_still_in_order(reranker: Reranker) -> None:
    spy = Spy(reranker)
    spy.run = lambda batch: 30 + np.arange(batch.size, dtype=np.float32)[:, None]  # type: ignore[method-assign]
    ranked = reranker(QUERY, ["film"] * 5)
    assert [each.index for each in ranked] == [4, 3, 2, 1, 0]
    assert {each.score for each in ranked} == {1.0}


# long texts, streams, memory ------------------------------------------------------------------------


def test_long_documents(reranker: Reranker) -> None:
    words = ["film"] * 130 + ["war"] * 100
    short, long = sorted(reranker(QUERY, ["a film", " ".join(words)]), key=lambda each: each.index)
    assert (short.truncated, long.truncated) == (False, True)
    room = 128 - 3 - 5
    parts = [words[place : place + room] for place in range(0, len(words), room)]
    expected = np.average(
        [reranker.logits(QUERY, [" ".join(part)], long_text="error")[0] for part in parts],
        axis=0,
        weights=[len(part) + 8 for part in parts],
    )
    np.testing.assert_allclose(reranker.logits(QUERY, [" ".join(words)], long_text="window")[0], expected, atol=1e-5)
    assert not reranker(QUERY, [" ".join(words)], long_text="window")[0].truncated
    with pytest.raises(InputError, match="query 0 with document 1 is longer than the 128 tokens"):
        reranker(QUERY, ["a film", " ".join(words)], long_text="error")
    with pytest.raises(InputError, match="query 0 with document 0: the first text has 130 tokens"):
        reranker("film " * 130, ["a film"], long_text="window")


def test_streams(reranker: Reranker, sentences: list[str]) -> None:
    queries = [(sentences[place], sentences[100 : 100 + place]) for place in range(12)]
    streamed = list(reranker.stream(iter(queries), top_k=5))
    assert streamed[0] == []
    for (query, documents), ranked in zip(queries, streamed, strict=True):
        expected = reranker(query, documents, top_k=5)
        assert [each.index for each in ranked] == [each.index for each in expected]
        assert [each.score for each in ranked] == pytest.approx([each.score for each in expected], abs=1e-6)


def test_memory_stays_small_however_many_documents(make_checkpoint: Maker) -> None:
    reranker = load(make_checkpoint(num_labels=1), "text-ranking", max_batch_tokens=64)

    def peak(count: int) -> int:
        tracemalloc.start()
        assert len(reranker(QUERY, (f"the film number {number}" for number in range(count)), top_k=3)) == 3
        traced = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return traced

    peak(10)
    assert peak(1000) < 2 * peak(250)


@pytest.mark.parametrize(
    ("query", "documents", "message"),
    [
        (3, ["a"], "query 0 must be a string, not int"),
        (QUERY, "a film", "the documents of query 0 as a list"),
        (QUERY, 3, "the documents of query 0 as a list"),
        (QUERY, ["a", None], "document 1 of query 0 must be a string, not NoneType"),
    ],
)
def test_wrong_input(reranker: Reranker, query: str, documents: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        reranker(query, documents)
    with pytest.raises(InputError, match=message):
        list(reranker.stream([(query, documents)]))


def test_wrong_options(reranker: Reranker) -> None:
    with pytest.raises(InputError, match="top_k"):
        reranker(QUERY, ["a"], top_k=0)
    with pytest.raises(InputError, match="long_text"):
        reranker(QUERY, ["a"], long_text="cut")
    with pytest.raises(InputError, match=r"query 0 must come as a tuple: \(query, documents\)"):
        list(reranker.stream([QUERY]))
    assert reranker(QUERY, []) == []
    assert reranker.logits(QUERY, []).shape == (0, 1)
