"""Numbers in cells: decimal commas, thousands, and what may be a number or two labels."""

from pathlib import Path
from typing import Any

import pytest

from distilbert.data.cells import number_of
from distilbert.data.examples import SentencePair
from distilbert.errors import InputError
from helpers.tables import labels_of, read

CLASSES, PAIRS = "text-classification", "sentence-similarity"


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.5", 1.5), ("0,5", 0.5), ("-1,25", -1.25), ("1.000,5", 1000.5), ("1,000.5", 1000.5), ("1,000,000", 1e6),
     (" 3 ", 3.0), ("0,125", 0.125), (2, 2.0)],
)  # fmt: skip
def test_numbers_with_either_mark(text: Any, number: float) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["1,500", "1,2,3", "a", "", "%", "$", "1.0.0", "()"])
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


@pytest.mark.parametrize(
    ("column", "values", "wanted"),
    [
        ("stars", ["4,5", "5", "4,5", "3", "3,5"], [4.5, 5.0, 4.5, 3.0, 3.5]),  # halves, and the name of a quantity
        ("label", ["4,5", "5", "4,5", "3", "3,5"], [4.5, 5.0, 4.5, 3.0, 3.5]),  # halves
        ("rating", ["1,2", "1,3", "2", "3"], [1.2, 1.3, 2.0, 3.0]),  # the name of a quantity
        ("label", ["2,1", "1,2", "2", "1"], [2.1, 1.2, 2.0, 1.0]),  # no order of labels
        ("label", ["1,2", "2", "1,2,3"], [("1", "2"), ("2",), ("1", "2", "3")]),  # three
    ],
)
def test_commas_of_numbers_and_of_labels(tmp_path: Path, column: str, values: list[str], wanted: list[Any]) -> None:
    rows = "".join(f'a,"{value}"\n' if "," in value else f"a,{value}\n" for value in values)
    assert labels_of(read(tmp_path, "a.csv", f"text,{column}\n{rows}", columns={"label": column})) == wanted


def test_what_may_be_a_number_or_two_labels_is_asked(tmp_path: Path) -> None:
    text = 'text,label\na,1\nb,"1,2"\nc,"1,3"\nd,"2,3"\n'
    with pytest.raises(InputError, match=r"a\.csv:3: the label '1,2' may be two or a number; say which: --problem mul"):
        read(tmp_path, "a.csv", text)
    assert labels_of(read(tmp_path, "a.csv", text, problem="multi-label"))[1:] == [("1", "2"), ("1", "3"), ("2", "3")]
    assert labels_of(read(tmp_path, "a.csv", text, problem="regression")) == [1.0, 1.2, 1.3, 2.3]
