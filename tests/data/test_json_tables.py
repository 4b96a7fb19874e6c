"""JSON in the forms that people keep rows in."""

import json
from pathlib import Path

import pytest

from distilbert.data.examples import Question, SentencePair
from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import json_lines, read, write

CLASSES, ANSWERS, PAIRS = "text-classification", "question-answering", "sentence-similarity"
ROWS = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
ONE, TWO = map(json.dumps, ROWS)


@pytest.mark.parametrize(
    "text",
    [f"{ONE},\n{TWO},\n", f"{ONE}{TWO}", "\n".join(json.dumps(row, indent=1) for row in ROWS), f"{ONE},{TWO}",
     json.dumps({"rows": [{"row_idx": 0, "row": row} for row in ROWS], "features": []})],
    ids=["commas", "one-line", "indented", "commas-on-one-line", "hub-viewer"],
)  # fmt: skip
def test_objects_however_they_are_separated(tmp_path: Path, text: str) -> None:
    for name in ("a.jsonl", "a.json") if "row_idx" not in text else ("a.json",):
        data = read(tmp_path, name, text)
        assert [(example.text, example.label) for example in data.examples] == [("a", "x"), ("b", "y")]


def test_places_in_a_stream_of_objects(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(row, indent=1) for row in [*ROWS, {"text": "c"}])
    with pytest.raises(InputError, match=r"a\.jsonl:9: the label \('label'\) is missing"):
        read(tmp_path, "a.jsonl", text)
    with pytest.raises(InputError, match=r"a\.jsonl:9: not valid JSON .*; nothing behind it can be read"):
        read(tmp_path, "a.jsonl", text[:-1])
    with pytest.raises(InputError, match=r"a\.jsonl:1: not valid JSON"):  # one line is broken, not all
        read(tmp_path, "a.jsonl", f"{ONE[:-4]}\n{TWO}\n{ONE}\n")
    assert len(read(tmp_path, "a.jsonl", f"{ONE[:-4]}\n{TWO}\n{ONE}\n", skip_bad=True).examples) == 2


def test_rows_without_names(tmp_path: Path) -> None:
    rows = [["a", "x"], ["b", "y"], ["c", "x"]]
    for path in (json_lines(tmp_path, rows), write(tmp_path, "a.json", json.dumps(rows))):
        with pytest.raises(InputError, match="no column looks like 'text' among '1', '2'; say which it is: --columns"):
            read_data(path, CLASSES)
        assert read_data(path, CLASSES, columns={"text": "1", "label": "2"}).labels == ("x", "y")
    pairs = [["a b", "c d", 0.5], ["e", "f", 1]]
    assert read_data(json_lines(tmp_path, pairs), PAIRS).examples == [
        SentencePair("a b", "c d", 0.5),
        SentencePair("e", "f", 1.0),
    ]
    assert read_data(json_lines(tmp_path, [["a", "b", "no"]]), PAIRS).examples == [SentencePair("a", "b", None)]


def test_questions_in_json_need_not_be_squads(tmp_path: Path) -> None:
    row = {
        "id": "1",
        "question": "where?",
        "context": "Amy lives in Rome.",
        "answers": {"text": ["Rome"], "answer_start": [13]},
    }
    wanted = [Question("1", "where?", "Amy lives in Rome.", (("Rome", 13),))]
    answers = [{"text": "Rome", "answer_start": 13}]
    article = {
        "paragraphs": [{"context": row["context"], "qas": [{"id": "1", "question": "where?", "answers": answers}]}]
    }
    for text in (
        json.dumps([row]),
        json.dumps({"data": [row]}),
        json.dumps({name: [value] for name, value in row.items()}),
        json.dumps(row) + "\n",
        json.dumps([article]),
        json.dumps({"version": "1.1", "data": [article]}),
    ):
        assert read(tmp_path, "a.json", text, ANSWERS).examples == wanted
    with pytest.raises(InputError, match=r"a\.json: not valid JSON"):
        read(tmp_path, "a.json", json.dumps({"data": [article]})[:-1], ANSWERS)
