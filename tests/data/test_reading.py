import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from distilbert.data.examples import Choices, LabelledText, Question, SentencePair, TaggedWords
from distilbert.data.reading import read_data
from distilbert.errors import InputError


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_quotes_line_breaks_and_guessed_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,sentence,sentiment\r\n1,"good,\nvery ""good""",pos\r\n\r\n2,bad,neg\r\n')
    data = read_data(path, "text-classification")
    assert data.examples == [LabelledText('good,\nvery "good"', "pos"), LabelledText("bad", "neg")]
    assert (data.labels, data.problem) == (("neg", "pos"), "single_label_classification")
    assert data.guessed == "text from column 'sentence', label from column 'sentiment'; a single-label problem"


def test_what_is_said_is_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "x,y\n1,bad\n2,good\n")
    data = read_data(path, "text-classification", columns={"text": "y", "label": "x"}, problem="single-label")
    assert (data.labels, data.guessed) == (("1", "2"), "")


def test_a_file_without_a_header_has_columns_by_number(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "A plane.,An air plane.,5.0\nB,C,0.5\n")
    data = read_data(path, "sentence-similarity", columns={"text": "1", "pair": "2", "score": "3"})
    assert data.examples == [SentencePair("A plane.", "An air plane.", 5.0), SentencePair("B", "C", 0.5)]


def test_a_tsv_has_no_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", 'text\tlabel\n"open quote\t1\nplain\t0\n')
    assert [e.text for e in read_data(path, "text-classification").examples] == ['"open quote', "plain"]


def test_jsonl_pairs_numbers_and_several_labels(tmp_path: Path) -> None:
    rows = [{"text": "a", "pair": "b", "label": ["x", "y"]}, {"text": "c", "pair": "d", "label": []}]
    data = read_data(write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows))), "text-classification")
    assert data.examples == [LabelledText(("a", "b"), ("x", "y")), LabelledText(("c", "d"), ())]
    assert (data.labels, data.problem) == (("x", "y"), "multi_label_classification")
    data = read_data(write(tmp_path, "b.csv", "text,label\na,0.5\nb,2\n"), "text-classification")
    assert ([e.label for e in data.examples], data.problem) == ([0.5, 2.0], "regression")
    data = read_data(
        write(tmp_path, "c.csv", 'text,label\na,"x, y"\nb,x\n'), "text-classification", problem="multi-label"
    )
    assert [e.label for e in data.examples] == [("x", "y"), ("x",)]
    data = read_data(write(tmp_path, "d.csv", "text,label\na,10\nb,9\nc,1\n"), "text-classification")
    assert data.labels == ("1", "9", "10")


def test_parquet_of_databases_and_of_spark(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    path = tmp_path / "a.parquet"
    values = {"text": [b"good", "süß".encode()], "label": [Decimal("2.50"), Decimal(1)]}
    polars.DataFrame(values).write_parquet(path)
    assert read_data(path, "text-classification").examples == [LabelledText("good", 2.5), LabelledText("süß", 1.0)]
    polars.DataFrame({**values, "label": [date(2024, 1, 31), date(2024, 2, 1)]}).write_parquet(path)
    assert read_data(path, "text-classification").labels == ("2024-01-31", "2024-02-01")
    polars.DataFrame({"text": [b"\xff", b"\xfe"], "label": ["x", "y"]}).write_parquet(path)
    with pytest.raises(InputError, match=r"2 rows cannot be used; mend them\n.*row 1: 'text' must be text, not b'"):
        read_data(path, "text-classification")


def test_parquet(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    path = tmp_path / "a.parquet"
    polars.DataFrame({"tokens": [["New", "York"], ["x"]], "ner_tags": [["B-LOC", "I-LOC"], ["O"]]}).write_parquet(path)
    data = read_data(path, "token-classification")
    assert data.examples[0] == TaggedWords(("New", "York"), ("B-LOC", "I-LOC"))
    assert data.labels == ("O", "B-LOC", "I-LOC")
    path.write_bytes(b"not parquet")
    with pytest.raises(InputError, match=r"a.parquet: not a Parquet file"):
        read_data(path, "token-classification")


def test_conll_columns_comments_and_hashtags(tmp_path: Path) -> None:
    text = "# text = New York\n1\tNew\tB-LOC\t-\n2\tYork\tI-LOC\t-\n\n\n# sent_id = 2\n1\t#tag\tO\t-\n"
    data = read_data(write(tmp_path, "a.iob2", text), "token-classification")
    assert data.examples == [TaggedWords(("New", "York"), ("B-LOC", "I-LOC")), TaggedWords(("#tag",), ("O",))]
    assert data.guessed == "words from column 2, labels from column 3"
    data = read_data(
        write(tmp_path, "b.conll", "-DOCSTART- -X- O\n\n#tag NN O\nEU NNP B-ORG\n"), "token-classification"
    )
    assert data.examples == [TaggedWords(("#tag", "EU"), ("O", "B-ORG"))]
    data = read_data(tmp_path / "b.conll", "token-classification", columns={"words": "1", "labels": "2"})
    assert data.examples[-1] == TaggedWords(("#tag", "EU"), ("NN", "NNP"))


def test_the_shared_sets_are_read_whole(shared_data: Path) -> None:
    counts = {
        "wnut17/wnut17train.conll": 3394,
        "wnut17/emerging.dev.conll": 1009,
        "wnut17/emerging.test.annotated": 1287,
        "uner_english_ewt/en_ewt-ud-dev.iob2": 2001,
        "uner_english_ewt/en_ewt-ud-test.iob2": 2077,
    }
    found = {name: read_data(shared_data / name, "token-classification") for name in counts}
    assert {name: len(data.examples) for name, data in found.items()} == counts
    assert len(found["wnut17/wnut17train.conll"].labels) == 13
    squad = read_data(shared_data / "squad_dev" / "squad-dev-v2.0.rebuilt.json", "question-answering")
    assert (len(squad.examples), sum(not example.answers for example in squad.examples)) == (11873, 5945)


def test_squad_and_its_flat_form(tmp_path: Path) -> None:
    question = {"id": "q1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
    none = {"id": "q2", "question": "Why?", "answers": [], "is_impossible": True}
    squad = {"data": [{"title": "t", "paragraphs": [{"context": "Ann ran.", "qas": [question, none]}]}]}
    data = read_data(write(tmp_path, "a.json", json.dumps(squad)), "question-answering")
    assert data.examples == [Question("q1", "Who?", "Ann ran.", (("Ann", 0),)), Question("q2", "Why?", "Ann ran.", ())]
    flat = {"id": "q", "question": "Who?", "context": "Ann ran.", "answers": {"text": ["Ann"], "answer_start": [0]}}
    data = read_data(write(tmp_path, "a.jsonl", json.dumps(flat)), "question-answering")
    assert data.examples == [Question("q", "Who?", "Ann ran.", (("Ann", 0),))]


def test_choices_in_a_list_or_in_columns(tmp_path: Path) -> None:
    row = {"prompt": "She", "choices": ["ran", "tree"], "label": 0}
    data = read_data(write(tmp_path, "a.jsonl", json.dumps(row)), "multiple-choice")
    assert data.examples == [Choices("She", ("ran", "tree"), 0)]
    path = write(tmp_path, "a.csv", "question,choice_a,choice_b,label\nShe,ran,tree,tree\n")
    assert read_data(path, "multiple-choice").examples == [Choices("She", ("ran", "tree"), 1)]


@pytest.mark.parametrize(
    ("task", "name", "text", "message"),
    [
        ("text-classification", "a.csv", "text,label\na,x\nb,\n", "a.csv:3: the label .* is missing"),
        ("text-classification", "a.csv", 'text,label\n"a\nb",x\n,y\n', "a.csv:4: 'text' is empty"),
        ("text-classification", "a.csv", "text,label\na,x,\n", "a.csv:2: has 3 cells where the first line has 2"),
        ("text-classification", "a.csv", 'text,label\na,x\n"b,y\n', "a.csv:3: not valid CSV"),
        ("text-classification", "a.csv", "text,text\na,x\n", "a.csv:1: two columns have one name"),
        ("text-classification", "a.csv", "text,verdict\na,x\n", "no column looks like 'label' among 'text', 'verdict'"),
        ("text-classification", "a.csv", "text,label\n", "a.csv: has no examples"),
        ("text-classification", "a.csv", "", "a.csv: has no examples"),
        ("text-classification", "a.jsonl", "\n", "a.jsonl: has no examples"),
        ("text-classification", "a.csv", "sep=", "a.csv: has no examples"),
        ("text-classification", "a.csv", "text,label\na,1\nb,nan\n", r"a.csv:3: the label \('label'\) is missing"),
        ("text-classification", "a.csv", "text,label\na,0.5\nb,inf\n", "a.csv:3: 'label' must be a finite number"),
        ("text-classification", "a.csv", "text,label\na,0.5\nb,-1e308\n", "a.csv:3: 'label' must be a number of"),
        ("text-classification", "a.jsonl", '{"text": "a", "label": 1}\n{"text": 3}', "a.jsonl:2: the label"),
        ("text-classification", "a.jsonl", '{"text": "a", "label": 1}\n{', "a.jsonl:2: not valid JSON"),
        ("text-classification", "a.jsonl", "[1]", "a.jsonl:1: must be an object"),
        ("text-classification", "a.xlsx", "x", "is a workbook; save its sheet as CSV"),
        ("token-classification", "a.conll", "a O\nb\n", "a.conll:2: has 1 column where the first line has 2"),
        ("token-classification", "a.conll", "a\tO\n\tO\n", "a.conll:2: the word is missing"),
        ("token-classification", "a.conll", "a\n", "has no columns of words and labels"),
        ("token-classification", "a.conll", "1 O\n2 O\n", "column 2 cannot be both words and labels"),
        ("token-classification", "a.jsonl", '{"words": ["a"], "labels": []}', "1 word and 0 labels"),
        ("question-answering", "a.json", "{}", "a.json: its rows have no columns"),
        ("question-answering", "a.jsonl", '{"question": "q", "context": "c", "answers": ["d"]}', "answer 'd' is not"),
        (
            "question-answering",
            "a.json",
            '{"data": [{"paragraphs": [{"context": "ab", "qas": [{"id": "x", "question": "q", '
            '"answers": [{"text": "b", "answer_start": 0}]}]}]}]}',
            "question 'x': the answer 'b' is not in the context at 0",
        ),
        ("sentence-similarity", "a.csv", "text,pair,score\na,b,x\n", "a.csv:2: 'score' must be a number, not 'x'"),
        ("multiple-choice", "a.csv", "prompt,choice1,choice2,label\na,b,c,3\n", "label must be from 0 to 1"),
        ("fill-mask", "a.txt", "\n \n", "has no examples"),
        ("zero-shot-classification", "a.csv", "text\na\n", "has no data format"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_and_line(
    tmp_path: Path, task: str, name: str, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_data(write(tmp_path, name, text), task)


def test_unknown_labels_bytes_and_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "dev.csv", "text,label\na,x\nb,z\n")
    with pytest.raises(InputError, match=r"dev.csv:3: label 'z' is unknown; there are 'x', 'y'"):
        read_data(path, "text-classification", labels=["x", "y"])
    with pytest.raises(InputError, match=r"has no column 'body'; it has 'text', 'label'"):
        read_data(path, "text-classification", columns={"text": "body"})
    with pytest.raises(InputError, match=r"text-classification has no 'words'"):
        read_data(path, "text-classification", columns={"words": "1"})
    path.write_bytes(b"text,label\na,x\n\xff,y\n")
    with pytest.raises(InputError, match=r"dev.csv:3: not UTF-8"):
        read_data(path, "text-classification")
    with pytest.raises(InputError, match="no such file"):
        read_data(tmp_path / "none.csv", "text-classification")
    with pytest.raises(InputError, match="is a folder; give a file"):
        read_data(tmp_path, "text-classification")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_mark_at_the_beginning_any_line_ends_and_a_name_in_capitals(tmp_path: Path, end: str) -> None:
    path = tmp_path / "A.CSV"
    path.write_bytes(b"\xef\xbb\xbf" + end.join(["text,label", "a,x", "b,y", ""]).encode())
    assert read_data(path, "text-classification").examples == [LabelledText("a", "x"), LabelledText("b", "y")]
