"""Large tables whose examples are read again, not held: the same examples, labels and faults as when they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Maker
from distilbert.data import reading
from distilbert.data.reading import read_data
from distilbert.data.rereading import Reread, examples_at
from distilbert.errors import InputError
from distilbert.evaluation.evaluations import evaluate

CLASSES = "text-classification"


@pytest.fixture(autouse=True)
def few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_DECIDING", 10)


def files(rows: list[tuple[str, str]]) -> dict[str, str]:
    marked = "".join(f'"{text}",{label if n % 4 else -1}\n' for n, (text, label) in enumerate(rows))
    return {
        "a.csv": "id,text,label\n" + "".join(f'{n},"{text}",{label}\n' for n, (text, label) in enumerate(rows)),
        "headless.csv": "".join(f"{text.replace(',', '')};{label}\n" for text, label in rows),
        "a.tsv": "sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows),
        "a.jsonl": "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows),
        "flags.csv": "text,x,y\n" + "".join(f'"{text}",{n % 2},{n % 3 > 1:d}\n' for n, (text, _) in enumerate(rows)),
        "none.csv": f"text,label\n{marked}",
    }


@pytest.mark.parametrize("name", list(files([])))
def test_examples_are_those_that_are_held(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(files([(f"a good, long film {n}", f"kind {n % 3}") for n in range(40)])[name], encoding="utf-8")
    label_names = {"-1": ""} if name == "none.csv" else None
    held = read_data(path, CLASSES, label_names=label_names)
    again = read_data(path, CLASSES, label_names=label_names, hold=False)
    assert isinstance(again.examples, Reread)
    assert (held.labels, held.problem, held.guessed) == (again.labels, again.problem, again.guessed)
    assert len(held.examples) == len(again.examples)
    for _ in range(2):
        assert list(again.examples) == list(held.examples)
    assert again.examples[3] == held.examples[3]
    assert again.examples[-1] == held.examples[-1]
    assert again.examples[5:20:7] == held.examples[5:20:7]
    assert examples_at(again.examples, [20, 1]) == {1: held.examples[1], 20: held.examples[20]}
    with pytest.raises(IndexError):
        again.examples[len(held.examples)]


def test_a_small_table_is_held(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(files([("a", "x")] * 10)["a.csv"])
    assert isinstance(read_data(tmp_path / "a.csv", CLASSES, hold=False).examples, list)


def test_faults_are_told_before_anything_runs_and_left_out_on_demand(tmp_path: Path) -> None:
    rows = [(f"text {n}", "x" if n % 2 else "y") for n in range(40)]
    rows[4], rows[30] = ("", "x"), ("more", "")
    path = tmp_path / "a.csv"
    path.write_text(files(rows)["a.csv"] + "1,2\n")
    messages = []
    for hold in (True, False):
        with pytest.raises(InputError) as error:
            read_data(path, CLASSES, hold=hold)
        messages.append(str(error.value))
    assert sorted(messages[0].split("\n")) == sorted(messages[1].split("\n"))
    assert "3 rows cannot be used" in messages[0]
    held, again = (read_data(path, CLASSES, hold=hold, skip_bad=True) for hold in (True, False))
    assert "3 bad rows are left out" in again.guessed
    assert list(again.examples) == held.examples
    path.write_text(files(rows[10:28])["flags.csv"] + "later,1,2\n")
    with pytest.raises(InputError, match=r"a.csv:20: 'y' must be 0 or 1, not '2'"):
        read_data(path, CLASSES, hold=False)


@pytest.mark.parametrize("problem", ["single_label_classification", "multi_label_classification", "regression"])
def test_an_evaluation_is_the_same(
    problem: str, make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels: dict[str, Any] = {
        "single_label_classification": ["x", "y"],
        "multi_label_classification": [["x"], ["x", "y"], []],
        "regression": [0.5, 2, 1.25],
    }
    kinds = labels[problem]
    rows = [{"text": text, "label": kinds[n * n % 7 % len(kinds)]} for n, text in enumerate(sentences[:50])]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    names = {"num_labels": 1} if problem == "regression" else {"id2label": {"0": "x", "1": "y"}}
    folder = make_checkpoint(problem_type=problem, **names)
    again = evaluate(folder, path, resamples=20)
    monkeypatch.setattr(reading, "_DECIDING", 1000)
    held = evaluate(folder, path, resamples=20)
    assert again.scores == held.scores
    assert again.details.mistakes == held.details.mistakes
    assert list(again.details.predictions()) == list(held.details.predictions())
