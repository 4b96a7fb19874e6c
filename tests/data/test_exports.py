"""Tables as Excel, pandas, R and published data sets have them: read as meant, or refused with the way out."""

import json
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.cells import literal, number_of
from distilbert.data.examples import Choices, Question, SentencePair, TaggedWords
from distilbert.data.reading import read_data
from distilbert.errors import InputError

CLASSES, WORDS, ANSWERS = "text-classification", "token-classification", "question-answering"
PAIRS, CHOICES = "sentence-similarity", "multiple-choice"
ROME = Question("0", "where?", "Amy lives in Rome.", (("Rome", 13),))


def read(folder: Path, name: str, content: str | bytes, task: str = CLASSES, **options: Any) -> Any:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_data(folder / name, task, **options)


def labels_of(data: Any) -> list[Any]:
    return [example.label for example in data.examples]


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.5", 1.5), ("0,5", 0.5), ("-1,25", -1.25), ("1.000,5", 1000.5), ("1,000.5", 1000.5), ("1,000,000", 1e6),
     (" 3 ", 3.0), ("0,125", 0.125), (2, 2.0)],
)  # fmt: skip
def test_numbers_with_either_mark(text: Any, number: float) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["1,500", "1,2,3", "a", "", "1,5 %", "1.0.0"])
def test_what_may_be_two_numbers_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"two numbers|could not convert"):
        number_of(text)


def test_decimal_commas_of_a_german_excel(tmp_path: Path) -> None:
    data = read(tmp_path, "a.csv", "\ufeffText;Score\r\nGut;0,5\r\n„Na ja“;1,25\r\nMies;3,0\r\n")
    assert (data.problem, labels_of(data)) == ("regression", [0.5, 1.25, 3.0])
    data = read(tmp_path, "a.csv", "sentence1;sentence2;score\nGut;Ja;0,5\nEs;Er;5,0\n", PAIRS)
    assert data.examples[0] == SentencePair("Gut", "Ja", 0.5)
    text = "Text\tWertung\r\nGut, ja\t0,5\r\nMies\t1,5\r\n"  # "Unicode text"
    data = read(tmp_path, "u.tsv", text.encode("utf-16"), columns={"label": "Wertung"})
    assert labels_of(data) == [0.5, 1.5]
    for wanted in (["0,5", "1,25", "3"], ["4,5", "3,5", "5,0"]):  # Google Sheets, whose commas separate as well
        data = read(tmp_path, "g.csv", "text,score\n" + "".join(f'a,"{number}"\n' for number in wanted))
        assert labels_of(data) == [float(number.replace(",", ".")) for number in wanted]
    data = read(tmp_path, "l.csv", 'text,label\na,"1,2"\nb,2\nc,"1,2,3"\n')  # these are lists
    assert labels_of(data) == [("1", "2"), ("2",), ("1", "2", "3")]
    with pytest.raises(InputError, match=r"a.csv:2: 'score' must be a number, not '1,500'"):
        read(tmp_path, "a.csv", "sentence1;sentence2;score\na;b;1,500\n", PAIRS)


@pytest.mark.parametrize("mark", [";", "|", ", ", ",", "; "])
def test_several_labels_in_a_cell_are_told_from_one(tmp_path: Path, mark: str) -> None:
    text = f'text,labels\na,"x{mark}y"\nb,x\nc,"y{mark}z"\nd,z\n'
    data = read(tmp_path, "a.csv", text, separator=",")
    assert labels_of(data) == [("x", "y"), ("x",), ("y", "z"), ("z",)]
    assert "taken for several; if they are one, --problem single-label" in data.guessed
    one = 'text,category\na,"Arts, Crafts"\nb,"Toys, Games"\nc,Books\nd,"Arts, Crafts"\n'
    assert read(tmp_path, "b.csv", one).labels == ("Arts, Crafts", "Books", "Toys, Games")
    data = read(
        tmp_path, "c.csv", 'text,label\na,"Arts, Crafts;Toys"\nb,Toys;Books\n', problem="multi-label", separator=","
    )
    assert labels_of(data) == [("Arts, Crafts", "Toys"), ("Toys", "Books")]


@pytest.mark.parametrize(
    ("yes", "no"),
    [("yes", "no"), ("Y", "N"), ("WAHR", "FALSCH"), ("ja", "nein"), ("VRAI", "FAUX"), ("x", ""), ("T", "F")],
)
def test_columns_of_yes_and_no(tmp_path: Path, yes: str, no: str) -> None:
    text = f"Nr;Text;toxic;rude\n1;a;{no};{yes}\n2;b;{yes};{yes}\n3;c;{no};{no}\n"
    data = read(tmp_path, "a.csv", text)
    assert (data.labels, labels_of(data)) == (("toxic", "rude"), [("rude",), ("toxic", "rude"), ()])


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
        f"label {word!r} of 1 rows is taken for a class; if it means that there is none, --labels={word}="
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


SENTENCES = [TaggedWords(("EU", "rejects"), ("B-ORG", "O")), TaggedWords(("He",), ("O",))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.conll", "-DOCSTART- -X- O O\n\nEU\tNNP\tB-NP\tB-ORG\nrejects\tVBZ\tB-VP\tO\n\n# note\nHe\tPRP\tB-NP\tO\n"),
        ("a.conll", "EU  B-ORG\nrejects   O\n\nHe O\n"),
        ("a.conll", "EU\tB-ORG\nrejects O\n\nHe\tO\n"),
        ("a.conll", "Word\tTag\nEU\tB-ORG\nrejects\tO\n\nHe\tO\n"),
        ("a.bio", "EU B-ORG\nrejects O\n\n\n\nHe O\n\n"),
        ("a.txt", "EU B-ORG\r\nrejects O\r\n\r\nHe O\r\n"),
        ("a.tsv", "EU\tB-ORG\nrejects\tO\n\nHe\tO\n"),
        ("a.tsv", "token\tlabel\nEU\tB-ORG\nrejects\tO\n\nHe\tO\n"),
        ("a.csv", "word,ner\nEU,B-ORG\nrejects,O\n,\nHe,O\n"),
        ("a.csv", "EU B-ORG\nrejects O\n\nHe O\n"),
        ("a.csv", "sentence_id,word,tag\n1,EU,B-ORG\n1,rejects,O\n2,He,O\n"),
    ],
)
def test_a_word_a_line_however_it_is_written(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, name, text, WORDS).examples == SENTENCES


def test_words_without_sentences_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing says where a sentence ends; say it by a blank line"):
        read(tmp_path, "a.csv", "word,tag\nEU,B-ORG\nrejects,O\n", WORDS)


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04rest", "is a workbook or an archive, whatever its name; save the sheet as CSV"),
        (b"<!DOCTYPE html>\n<html></html>\n", "is an HTML page, not the file itself"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a git-lfs pointer"),
    ],
)
def test_what_stands_in_place_of_a_table(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, "a.csv", content)
