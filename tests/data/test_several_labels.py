"""Several labels of a text: vectors, lists and marks in cells, columns of yes and no."""

from pathlib import Path
from typing import Any

import pytest

from distilbert.data.cells import listed_parts
from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import json_lines, labels_of, read, write

CLASSES = "text-classification"


@pytest.mark.parametrize(
    "vectors",
    [
        [[0, 1, 0], [1, 1, 0], [0, 0, 0]],
        [[0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]],
        [[False, True, False], [True, True, False], [False, False, False]],
        ["[0, 1, 0]", "[1, 1, 0]", "[0, 0, 0]"],
        ["[0. 1. 0.]", "[1. 1. 0.]", "[0. 0. 0.]"],
    ],
)
def test_vectors_of_0_and_1(tmp_path: Path, vectors: list[Any]) -> None:
    path = json_lines(tmp_path, [{"text": f"t{i}", "labels": vector} for i, vector in enumerate(vectors)])
    data = read_data(path, CLASSES)
    assert (data.problem, data.labels, labels_of(data)) == (
        "multi_label_classification",
        ("0", "1", "2"),
        [("1",), ("0", "1"), ()],
    )
    assert "labels as 0 and 1 in their order" in data.guessed
    data = read_data(path, CLASSES, label_names={"0": "toxic", "1": "rude", "2": "threat"})
    assert (data.labels, labels_of(data)) == (("toxic", "rude", "threat"), [("rude",), ("toxic", "rude"), ()])
    data = read_data(path, CLASSES, labels=["x", "y", "z"], problem="multi-label")
    assert labels_of(data) == [("y",), ("x", "y"), ()]
    with pytest.raises(InputError, match=r"a.jsonl:1: the label \('labels'\) must be 2 times 0 or 1, not 3"):
        read_data(path, CLASSES, labels=["x", "y"], problem="multi-label")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("['a', 'b']", ["a", "b"]),
        ('["a", "b c"]', ["a", "b c"]),
        ("['a' 'b']", ["a", "b"]),  # NumPy
        ("{'a'}", ["a"]),
        ("('a', 'b')", ["a", "b"]),
        ("[]", []),
        ("[3, 0]", ["3", "0"]),
        ("[3 0\n 1]", ["3", "0", "1"]),
        (r"""["it's", 'say \'x\'']""", ["it's", "say 'x'"]),
        ("array(['Rome'], dtype=object)", ["Rome"]),
        ("a, b", None),
        ("['a'", None),
        ("[[1], [2]]", None),
    ],
)
def test_lists_in_cells(text: str, parts: list[str] | None) -> None:
    assert listed_parts(text) == parts


def test_several_labels_in_a_csv(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,\"['x', 'y']\"\nb,[]\nc,\nd,\"['y']\"\n")
    data = read_data(path, CLASSES)
    assert (data.problem, data.labels, labels_of(data)) == (
        "multi_label_classification",
        ("x", "y"),
        [("x", "y"), (), (), ("y",)],
    )
    for text in ('text,label\na,"x,y"\nb,\n', "text,label\na,x;y\nb,\n", "text,label\na,x|y\nb,\n"):
        data = read_data(write(tmp_path, "n.csv", text), CLASSES, problem="multi-label", separator=",")
        assert labels_of(data) == [("x", "y"), ()]


@pytest.mark.parametrize("yes_no", [("1", "0"), ("True", "False"), ("1.0", "0.0")])
def test_a_column_for_each_label(tmp_path: Path, yes_no: tuple[str, str]) -> None:
    yes, no = yes_no
    text = f"id,comment_text,toxic,obscene,insult\n1,a,{no},{yes},{no}\n2,b,{yes},{yes},{no}\n3,c,{no},{no},{no}\n"
    path = write(tmp_path, "c.csv", text)
    data = read_data(path, CLASSES)
    assert (data.problem, data.labels) == ("multi_label_classification", ("toxic", "obscene", "insult"))
    assert labels_of(data) == [("obscene",), ("toxic", "obscene"), ()]
    data = read_data(path, CLASSES, columns={"label": "insult,toxic"})
    assert (data.labels, labels_of(data)) == (("insult", "toxic"), [(), ("toxic",), ()])
    with pytest.raises(InputError, match=r"c.csv:3: has 2 labels where there must be one"):
        read_data(path, CLASSES, problem="single-label", columns={"label": "toxic,obscene"}, skip_bad=False)


def test_one_hot_columns_are_classes_where_that_is_said(tmp_path: Path) -> None:
    data = read_data(write(tmp_path, "c.csv", "text,neg,pos\na,0,1\nb,1,0\n"), CLASSES, problem="single-label")
    assert (data.problem, data.labels, labels_of(data)) == (
        "single_label_classification",
        ("neg", "pos"),
        ["pos", "neg"],
    )


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


@pytest.mark.parametrize(
    ("both", "other", "one"),
    [("x;y;", "x;z;", "z;"), ("x||y", "x||z", "z"), ("x|y|", "x|z|", "z|"), ("x\ny", "x\nz", "z"),
     ("x\ty", "x\tz", "z"), ("x#y", "x#z", "z"), ("<x><y>", "<x><z>", "<z>"), ("{x,y}", "{x,z}", "{z}"),
     ("('x', 'y')", "('x', 'z')", "('z',)"),
     ('{"x": 1, "y": 1, "z": 0}', '{"x": 1, "y": 0, "z": 1}', '{"x": 0, "y": 0, "z": 1}'),
     ('{"choices":["x","y"]}', '{"choices":["x","z"]}', "z")],
    ids=["forms", "double-bar", "ends-in-bar", "line-end", "tab", "doccano", "stack-overflow", "postgres", "tuple",
         "categories", "label-studio"],
)  # fmt: skip
def test_notations_of_several(tmp_path: Path, both: str, other: str, one: str) -> None:
    cells = ['"' + cell.replace('"', '""') + '"' for cell in (both, one, other)]
    data = read(tmp_path, "a.csv", "text,labels\n" + "".join(f"t,{cell}\n" for cell in cells))
    assert (data.labels, labels_of(data)) == (("x", "y", "z"), [("x", "y"), ("z",), ("x", "z")])


@pytest.mark.parametrize("mark", ["/", "+", "&", "::", " "])
def test_marks_that_names_have_as_well_are_asked_for(tmp_path: Path, mark: str) -> None:
    text = f"text,labels\na,x{mark}y\nb,z\nc,x{mark}z\n"
    data = read(tmp_path, "a.csv", text, separator=",")
    assert labels_of(data) == [f"x{mark}y", "z", f"x{mark}z"]
    assert (f"if labels with {mark!r} between are several, --problem multi-label" in data.guessed) == (mark != " ")
    data = read(tmp_path, "a.csv", text, problem="multi-label", separator=",")
    assert labels_of(data) == [("x", "y"), ("z",), ("x", "z")]
    assert f"labels with {mark!r} between taken for several" in data.guessed
    known = [f"x{mark}y", "z", f"x{mark}z"]  # a model's labels are never cut
    assert labels_of(read(tmp_path, "a.csv", text, problem="multi-label", separator=",", labels=known)) == [
        (label,) for label in known
    ]
    one = "text,label\na,R/D\nb,TCP/IP\nc,C++\nd,C#\ne,F#\nf,C\n"
    data = read(tmp_path, "b.csv", one)
    assert data.labels == ("C", "C#", "C++", "F#", "R/D", "TCP/IP")
    assert "several" not in data.guessed


@pytest.mark.parametrize(
    "vectors", [["0 1 0", "1 1 0"], ["0,1,0", "1,1,0"], ["0;1;0", "1;1;0"], ["0.0, 1.0, 0.0", "1.,1.,0."]]
)
def test_vectors_without_brackets(tmp_path: Path, vectors: list[str]) -> None:
    data = read(tmp_path, "a.csv", "text,labels\n" + "".join(f't,"{vector}"\n' for vector in vectors))
    assert (data.labels, labels_of(data)) == (("0", "1", "2"), [("1",), ("0", "1")])
    assert "labels as 0 and 1 in their order" in data.guessed
