"""What Label Studio, Prodigy, doccano and spaCy write, read as it was meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.annotations import tagged_words
from distilbert.data.examples import TaggedWords
from distilbert.data.reading import read_data
from distilbert.errors import InputError

CLASSES, WORDS = "text-classification", "token-classification"
TEXT = "Amy Li lives in Rome."
TAGGED = TaggedWords(("Amy", "Li", "lives", "in", "Rome", "."), ("B-PER", "I-PER", "O", "O", "B-LOC", "O"))
ENDS = [(0, 6, "PER"), (16, 20, "LOC")]


def read(folder: Path, rows: list[Any], task: str = CLASSES, name: str = "a.jsonl", **options: Any) -> Any:
    text = json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows))
    (folder / name).write_text(text, encoding="utf-8")
    return read_data(folder / name, task, **options)


def studio(text: str, *results: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 1,
        "data": {"text": text},
        "annotations": [{"id": 1, "result": [{"value": each} for each in results]}],
    }


@pytest.mark.parametrize(
    "row",
    [
        studio(TEXT, *({"start": s, "end": e, "labels": [label]} for s, e, label in ENDS)),
        {"text": TEXT, "label": [{"start": s, "end": e, "text": TEXT[s:e], "labels": [label]} for s, e, label in ENDS]},
        {"text": TEXT, "tokens": [{"text": "Amy"}], "answer": "accept",
         "spans": [{"start": s, "end": e, "label": label} for s, e, label in ENDS]},
        {"id": 1, "text": TEXT, "label": ENDS},
        {"id": 1, "data": TEXT, "labels": ENDS},
        {"text": TEXT, "entities": [{"start_offset": s, "end_offset": e, "label": label} for s, e, label in ENDS],
         "relations": []},
        {"text": TEXT, "entities": [{"start": s, "end": e, "label": label} for s, e, label in ENDS]},
        [TEXT, {"entities": ENDS}],
    ],
    ids=["label-studio", "label-studio-min", "prodigy", "doccano", "doccano-data", "doccano-relations",
         "dicts", "spacy"],
)  # fmt: skip
def test_spans_become_words_with_tags(tmp_path: Path, row: Any) -> None:
    for name in ("a.jsonl", "a.json"):
        data = read(tmp_path, [row, row], WORDS, name)
        assert data.examples == [TAGGED, TAGGED]
        assert data.labels == ("O", "B-LOC", "B-PER", "I-PER")


def test_words_are_cut_where_a_span_begins_or_ends() -> None:
    assert tagged_words("EU-wide (Köln)", [(0, 2, "ORG"), (9, 13, "LOC")]) == (
        ["EU", "-", "wide", "(", "Köln", ")"],
        ["B-ORG", "O", "O", "O", "B-LOC", "O"],
    )
    assert tagged_words("Saarland", [(0, 4, "RIVER")]) == (["Saar", "land"], ["B-RIVER", "O"])
    assert tagged_words("no one", []) == (["no", "one"], ["O", "O"])


def test_spans_that_cannot_be_are_faults_of_their_rows(tmp_path: Path) -> None:
    rows = [{"text": TEXT, "label": label} for label in ([[0, 3, "PER"]], [[0, 99, "PER"]], [[0, 6, "A"], [4, 9, "B"]])]
    with pytest.raises(InputError, match=r"a.jsonl:2: span \(0, 99, 'PER'\) is not in(.|\n)*a.jsonl:3: .* overlap"):
        read(tmp_path, rows, WORDS)
    assert len(read(tmp_path, rows, WORDS, skip_bad=True).examples) == 1


def test_words_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    row = {"text": "a b", "tokens": ["a", "b"], "ner_tags": ["O", "B-X"], "spans": []}
    assert read(tmp_path, [row], WORDS).examples == [TaggedWords(("a", "b"), ("O", "B-X"))]


def test_choices_and_categories_become_labels(tmp_path: Path) -> None:
    data = read(tmp_path, [studio("a", {"choices": ["pos"]}), studio("b", {"choices": ["neg"]})])
    assert [(e.text, e.label) for e in data.examples] == [("a", "pos"), ("b", "neg")]
    data = read(tmp_path, [studio("a", {"choices": ["pos"]}), studio("b", {"choices": ["neg", "long"]})])
    assert [e.label for e in data.examples] == [("pos",), ("neg", "long")]
    with pytest.raises(InputError, match=r"a.jsonl:2: the label \('label'\) is missing"):
        read(tmp_path, [studio("a", {"choices": ["pos"]}), studio("b")])
    smaller = [{"text": "a", "sentiment": "neg"}, {"text": "b", "sentiment": {"choices": ["pos", "long"]}}]
    assert [e.label for e in read(tmp_path, smaller).examples] == [("neg",), ("pos", "long")]
    cats = [{"text": text, "cats": {"POS": score, "NEG": 1 - score}} for text, score in (("a", 1.0), ("b", 0.0))]
    assert [e.label for e in read(tmp_path, cats).examples] == [("POS",), ("NEG",)]
    assert [e.label for e in read(tmp_path, cats, problem="single-label").examples] == ["POS", "NEG"]
    doccano = [{"id": n, "text": text, "label": [label]} for n, (text, label) in enumerate([("a", "x"), ("b", "y")])]
    assert "if no text can have two labels, --problem single-label" in read(tmp_path, doccano).guessed


def test_prodigys_answers_count(tmp_path: Path) -> None:
    binary = [{"text": t, "label": "SPORT", "answer": a} for t, a in zip("abc", ("accept", "reject", "ignore"))]
    data = read(tmp_path, binary)
    assert [(e.text, e.label) for e in data.examples] == [("a", ("SPORT",)), ("b", ())]
    assert "1 row not accepted, left out" in data.guessed
    accepted = [{"text": t, "label": label, "answer": "accept"} for t, label in (("a", "x"), ("b", "y"))]
    assert [e.label for e in read(tmp_path, accepted).examples] == ["x", "y"]
    choice = [
        {"text": t, "options": [{"id": "x"}, {"id": "y"}], "accept": list(chosen), "answer": answer}
        for t, chosen, answer in (("a", "x", "accept"), ("b", "y", "accept"), ("c", "", "reject"))
    ]
    assert [e.label for e in read(tmp_path, choice).examples] == ["x", "y"]
    choice[0]["accept"] = ["x", "y"]
    assert [e.label for e in read(tmp_path, choice).examples] == [("x", "y"), ("y",)]
    spans = [{"text": TEXT, "spans": [], "answer": answer} for answer in ("accept", "reject")]
    assert len(read(tmp_path, spans, WORDS).examples) == 1


def test_large_files_are_read_in_the_same_way(tmp_path: Path) -> None:
    rows = [{"text": f"t{n}", "label": "SPORT", "answer": ("accept", "reject")[n % 2]} for n in range(10_010)]
    data = read(tmp_path, rows, hold=False)
    assert [e.label for e in list(data.examples)[-2:]] == [("SPORT",), ()]


@pytest.mark.parametrize(
    "rows",
    [
        [{"inputs": {"text": "a"}, "annotation": "pos"}, {"inputs": {"text": "b"}, "annotation": "neg"},
         {"inputs": {"text": "c"}, "annotation": None}],
        [{"text": t, "label.responses": [label], "label.responses.users": ["u"], "label.suggestion": "neg"}
         for t, label in (("a", "pos"), ("b", "neg"))] + [{"text": "c", "label.responses": []}],
        [{"id": "1", "fields": {"text": t}, "responses": {"sentiment": [{"value": label, "user_id": "u"}]}}
         for t, label in (("a", "pos"), ("b", "neg"))] + [{"id": "3", "fields": {"text": "c"}, "responses": {}}],
        [{"data": {"text": "a"}, "annotations": [{"was_cancelled": True, "result": []},
                                                 {"result": [{"value": {"choices": ["pos"]}}]}]},
         {"data": {"text": "b"}, "completions": [{"result": [{"value": {"choices": ["neg"]}}]}]},
         {"data": {"text": "c"}, "annotations": []}],
    ],
    ids=["argilla-1", "argilla-hub", "argilla-2", "label-studio"],
)  # fmt: skip
def test_what_nobody_has_answered_is_left_out(tmp_path: Path, rows: list[Any]) -> None:
    data = read(tmp_path, rows, name="a.json")
    assert [(e.text, e.label) for e in data.examples] == [("a", "pos"), ("b", "neg")]
    assert "left out" in data.guessed


@pytest.mark.parametrize(
    "cell",
    [json.dumps([{"start": s, "end": e, "text": TEXT[s:e], "labels": [label]} for s, e, label in ENDS]),
     str([list(end) for end in ENDS]), str(ENDS)],
    ids=["label-studio", "lists", "tuples"],
)  # fmt: skip
def test_spans_in_cells_of_a_csv(tmp_path: Path, cell: str) -> None:
    quoted = cell.replace('"', '""')
    (tmp_path / "a.csv").write_text(f'id,label,text\n1,"{quoted}","{TEXT}"\n', encoding="utf-8")
    assert read_data(tmp_path / "a.csv", WORDS).examples == [TAGGED]


def test_spans_beside_tokens_of_argilla(tmp_path: Path) -> None:
    spans = [{"start": s, "end": e, "label": label} for s, e, label in ENDS]
    row = {"text": TEXT, "tokens": TEXT.split(), "annotation": spans}
    assert read(tmp_path, [row], WORDS).examples == [TAGGED]


def test_faults_of_all_rows_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jsonl:1: spans .* overlap; a word has one label"):
        read(tmp_path, [{"text": "EU bank", "entities": [[0, 2, "ORG"], [0, 7, "ORG"]]}], WORDS)
