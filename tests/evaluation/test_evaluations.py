"""Every task on the CPU engine: figures against what the task's own results give."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import distilbert
from conftest import Maker
from distilbert.cli import main
from distilbert.errors import InputError
from distilbert.evaluation.evaluations import compare, evaluate
from distilbert.folder.checkpoint import Head


def write_csv(path: Path, rows: list[tuple[Any, ...]]) -> Path:
    path.write_text("\n".join("\t".join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def labelled(tmp_path: Path, sentences: list[str]) -> Path:
    rows = [(text, ("neg", "pos")[index % 2]) for index, text in enumerate(sentences[:80])]
    return write_csv(tmp_path / "dev.tsv", [("text", "label"), *rows])


def test_text_classification(make_checkpoint: Maker, labelled: Path) -> None:
    folder = make_checkpoint(id2label={"0": "neg", "1": "pos"})
    done = evaluate(folder, labelled, resamples=200)
    rows = [line.split("\t") for line in labelled.read_text(encoding="utf-8").splitlines()[1:]]
    classifier = distilbert.load(folder)
    right = [classifier(text).label == label for text, label in rows]
    score = done.scores["accuracy"]
    assert score.value == pytest.approx(np.mean(right))
    assert 0 <= score.low < score.value < score.high <= 1
    assert done.details.confusion is not None
    assert done.details.confusion.sum() == 80
    assert np.trace(done.details.confusion) == sum(right)
    assert done.bytes == sum(array.nbytes for array in load_file(folder / "model.safetensors").values())
    assert json.loads(json.dumps(done.to_dict()))["scores"]["accuracy"]["value"] == score.value


def test_two_models_are_compared_on_the_same_samples(make_checkpoint: Maker, labelled: Path) -> None:
    labels = {"0": "neg", "1": "pos"}
    first, second = (
        evaluate(make_checkpoint(seed=seed, name=f"m{seed}", id2label=labels), labelled, resamples=200)
        for seed in (0, 1)
    )
    gaps = compare(first, second, resamples=200)
    for name, gap in gaps.items():
        assert gap.value == pytest.approx(second.scores[name].value - first.scores[name].value)
        assert gap.low <= gap.high
    assert all((gap.value, gap.low, gap.high) == (0, 0, 0) for gap in compare(first, first, resamples=50).values())


def test_several_labels_and_numbers(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    rows = [{"text": text, "label": ["a", "b"][: index % 3]} for index, text in enumerate(sentences[:40])]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    folder = make_checkpoint(id2label={"0": "a", "1": "b"}, problem_type="multi_label_classification")
    done = evaluate(folder, tmp_path / "m.jsonl", resamples=50)
    scores = distilbert.load(folder)([row["text"] for row in rows], top_k=None, threshold=0.5)
    exact = [
        {found.label for found in labels_found} == set(row["label"])
        for labels_found, row in zip(scores, rows, strict=True)
    ]
    assert done.scores["exact_match"].value == pytest.approx(np.mean(exact))
    folder = make_checkpoint(name="r", num_labels=1, problem_type="regression")
    table = write_csv(tmp_path / "r.tsv", [("text", "label"), *((text, len(text)) for text in sentences[:40])])
    done = evaluate(folder, table, resamples=50)
    predicted = [found.score for found in distilbert.load(folder)(sentences[:40])]
    wanted = np.corrcoef(predicted, [len(text) for text in sentences[:40]])[0, 1]
    assert done.scores["pearson"].value == pytest.approx(wanted, abs=1e-5)


def test_token_classification(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    lines = []
    for sentence in sentences[:20]:
        lines += [f"{word}\t{'B-X' if word[0] in 'aeiou' else 'O'}" for word in sentence.split()] + [""]
    (tmp_path / "dev.conll").write_text("\n".join(lines), encoding="utf-8")
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label={"0": "O", "1": "B-X", "2": "I-X"})
    done = evaluate(folder, tmp_path / "dev.conll", resamples=50)
    words = [sentence.split() for sentence in sentences[:20]]
    model = distilbert.load(folder)
    right = found = true = 0
    for sentence, entities in zip(words, model.from_words(words), strict=True):
        wanted = {(i, i + 1) for i, word in enumerate(sentence) if word[0] in "aeiou"}
        answered = {(entity.start, entity.end) for entity in entities}
        right, found, true = right + len(wanted & answered), found + len(answered), true + len(wanted)
    assert done.scores["precision"].value == pytest.approx(right / found)
    assert done.scores["recall"].value == pytest.approx(right / true)
    assert done.scores["f1"].value == pytest.approx(2 * right / (found + true))
    assert "f1_X" not in done.scores  # of one type it is that of all


def test_question_answering(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    model = distilbert.load(make_checkpoint(Head.QUESTION_ANSWERING))
    rows = []
    for index, context in enumerate(sentences[:6]):
        answered = model("what is it?", context, no_answer=True, max_answer_len=30).text
        # half of the true answers are what the model says
        given = [answered] if index < 3 and answered else [] if index < 3 else [context[:1]]
        rows.append({"id": str(index), "question": "what is it?", "context": context, "answers": given})
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = evaluate(model.model.folder, tmp_path / "dev.jsonl", resamples=50)
    assert done.scores["exact_match"].value >= 0.5
    assert {"f1", "calibration_error"} < set(done.scores)


def test_masks(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    (tmp_path / "dev.txt").write_text("\n".join(sentences[:60]), encoding="utf-8")
    folder = make_checkpoint(Head.MASKED_LM)
    first, again = (evaluate(folder, tmp_path / "dev.txt", resamples=50) for _ in range(2))
    assert first.scores == again.scores
    assert first.scores["top1_accuracy"].value <= first.scores["top5_accuracy"].value < 0.1
    assert first.scores["cross_entropy"].value > np.log(6000) / 2


def test_sentence_similarity(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(Head.NONE)
    embedder = distilbert.load(folder)
    pairs = list(zip(sentences[:20], sentences[20:40], strict=True))
    cosines = [float(embedder.similarity(a, b)) for a, b in pairs]
    table = write_csv(
        tmp_path / "s.tsv", [("a", "b", "c"), *((*pair, c**3) for pair, c in zip(pairs, cosines, strict=True))]
    )
    done = evaluate(folder, table, columns={"text": "a", "pair": "b", "score": "c"}, resamples=50)
    assert done.scores["spearman"].value == pytest.approx(1)
    table = write_csv(tmp_path / "e.tsv", [("text", "pair", "score"), *((*pair, 1) for pair in pairs)])
    assert main(["evaluate", str(folder), str(table), "--resamples", "5"]) == 0
    assert "correlations have no value (nan): all true numbers are 1\n" in capsys.readouterr().out
    table = write_csv(tmp_path / "p.tsv", [("first", "second"), *((text, text) for text in sentences[:20])])
    done = evaluate(folder, table, resamples=50)
    assert done.scores["mrr"].value == done.scores["accuracy_at_1"].value == 1


def test_multiple_choice(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    folder = make_checkpoint(Head.MULTIPLE_CHOICE)
    model = distilbert.load(folder)
    rows = []
    for index in range(10):
        choices = sentences[3 * index : 3 * index + 3]
        best = choices.index(model(sentences[60 + index], choices)[0].label)
        rows.append(
            {"prompt": sentences[60 + index], "choices": choices, "label": best if index < 7 else (best + 1) % 3}
        )
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = evaluate(folder, tmp_path / "c.jsonl", resamples=50)
    assert done.scores["accuracy"].value == pytest.approx(0.7)
    assert len(done.details.mistakes) == 3


def test_long_texts_are_read_as_asked(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    texts = [" ".join(sentences[start::4]) for start in range(4)]
    table = write_csv(tmp_path / "long.tsv", [("text", "label"), *((text, "pos") for text in texts)])
    folder = make_checkpoint(id2label={"0": "neg", "1": "pos"})
    classifier, found = distilbert.load(folder), {}
    for long_text in ("truncate", "window"):
        done = evaluate(folder, table, resamples=1, long_text=long_text)
        found[long_text] = [row["score"] for row in done.details.predictions()]
        assert found[long_text] == pytest.approx([each.score for each in classifier(texts, long_text=long_text)])
    assert found["window"] != pytest.approx(found["truncate"], abs=1e-4)
    with pytest.raises(InputError, match="is longer than the"):
        evaluate(folder, table, long_text="error")
    (tmp_path / "text.txt").write_text("\n".join(texts), encoding="utf-8")
    masked = make_checkpoint(Head.MASKED_LM, name="masked")
    with pytest.raises(InputError, match="long_text is not for fill-mask: long texts are scored whole"):
        evaluate(masked, tmp_path / "text.txt", long_text="window")


def test_what_cannot_be_evaluated_says_so(make_checkpoint: Maker, labelled: Path) -> None:
    with pytest.raises(InputError, match=r"dev.tsv:2: label 'neg' is unknown; there are 'LABEL_0', 'LABEL_1'"):
        evaluate(make_checkpoint(), labelled)
    with pytest.raises(InputError, match="has no data format"):
        evaluate(make_checkpoint(Head.MASKED_LM, name="sparse"), labelled, "sparse-encoding")
    with pytest.raises(InputError, match="resamples must be a whole number of at least 1, not 0"):
        evaluate(make_checkpoint(name="any"), labelled, resamples=0)
