"""`distilbert.explain`: values that are known, values equal to calls of the tasks, and texts of every kind."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import Maker, random_weights, small_config
from distilbert import CheckpointError, InputError, load
from distilbert.explain import explain
from distilbert.folder.checkpoint import Head, save_checkpoint
from distilbert.results import Answer, Entity

TEXT = "an unflinchingly good film , with bad acting"
TAGS = {"id2label": {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}}
METHODS = ("leave-one-out", "integrated-gradients")


def log_odds(score: float) -> float:
    return math.log(score / (1 - score))


def with_torch(method: str) -> None:
    if method != "leave-one-out":
        pytest.importorskip("torch")


@pytest.fixture
def good_alone(make_checkpoint: Maker) -> Path:
    """A classifier for which all words but "good" are [MASK], and whose logits are the mean of what each token says."""
    folder = make_checkpoint(classifier_pooling="mean")
    pieces = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    config = small_config(classifier_pooling="mean")
    weights = random_weights(config, Head.SEQUENCE_CLASSIFICATION)
    for name, array in weights.items():
        if "out_lin" in name or "lin2" in name:
            array[:] = 0  # no token sees another
        if name.endswith("word_embeddings.weight"):
            good = array[pieces.index("good")].copy()
            array[:] = array[pieces.index("[MASK]")]
            array[pieces.index("good")] = good
    save_checkpoint(folder, config, weights)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_the_one_word_that_counts_is_found(good_alone: Path, method: Any) -> None:
    with_torch(method)
    found = explain(load(good_alone), TEXT, method=method)
    by_word = {word.text: word.value for word in found.words}
    assert by_word.pop("good") == pytest.approx(found.score - found.baselines[0], abs=0.01)
    assert max(map(abs, by_word.values())) < 1e-5
    assert abs(found.score - found.baselines[0]) > 0.01


def test_leave_one_out_equals_calls_of_a_classifier(make_checkpoint: Maker) -> None:
    classifier = load(make_checkpoint(), "text-classification")
    found = explain(classifier, TEXT)
    best = classifier(TEXT)
    assert found.target == best.label
    assert found.score == pytest.approx(log_odds(best.score), abs=1e-4)
    assert any(len(classifier.tokenizer.encode(word.text)) > 3 for word in found.words)
    for word in found.words:
        masks = " ".join(["[MASK]"] * (len(classifier.tokenizer.encode(word.text)) - 2))
        text = f"{TEXT[: word.start]} {masks} {TEXT[word.end :]}"
        scores = {each.label: each.score for each in classifier(text, top_k=None)}
        assert word.value == pytest.approx(found.score - log_odds(scores[best.label]), abs=1e-4)
    assert [word.text for word in found.words] == TEXT.split()
    assert len(found.tokens) == len(classifier.tokenizer.encode(TEXT)) - 2
    assert all(TEXT[token.start : token.end] == token.text for token in found.tokens)


def test_any_label_of_a_pair_is_explained(make_checkpoint: Maker) -> None:
    classifier = load(make_checkpoint(id2label={"0": "no", "1": "yes", "2": "perhaps"}), "text-classification")
    found = explain(classifier, "a film", "a bad film", target="perhaps")
    scores = {each.label: each.score for each in classifier(("a film", "a [MASK] film"), top_k=None)}
    (bad,) = (word for word in found.words if word.text == "bad")
    assert (bad.part, bad.start) == (1, 2)
    assert bad.value == pytest.approx(found.score - log_odds(scores["perhaps"]), abs=1e-4)
    with pytest.raises(InputError, match="no label 'none'; it has no, yes, perhaps"):
        explain(classifier, "a film", target="none")


def test_a_regression_and_several_labels(make_checkpoint: Maker) -> None:
    regression = load(make_checkpoint(id2label={"0": "stars"}, problem_type="regression"), "text-classification")
    found = explain(regression, TEXT)
    assert (found.measure, found.score) == ("value", pytest.approx(regression(TEXT).score, abs=1e-5))
    several = load(make_checkpoint(name="several", problem_type="multi_label_classification"), "text-classification")
    assert explain(several, TEXT).score == pytest.approx(log_odds(several(TEXT).score), abs=1e-4)


def test_scores_are_calibrated(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(calibration={"temperature": 2.0, "bias": [0.3, -0.3]})
    classifier = load(folder, "text-classification")
    assert explain(classifier, TEXT).score == pytest.approx(log_odds(classifier(TEXT).score), abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_an_entity(make_checkpoint: Maker, method: Any) -> None:
    with_torch(method)
    tagger = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, **TAGS), "token-classification")
    entities = tagger(TEXT)
    best = max(entities, key=lambda entity: entity.score)
    found = explain(tagger, TEXT, method=method)
    assert found.target == f"{best.text} ({best.label})"
    assert found == explain(tagger, TEXT, target=best, method=method)
    film = Entity("LOC", "film", TEXT.index("film"), TEXT.index("film") + 4, 1.0)
    logits = tagger.logits(TEXT)[0][tagger.tokenizer.encode(TEXT).offsets[:, 0] == film.start][0].astype(float)
    label = 3 + int(logits[3:].argmax())
    expected = logits[label] - np.logaddexp.reduce(np.delete(logits, label))
    assert explain(tagger, TEXT, target=film, method=method).score == pytest.approx(expected, abs=1e-4)
    for wrong in ("nobody", Entity("PER", "x", 900, 901, 1.0), Entity("ORG", "an", 0, 2, 1.0)):
        with pytest.raises(InputError, match=r"finds no entity 'nobody'|is no entity in what the model reads"):
            explain(tagger, TEXT, target=wrong)
    with pytest.raises(InputError, match="one text, not a pair"):
        explain(tagger, TEXT, "two")


@pytest.mark.parametrize("method", METHODS)
def test_an_answer(make_checkpoint: Maker, method: Any) -> None:
    with_torch(method)
    answerer = load(make_checkpoint(Head.QUESTION_ANSWERING), "question-answering")
    question = "what is bad ?"
    best = answerer(question, TEXT, align_to_words=False)
    assert isinstance(best, Answer)
    found = explain(answerer, question, TEXT, method=method)
    assert found.target == best.text
    assert math.exp(found.score) == pytest.approx(best.score, abs=1e-5)
    assert found.texts == (question, TEXT)
    assert {word.part for word in found.words} == {0, 1}
    assert explain(answerer, question, TEXT, target=best, method=method) == found
    assert explain(answerer, question, TEXT, target="acting").target == "acting"
    with pytest.raises(InputError, match="not in what the model reads of the context"):
        explain(answerer, question, TEXT, target="elsewhere")
    with pytest.raises(InputError, match="the question and its context"):
        explain(answerer, question)


@pytest.mark.parametrize("method", METHODS)
def test_a_similarity(make_checkpoint: Maker, method: Any) -> None:
    with_torch(method)
    embedder = load(make_checkpoint(Head.NONE), "feature-extraction")
    other = "bad acting in a film"
    found = explain(embedder, TEXT, other, method=method)
    assert found.score == pytest.approx(embedder.similarity(TEXT, other), abs=1e-5)
    masks = " ".join(["[MASK]"] * (len(embedder.tokenizer.encode(TEXT)) - 2))
    assert found.baselines[0] == pytest.approx(embedder.similarity(masks, other), abs=1e-5)
    if method == "leave-one-out":
        (film,) = (word for word in found.of_part(1) if word.text == "film")
        changed = embedder.similarity(TEXT, "bad acting in a [MASK]")
        assert film.value == pytest.approx(found.score - changed, abs=1e-5)
    for wrong in ({"pair": None}, {"pair": other, "target": "x"}):
        with pytest.raises(InputError, match=r"give the two texts|has no target"):
            explain(embedder, TEXT, **wrong)


@pytest.mark.parametrize("head", [Head.SEQUENCE_CLASSIFICATION, Head.QUESTION_ANSWERING, Head.NONE])
def test_integrated_gradients_add_up(make_checkpoint: Maker, head: Head) -> None:
    pytest.importorskip("torch")
    found = explain(
        load(make_checkpoint(head)),
        TEXT,
        "good acting" if head is not Head.SEQUENCE_CLASSIFICATION else None,
        method="integrated-gradients",
    )
    assert found.gap is not None
    for part, baseline in enumerate(found.baselines):
        tokens = [token for token in found.tokens if len(found.baselines) == 1 or token.part == part]
        difference = found.score - baseline
        total = sum(token.value for token in tokens)
        assert total == pytest.approx(difference, abs=0.011 * max(1, abs(difference)))
    assert found.gap <= 0.01 * max(1, *(abs(found.score - baseline) for baseline in found.baselines))
    assert sum(word.value for word in found.words) == pytest.approx(sum(token.value for token in found.tokens))


def test_a_published_embedder_with_every_prompt_and_pooling(folded_minilm: Path, tmp_path: Path) -> None:
    shutil.copytree(folded_minilm, tmp_path / "model")
    (tmp_path / "model" / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "find: "}, "default_prompt_name": "query", "similarity_fn_name": "cosine"})
    )
    embedder = load(tmp_path / "model", "feature-extraction")
    found = explain(embedder, "a good film", "a fine movie")
    assert found.score == pytest.approx(embedder.similarity("a good film", "a fine movie"), abs=1e-5)
    assert [word.text for word in found.of_part(0)] == ["a", "good", "film"]


def test_attention_comes_with_its_warning(make_checkpoint: Maker) -> None:
    pytest.importorskip("torch")
    found = explain(load(make_checkpoint()), TEXT, attention=True)
    shares = [token.attention for token in found.tokens]
    assert all(share is not None and share > 0 for share in shares)
    assert 0 < sum(share or 0 for share in shares) < 1  # the rest is that of the special tokens
    assert "not what drove the result" in found.to_page()
    assert "not what drove the result" not in explain(load(make_checkpoint(name="plain")), TEXT).to_page()


@pytest.mark.parametrize("method", METHODS)
def test_a_text_beyond_the_limit_is_cut_and_said_to_be(make_checkpoint: Maker, method: Any) -> None:
    with_torch(method)
    classifier = load(make_checkpoint(max_position_embeddings=16), "text-classification")
    text = "good film " * 50
    found = explain(classifier, text, method=method)
    assert found.truncated
    assert len(found.tokens) == 14
    assert "texts were cut" in found.title


HOSTILE = [
    "\U0001f600 \U0001f468‍\U0001f469‍\U0001f467 good",
    "<script>alert('&')</script>",
    "Ḧ\u0301\u200b\x00\x1b[31m",
    "\ud800 x",
    "한국어 漢字",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_explained_and_escaped(make_checkpoint: Maker, text: str) -> None:
    found = explain(load(make_checkpoint(id2label={"0": "<b>", "1": "<i>"})), text)
    assert all(word.text == text[word.start : word.end] for word in found.words)
    assert all(math.isfinite(word.value) for word in found.words)
    page = found.to_page()
    for tag in ("<script", "<i>", "</script>", "http://", "https://"):
        assert tag not in page
    assert "&lt;" in page
    assert found._repr_html_() in page
    assert json.loads(json.dumps(found.to_dict()))["words"][0]["text"] == found.words[0].text


@pytest.mark.parametrize("text", ["", "   ", "\x00"])
def test_a_text_without_tokens_is_refused(make_checkpoint: Maker, text: str) -> None:
    with pytest.raises(InputError, match="a text is empty"):
        explain(load(make_checkpoint()), text)


def test_what_cannot_be_explained_is_told(make_checkpoint: Maker) -> None:
    filler = load(make_checkpoint(Head.MASKED_LM, name="filler"))
    with pytest.raises(InputError, match="fill-mask is not explained; text-classification, "):
        explain(filler, TEXT)
    classifier = load(make_checkpoint())
    with pytest.raises(InputError, match="method must be one of leave-one-out, integrated-gradients, not 'shap'"):
        explain(classifier, TEXT, method="shap")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="text must be a string, not list"):
        explain(classifier, [TEXT])  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match=r"has no explain: distilbert\.explain\.explain\(task, text\)"):
        classifier.explain(TEXT)


def test_int8_weights_have_no_gradients(make_checkpoint: Maker, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from distilbert.cli import main

    assert main(["quantize", str(make_checkpoint()), str(tmp_path / "int8")]) == 0
    classifier = load(tmp_path / "int8")
    assert explain(classifier, TEXT).words
    with pytest.raises(CheckpointError, match="holds int8 weights"):
        explain(classifier, TEXT, method="integrated-gradients")
