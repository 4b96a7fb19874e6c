"""Files of further tools and data sets: questions, choices, fastText, JSON, what databases write, what is no table."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.examples import Choices, Question
from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import json_lines, labels_of, read, write

CLASSES, ANSWERS, CHOICES = "text-classification", "question-answering", "multiple-choice"

CONTEXT = "Amy lives in Rome."
ASKED = Question("1", "where?", CONTEXT, (("Rome", 13),))
FOUND = {"text": "rome", "char_spans": [[13, 16]], "token_spans": [[3, 3]]}
PASSAGE = {
    "context": CONTEXT,
    "qas": [{"id": "1", "question": "where?", "answers": [{"text": "Rome", "answer_start": 13}]}],
}


@pytest.mark.parametrize(
    "rows",
    [
        [{"header": {"dataset": "NewsQA"}},
         {"id": "", "context": CONTEXT, "qas": [{"qid": "1", "question": "where?", "answers": ["rome"],
                                                 "detected_answers": [FOUND]}]}],
        [PASSAGE],
        [{"title": "t", "paragraphs": [PASSAGE]}],
        [{"version": "1.1", "data": [{"title": "t", "paragraphs": [PASSAGE]}]}],
        [{"id": 1, "question": "where?", "context": CONTEXT, "answers": [{"text": ["Rome"], "answer_start": [13]}]}],
        [{"id": 1, "question": "where?", "context": CONTEXT, "answer": "Rome "}],
    ],
    ids=["MRQA", "passages", "articles", "whole", "columns-in-a-list", "blank-behind"],
)  # fmt: skip
def test_questions_in_json_lines(tmp_path: Path, rows: list[Any]) -> None:
    text = "\n".join(map(json.dumps, rows))
    assert read(tmp_path, "a.jsonl", text, ANSWERS).examples == [ASKED]
    assert read(tmp_path, "a.jsonl.gz", gzip.compress(text.encode()), ANSWERS).examples == [ASKED]


def test_answers_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv:2: the answer 'rome' is not in the context; it has it in other capi"):
        read(tmp_path, "a.csv", f"question,context,answer\nq,{CONTEXT},rome\n", ANSWERS)
    nothing = read(tmp_path, "a.csv", f"question,context,answer\nq,{CONTEXT},nan\nr,{CONTEXT},#N/A\n", ANSWERS)
    assert [example.answers for example in nothing.examples] == [(), ()]
    assert read(tmp_path, "a.csv", "question,context,answer\nq,a nan is bread,nan\n", ANSWERS).examples[0].answers


@pytest.mark.parametrize(
    ("rows", "right", "told"),
    [
        ([{"question": "q", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": key} for key in "12"],
         [0, 1], ""),
        ([{"sentence": "q", "option1": "a", "option2": "b", "answer": key} for key in "12"], [0, 1], "from 1 on"),
        ([{"question": "q", "choice1": "a", "choice2": "b", "label": label} for label in (0, 1)], [0, 1], ""),
        ([{"question": "q", "choice1": "a", "choice2": "b", "label": label} for label in ("1.0", " B")], [1, 1], ""),
    ],
    ids=["ARC", "WinoGrande", "from-0", "pandas-and-letters"],
)  # fmt: skip
def test_choices_by_their_names_and_counted_from_1(
    tmp_path: Path, rows: list[Any], right: list[int], told: str
) -> None:
    data = read_data(json_lines(tmp_path, rows), CHOICES)
    assert data.examples == [Choices("q", ("a", "b"), place) for place in right]
    assert told in data.guessed


@pytest.mark.parametrize("name", ["a.txt", "a.train", "a.csv", "a.tsv"])
@pytest.mark.parametrize("gap", [" ", "\t", " , "])
def test_files_of_fasttext(tmp_path: Path, name: str, gap: str) -> None:
    data = read(tmp_path, name, f"__label__pos{gap}a good film\n\n__label__neg{gap}bad\n")
    assert [(example.text, example.label) for example in data.examples] == [("a good film", "pos"), ("bad", "neg")]
    assert "in fastText's form" in data.guessed
    several = read(tmp_path, name, f"__label__pos __label__long{gap}a\n__label__neg{gap}b\n")
    assert labels_of(several) == [("pos", "long"), ("neg",)]
    assert labels_of(read(tmp_path, "t.csv", "text,label\na,__label__pos\nb,pos\n", labels=["neg", "pos"])) == [
        "pos",
        "pos",
    ]


def test_names_of_classes_that_a_file_has(tmp_path: Path) -> None:
    features = [
        {"name": "text", "type": {"dtype": "string", "_type": "Value"}},
        {"name": "label", "type": {"names": ["neg", "pos"], "_type": "ClassLabel"}},
    ]
    rows = [{"row_idx": place, "row": {"text": text, "label": place}} for place, text in enumerate("ab")]
    viewed = read(tmp_path, "a.json", json.dumps({"features": features, "rows": rows}))
    assert labels_of(viewed) == ["neg", "pos"]
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["neg", "neutral", "pos"])
    kinds = datasets.Features({"text": datasets.Value("string"), "label": names})
    kept = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 2]}, features=kinds)
    kept.to_parquet(str(tmp_path / "a.parquet"))
    data = read_data(tmp_path / "a.parquet", CLASSES)
    assert (data.labels, labels_of(data)) == (("neg", "neutral", "pos"), ["neg", "pos"])
    assert labels_of(read_data(kept.with_format("pandas"), CLASSES)) == ["neg", "pos"]
    lists = datasets.Features({"text": datasets.Value("string"), "labels": datasets.Sequence(names)})
    ids = datasets.Dataset.from_dict({"text": ["a", "b"], "labels": [[0, 1], [1, 0]]}, features=lists)
    assert labels_of(read_data(ids, CLASSES)) == [("neg", "neutral"), ("neutral", "neg")]  # numbers, no vectors


def test_an_index_with_a_name_is_a_column(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", "b"], "label": ["x", "y"]})
    for indexed in (frame.set_index("text"), frame.set_index(["text", "label"]), frame):
        assert [(e.text, e.label) for e in read_data(indexed, CLASSES).examples] == [("a", "x"), ("b", "y")]


OPTIONS = [{"id": 0, "text": "x"}, {"id": 1, "text": "y"}]


@pytest.mark.parametrize(
    "value",
    [{"rasa_nlu_data": {"common_examples": [{"text": "a", "intent": "x"}, {"text": "b", "intent": "y"}]}},
     {"luis_schema_version": "3.2", "intents": [{"name": "x"}],
      "utterances": [{"text": "a", "intent": "x"}, {"text": "b", "intent": "y"}]},
     [{"fields": {"text": text}, "responses": [{"values": {"label": {"value": label}}, "status": "submitted"}]}
      for text, label in ("ax", "by")],
     [{"text": "a", "options": OPTIONS, "accept": [0], "answer": "accept"},
      {"text": "b", "options": OPTIONS, "accept": [1], "answer": "accept"}]],
    ids=["Rasa", "LUIS", "Argilla-2", "Prodigy-by-number"],
)  # fmt: skip
def test_json_of_further_tools(tmp_path: Path, value: Any) -> None:
    data = read(tmp_path, "a.json", json.dumps(value))
    assert [(example.text, example.label) for example in data.examples] == [("a", "x"), ("b", "y")]


def test_rows_that_are_not_as_their_tool_writes_them(tmp_path: Path) -> None:
    rows = [{"fields": {"text": "a"}, "responses": {"label": [value]}} for value in ({"value": "x"}, None)]
    with pytest.raises(InputError, match=r"a\.jsonl:2: is not as a tool for annotation writes its rows"):
        read_data(json_lines(tmp_path, rows), CLASSES)
    with pytest.raises(InputError, match=r"a\.json:2: must be an object, not 1\.5"):
        read(tmp_path, "a.json", '[{"text": "a", "label": "x"}]\n1.5')


def test_what_databases_escape(tmp_path: Path) -> None:
    text = "a\\tb\tx\nc\\\nd\ty\ne\\nf\tx\ng\t\\N\nh\\\\i\ty\n"
    with pytest.raises(InputError, match=r"a\.tsv:\d: the label \('2'\) is missing"):
        read(tmp_path, "a.tsv", text, columns={"text": "1", "label": "2"})
    data = read(tmp_path, "a.tsv", text, columns={"text": "1", "label": "2"}, skip_bad=True)
    assert [example.text for example in data.examples] == ["a\tb", "c\nd", "e\nf", "h\\i"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("nlu.yml", "is YAML; write its examples as a table"), ("a.xml", "is text with marks"),
     ("dump.sql", "is SQL, not a table"), ("a.sav", "a file of a statistics program"), ("a.npz", "is an array"),
     ("a.avro", "write it as Parquet"), ("a.arff", "is an ARFF file of Weka")],
)  # fmt: skip
def test_what_is_no_table_by_its_name(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_data(write(tmp_path, name, "text,label\na,x\n"), CLASSES)
