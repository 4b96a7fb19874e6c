"""What is wrong in a file is told once, with where it is."""

import pytest

from distilbert.data.faults import Faults
from distilbert.errors import InputError


def told(*messages: str, others: bool = True) -> list[str]:
    faults = Faults("f.csv")
    for message in messages:
        faults.add(InputError(message))
    with pytest.raises(InputError) as caught:
        faults.check(others=others)
    return str(caught.value).split("\n")


def test_the_same_is_told_once_with_its_places() -> None:
    _, *lines = told("C:\\f.csv:2: is 1:2: odd", "C:\\f.csv:7: is 1:2: odd", "row 3: is empty", "row 9: is empty")
    assert lines == ["  C:\\f.csv:2: is 1:2: odd (also 7)", "  row 3: is empty (also 9)"]


def test_ten_things_are_told_and_how_many_more() -> None:
    head, *lines = told(*(f"f.csv:{line}: label {line % 12} is unknown" for line in range(1, 31)))
    assert head.startswith("f.csv: 30 rows cannot be used")
    assert lines[0] == "  f.csv:1: label 1 is unknown (also 13, 25)"
    assert len(lines) == 11
    assert lines[-1] == "  and 4 more"


def test_what_has_no_place_is_counted() -> None:
    assert told("is empty", "is empty", "is empty")[1:] == ["  is empty (also 2 more)"]
    assert told("is empty") == ["is empty"]


def test_rows_are_to_be_left_out_where_others_remain() -> None:
    assert "--skip-bad" in told("row 1: is empty", "row 2: is empty")[0]
    assert told("row 1: is empty", "row 2: is empty", others=False)[0] == "f.csv: 2 rows cannot be used; mend them"
