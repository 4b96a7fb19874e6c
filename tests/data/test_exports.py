"""Tables as Excel, pandas, R and published data sets have them: read as meant, or refused with the way out."""

import json
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.cells import literal
from distilbert.data.examples import Choices, Question, SentencePair
from distilbert.errors import InputError
from helpers.tables import labels_of, read

CLASSES, WORDS, ANSWERS = "text-classification", "token-classification", "question-answering"
PAIRS, CHOICES = "sentence-similarity", "multiple-choice"
ROME = Question("0", "where?", "Amy lives in Rome.", (("Rome", 13),))


@pytest.mark.parametrize("nothing", ["nan", "NaN", "<NA>", "#N/A", "#NV", "NaT", ""])
def test_a_label_that_is_none_is_no_class(tmp_path: Path, nothing: str) -> None:
    text = f"text,label\na,pos\nb,{nothing}\nc,neg\n"
    with pytest.raises(InputError, match=r"a.csv:3: the label \('label'\) is missing"):
        read(tmp_path, "a.csv", text)
    assert read(tmp_path, "a.csv", text, skip_bad=True).labels == ("neg", "pos")
    if nothing:
        assert labels_of(read(tmp_path, "a.csv", text, label_names={nothing: "neutral"})) == ["pos", "neutral", "neg"]
    numbers = read(tmp_path, "n.csv", f"text,label\na,1\nb,{nothing}\nc,0\n", skip_bad=True)
    assert (numbers.problem, numbers.labels) == ("single_label_classification", ("0", "1"))


@pytest.mark.parametrize("word", ["None", "null", "NA", "n/a", "-1", "-"])
def test_a_label_that_may_be_none_is_told(tmp_path: Path, word: str) -> None:
    data = read(tmp_path, "a.csv", f"text,label\na,x\nb,{word}\nc,y\n")
    assert (
        f"label {word!r} of 1 row is taken for a class; if it means that there is none, --labels={word}="
        in data.guessed
    )
    assert read(tmp_path, "a.csv", f"text,label\na,x\nb,{word}\nc,y\n", label_names={word: ""}).labels == ("x", "y")


@pytest.mark.parametrize(
    "text",
    [",text,label\n0,a,x\n1,b,y\n", "Unnamed: 0,text,label\n0,a,x\n1,b,y\n",
     '"text","label"\n"1","a","x"\n"2","b","y"\n',
     "text,label,,\na,x,,\nb,y,,\n", "text,label\na,x\nb,y\n,\n,\n", "index,text,label\n0,a,x\n1,b,y\n"],
    ids=["to_csv", "read-and-written", "R", "empty-columns", "empty-rows", "index"],
)  # fmt: skip
def test_columns_that_tools_add(tmp_path: Path, text: str) -> None:
    data = read(tmp_path, "a.csv", text)
    assert [(example.text, example.label) for example in data.examples] == [("a", "x"), ("b", "y")]


ROWS = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        {"data": ROWS},
        {"schema": {"fields": []}, "data": ROWS},
        {"version": "1.0", "examples": ROWS},
        {"text": ["a", "b"], "label": ["x", "y"]},
        {"text": {"0": "a", "1": "b"}, "label": {"0": "x", "1": "y"}},
        {"0": ROWS[0], "1": ROWS[1]},
        {"columns": ["text", "label"], "index": [0, 1], "data": [["a", "x"], ["b", "y"]]},
    ],
)
def test_json_as_pandas_and_others_write_it(tmp_path: Path, value: Any) -> None:
    wanted = [("a", "x"), ("b", "y")]
    for name, indent in (
        ("a.json", None),
        ("a.json", 1),
        *((("a.jsonl", i) for i in (None, 1)) if value is ROWS else ()),
    ):
        data = read(tmp_path, name, json.dumps(value, indent=indent))
        assert [(example.text, example.label) for example in data.examples] == wanted
    lines = "\n".join(map(json.dumps, ROWS))
    assert len(read(tmp_path, "l.json", lines).examples) == 2


@pytest.mark.parametrize(
    "answers",
    ["{'answer_start': [13], 'text': ['Rome']}", '{"text": ["Rome"], "answer_start": [13]}',
     "[{'text': 'Rome', 'answer_start': 13}]", "{'text': 'Rome', 'answer_start': 13}",
     "{'text': array(['Rome'], dtype=object), 'answer_start': array([13], dtype=int32)}", "['Rome']", "Rome"],
)  # fmt: skip
def test_answers_in_any_form(tmp_path: Path, answers: str) -> None:
    quoted = answers.replace('"', '""')
    text = f'question,paragraph,answers\nwhere?,Amy lives in Rome.,"{quoted}"\n'
    assert read(tmp_path, "a.csv", text, ANSWERS).examples == [ROME]


def test_starts_of_answers_as_pandas_writes_them(tmp_path: Path) -> None:
    text = "question,context,answer_text,answer_start,answer_end\nwhere?,Amy lives in Rome.,Rome,13.0,17.0\n"
    assert read(tmp_path, "a.csv", text, ANSWERS).examples == [ROME]
    rows = {"question": "where?", "context": "Amy lives in Rome.", "answers": {"text": "Rome", "answer_start": 13}}
    assert read(tmp_path, "a.jsonl", json.dumps(rows), ANSWERS).examples == [ROME]
    assert literal("__import__('os')") is None
    assert literal("[" * 5000) is None


def test_pairs_that_belong_together_and_pairs_that_do_not(tmp_path: Path) -> None:
    data = read(tmp_path, "t.csv", "anchor,positive,negative\na b,c d,e f\n", PAIRS)
    assert data.examples == [SentencePair("a b", "c d", None)]
    assert "negative not read: the other pairs of a batch are the negatives" in data.guessed
    rows = json.dumps({"query": "a", "pos": ["b"], "neg": ["c", "d"]})
    assert "neg not read" in read(tmp_path, "t.jsonl", rows, PAIRS).guessed
    quora = "id,qid1,qid2,question1,question2,is_duplicate\n0,1,2,a?,b?,0\n1,3,4,c?,d?,1\n"
    assert [example.score for example in read(tmp_path, "q.csv", quora, PAIRS).examples] == [0.0, 1.0]
    assert labels_of(read(tmp_path, "q.csv", quora)) == ["0", "1"]
    sick = (
        "id\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n1\ta\tb\t4.5\tNEUTRAL\n2\tc\td\t3.5\tNO\n"
    )
    assert read(tmp_path, "s.tsv", sick, PAIRS).examples[0] == SentencePair("a", "b", 4.5)
    assert labels_of(read(tmp_path, "s.tsv", sick)) == ["NEUTRAL", "NO"]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q?", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "B"},
        {"question": "q?", "options": ["a", "b"], "answer": "b"},
        {"question": "q?", "A": "a", "B": "b", "answer": "B"},
        {"premise": "q?", "choice1": "a", "choice2": "b", "question": "cause", "label": 1},
    ],
    ids=["ARC", "RACE", "columns", "COPA"],
)
def test_choices_by_letter(tmp_path: Path, row: dict[str, Any]) -> None:
    assert read(tmp_path, "a.jsonl", json.dumps(row), CHOICES).examples == [Choices("q?", ("a", "b"), 1)]
