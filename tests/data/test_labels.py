"""Labels as tables write them: one name for one value, maps, kinds of problem, numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from distilbert.data.cells import label_name
from distilbert.data.examples import Data, LabelledText, TaggedWords
from distilbert.data.labels import tags_of_known_types, with_labels
from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import json_lines, labels_of, write

CLASSES, WORDS, ANSWERS = "text-classification", "token-classification", "question-answering"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([0, 0.0, "0", "0.0", " 0 ", "0.00"], "0"),
        ([1, 1.0, "1", "1.0"], "1"),
        ([-1, -1.0, "-1.0"], "-1"),
        ([True, "True", "true", "TRUE"], "true"),
        (
            ["pos", " pos ", "pos\N{NO-BREAK SPACE}", "pos\N{ZERO WIDTH SPACE}", "\ufeffpos", "p\N{SOFT HYPHEN}os"],
            "pos",
        ),
        (["very good", "very  good", "very\N{NO-BREAK SPACE}good", "very\tgood", "very\r\ngood"], "very good"),
        (["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"], "café"),
        ([False, "False", "false"], "false"),
        (["1.5", 1.5], "1.5"),
        (["007"], "007"),
        (["v1.0"], "v1.0"),
        (["Pos"], "Pos"),
    ],
)
def test_one_value_has_one_name(values: list[Any], name: str) -> None:
    assert {label_name(value) for value in values} == {name}


@pytest.mark.parametrize("values", [["0.0", "1.0"], ["0", "1"], ["True", "False"], ["true", "false"]])
def test_labels_of_a_csv_and_of_json_lines_are_the_same(tmp_path: Path, values: list[str]) -> None:
    table = write(tmp_path, "a.csv", "text,label\n" + "".join(f"t{v},{v}\n" for v in values))
    lines = json_lines(tmp_path, [{"text": f"t{v}", "label": json.loads(v.lower())} for v in values])
    one, two = (read_data(path, CLASSES) for path in (table, lines))
    assert one.labels == two.labels
    assert labels_of(one) == labels_of(two)
    assert labels_of(read_data(table, CLASSES, labels=two.labels)) == labels_of(two)


def test_many_whole_numbers_are_classes_unless_they_are_a_quantity(tmp_path: Path) -> None:
    banking = "text,label\n" + "".join(f"w{i % 77} q,{i % 77}\n" for i in range(770))
    data = read_data(write(tmp_path, "b.csv", banking), CLASSES)
    assert (data.problem, len(data.labels), data.labels[:3]) == ("single_label_classification", 77, ("0", "1", "2"))
    assert "77 whole numbers taken for classes; if they are a quantity, --problem regression" in data.guessed
    ids = "text,label\n" + "".join(f"w{i},{1 + i % 50}.0\n" for i in range(150))  # from 1 on, as pandas writes floats
    assert read_data(write(tmp_path, "i.csv", ids), CLASSES).labels[-1] == "50"
    prices = "text,label\n" + "".join(f"w{i},{137 * i % 4001}\n" for i in range(300))
    data = read_data(write(tmp_path, "p.csv", prices), CLASSES)
    assert data.problem == "regression"
    assert "--problem single-label" in data.guessed
    ages = "text,age\n" + "".join(f"w{i},{18 + i % 60}\n" for i in range(300))
    assert read_data(write(tmp_path, "g.csv", ages), CLASSES, columns={"label": "age"}).problem == "regression"
    stars = "text,stars\n" + "".join(f"w{i},{1 + i % 5}\n" for i in range(30))
    assert read_data(write(tmp_path, "s.csv", stars), CLASSES).problem == "single_label_classification"


def test_labels_are_mapped_as_told_by_case_and_by_number(tmp_path: Path) -> None:
    sst = write(tmp_path, "sst.tsv", "sentence\tlabel\na\t1\nb\t0\n")
    known = ["NEGATIVE", "POSITIVE"]
    with pytest.raises(InputError, match=r"unknown.*\(--labels|--labels 0=NEGATIVE 1=POSITIVE"):
        read_data(sst, CLASSES, labels=known)
    data = read_data(sst, CLASSES, labels=known, label_names={"0": "NEGATIVE", "1": "positive"})
    assert labels_of(data) == ["POSITIVE", "NEGATIVE"]
    assert labels_of(read_data(sst, CLASSES, labels=["LABEL_0", "LABEL_1"])) == ["LABEL_1", "LABEL_0"]
    named = write(tmp_path, "n.csv", "text,label\na,positive\nb,Negative\nc,LABEL_1\n")
    data = read_data(named, CLASSES, labels=known)
    assert labels_of(data) == ["POSITIVE", "NEGATIVE", "POSITIVE"]
    assert "taken for the model's: positive = POSITIVE" in data.guessed
    with pytest.raises(InputError, match="label 'positive' is unknown"):  # which of the two it is cannot be told
        read_data(named, CLASSES, labels=["Positive", "POSITIVE", "Negative"])
    merged = write(tmp_path, "m.csv", "text,label\na,Positive\nb,POS\nc,neg\n")
    data = read_data(merged, CLASSES, label_names={"Positive": "pos", "POS": "pos"})
    assert (data.labels, labels_of(data)) == (("neg", "pos"), ["pos", "pos", "neg"])


def test_names_alone_are_those_of_whole_numbers_in_order(tmp_path: Path) -> None:
    numbers = write(tmp_path, "n.csv", "text,label\na,1\nb,0\nc,1.0\nd,positive\n")
    for given in (["negative", "positive"], {"negative": "negative", "positive": "positive"}):
        data = read_data(numbers, CLASSES, label_names=given)
        assert (data.labels, labels_of(data)) == (
            ("negative", "positive"),
            ["positive", "negative", "positive", "positive"],
        )
    assert read_data(numbers, CLASSES, label_names=["z", "positive"]).labels == ("z", "positive")  # not by letters
    data = read_data(numbers, CLASSES, labels=["LABEL_0", "LABEL_1"], label_names=["negative", "positive"])
    assert labels_of(data) == ["LABEL_1", "LABEL_0", "LABEL_1", "LABEL_1"]
    with pytest.raises(InputError, match=r"label '1' has no name: 'negative'|negative are those of 0 to 0; .* 1=NAME"):
        read_data(numbers, CLASSES, label_names=["negative"])
    texts = write(tmp_path, "t.csv", "text,label\na,x\nb,y\n")
    assert read_data(texts, CLASSES, label_names=["later"]).labels == ("x", "y")
    later = {"0": "x", "1": "y", "later": "later"}  # a label that may come, beside those that are named one by one
    assert labels_of(read_data(write(tmp_path, "l.csv", "text,label\na,0\nb,1\n"), CLASSES, label_names=later)) == [
        "x",
        "y",
    ]
    tags = json_lines(tmp_path, [{"tokens": ["EU", "x"], "ner_tags": [2, 0]}])
    data = read_data(tags, WORDS, label_names=["O", "B-PER", "B-ORG"])
    assert (data.examples[0].labels, data.labels) == (("B-ORG", "O"), ("O", "B-PER", "B-ORG"))
    vectors = json_lines(tmp_path, [{"text": "a", "labels": [0, 1]}, {"text": "b", "labels": [1, 0]}])
    assert labels_of(read_data(vectors, CLASSES, label_names=["rude", "toxic"])) == [("toxic",), ("rude",)]
    many = "text,label\n" + "".join(f"w{i},{137 * i % 4001}\n" for i in range(30))  # else taken for a quantity
    with pytest.raises(InputError, match="has no name"):
        read_data(write(tmp_path, "m.csv", many), CLASSES, label_names=["x", "y"])


def test_labels_that_say_that_there_is_none(tmp_path: Path) -> None:
    snli = write(tmp_path, "s.tsv", "sentence1\tsentence2\tgold_label\na\tb\tentailment\nc\td\t-\ne\tf\tneutral\n")
    data = read_data(snli, CLASSES)
    assert data.labels == ("-", "entailment", "neutral")
    assert "label '-' of 1 row is taken for a class; if it means that there is none, --labels=-= leaves" in data.guessed
    data = read_data(snli, CLASSES, label_names={"-": ""})
    assert (data.labels, len(data.examples)) == (("entailment", "neutral"), 2)
    assert "1 row without a label left out" in data.guessed
    glue = write(tmp_path, "g.csv", "text,label\na,-1\nb,0\nc,1\n")
    assert "label '-1' of 1 row is taken" in read_data(glue, CLASSES).guessed
    assert labels_of(read_data(glue, CLASSES, label_names={"-1": ""})) == ["0", "1"]


def test_an_answer_as_a_text_and_none(tmp_path: Path) -> None:
    path = json_lines(tmp_path, [{"question": "q", "context": "In Rome.", "answer": "Rome"}])
    assert read_data(path, ANSWERS).examples[0].answers == (("Rome", 3),)
    table = write(tmp_path, "q.csv", "question,context,answer\nq,In Rome.,Rome\nr,In Rome.,\n")
    assert [example.answers for example in read_data(table, ANSWERS).examples] == [(("Rome", 3),), ()]
    with pytest.raises(InputError, match=r"q.csv:2: the answer 'Paris' is not in the context"):
        read_data(write(tmp_path, "q.csv", "question,context,answer\nq,In Rome.,Paris\n"), ANSWERS)


def test_a_table_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path, "h.csv", "good film,pos\nbad film,neg\nfine,pos\nawful,neg\n")
    data = read_data(path, CLASSES)
    assert data.examples[0] == LabelledText("good film", "pos")
    assert "no header: text from column 2" in data.guessed or "text from column 1, label from column 2" in data.guessed
    with pytest.raises(InputError, match="numbers from 1 on mean that there is no header"):
        read_data(write(tmp_path, "h.csv", "body of it,verdict\na,x\nb,y\n"), CLASSES)


def test_all_faults_at_once_and_rows_left_out(tmp_path: Path) -> None:
    rows = "".join(f"good {i},x\n,x\nbad {i},\nodd,x,y\n" for i in range(7))
    path = write(tmp_path, "f.csv", "text,label\n" + rows)
    with pytest.raises(InputError) as caught:
        read_data(path, CLASSES)
    first, *lines = str(caught.value).split("\n")
    assert first.endswith(
        "f.csv: 21 rows cannot be used; mend them, or leave them out with --skip-bad, in Python skip_bad=True"
    )
    assert sorted(line.partition("f.csv:")[2] for line in lines) == [  # what is wrong once, and where
        "3: 'text' is empty (also 7, 11, 15, 19, 23 and 1 more)",
        "4: the label ('label') is missing (also 8, 12, 16, 20, 24 and 1 more)",
        "5: has 3 cells where the first line has 2 (also 9, 13, 17, 21, 25 and 1 more)",
    ]
    data = read_data(path, CLASSES, skip_bad=True)
    assert [example.text for example in data.examples] == [f"good {i}" for i in range(7)]
    assert "21 bad rows are left out, the first: " in data.guessed
    with pytest.raises(InputError, match="has no examples"):
        read_data(write(tmp_path, "f.csv", "text,label\n,x\n"), CLASSES, skip_bad=True)


def test_a_problem_is_asked_for_in_either_spelling_and_no_other(tmp_path: Path) -> None:
    path = write(tmp_path, "c.csv", "text,label\na,1\nb,2\n")
    for name in ("single-label", "single_label_classification"):
        assert read_data(path, CLASSES, problem=name).problem == "single_label_classification"
    with pytest.raises(InputError, match="problem must be one of single-label, multi-label, regression, not 'single'"):
        read_data(path, CLASSES, problem="single")


def test_labels_that_the_data_lack_are_added_in_the_usual_order() -> None:
    tagged = Data("d", [TaggedWords(("a", "b"), ("O", "B-PER"))], ("O", "B-PER"))
    assert with_labels(tagged, ["I-PER", "B-LOC"]).labels == ("O", "B-LOC", "B-PER", "I-PER")
    numbered = Data("d", [LabelledText("a", "2")], ("2", "10"), "single_label_classification")
    assert with_labels(numbered, ["3", ""]).labels == ("2", "3", "10")
    assert with_labels(Data("d", [LabelledText("a", 0.5)], ("x",), "regression"), ["y"]).labels == ("x",)
    assert tags_of_known_types(["O", "I-PER", "B-ORG", "B-PER"], ["O", "B-PER"]) == ["I-PER", "B-PER"]


@pytest.mark.parametrize("known", [["false", "true"], ["False", "True"], ["0", "1"]])
def test_true_is_1_for_a_model_that_knows_the_other(tmp_path: Path, known: list[str]) -> None:
    for text in ("text,label\na,1\nb,0\n", "text,label\na,TRUE\nb,False\n", "text,label\na,1.0\nb,0.0\n"):
        assert labels_of(read_data(write(tmp_path, "a.csv", text), CLASSES, labels=known)) == known[::-1]


def test_true_is_1_in_one_table(tmp_path: Path) -> None:
    mixed = json_lines(tmp_path, [{"text": "a", "label": label} for label in (True, 1, 0.0, "FALSE")])
    data = read_data(mixed, CLASSES)
    assert (data.labels, labels_of(data)) == (("false", "true"), ["true", "true", "false", "false"])
    assert "0 and 1 taken for false and true" in data.guessed
    more = json_lines(tmp_path, [{"text": "a", "label": label} for label in (True, 1, 2)])
    assert read_data(more, CLASSES).labels == ("1", "2", "true")


@pytest.mark.parametrize("nothing", ["NULL", "NA", "None", "\\N", "n/a", ""])
def test_numbers_stay_numbers_beside_cells_that_are_empty(tmp_path: Path, nothing: str) -> None:
    path = write(tmp_path, "a.tsv", f"text\tlabel\na\t0.5\nb\t{nothing}\nc\t0.7\n")
    with pytest.raises(InputError, match=r"a\.tsv:3: the label \('label'\) is missing"):
        read_data(path, CLASSES)
    data = read_data(path, CLASSES, skip_bad=True)
    assert (data.problem, labels_of(data)) == ("regression", [0.5, 0.7])
