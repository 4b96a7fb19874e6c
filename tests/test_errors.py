"""What turns other libraries' errors into ours, and gives ours a place."""

import pytest

from distilbert import CheckpointError, InputError
from distilbert.errors import naming, translated


def test_an_error_of_a_library_becomes_ours_and_ours_stays() -> None:
    with (
        pytest.raises(CheckpointError, match=r"^model: cannot be read \(no such place\); bring it along$"),
        translated((OSError, ValueError), CheckpointError, "model: cannot be read", "; bring it along"),
    ):
        raise OSError("no such place")
    with pytest.raises(InputError, match=r"^it is ours$"), translated(ValueError, CheckpointError, "model"):
        raise InputError("it is ours")  # which is a ValueError as well
    with pytest.raises(KeyError), translated(OSError, CheckpointError, "model"):
        raise KeyError("of another kind")


def test_a_place_stands_before_an_error() -> None:
    with pytest.raises(InputError, match=r"^table\.csv: has no rows$"), naming("table.csv"):
        raise InputError("has no rows")
    with pytest.raises(ValueError, match=r"^not ours$"), naming("table.csv"):
        raise ValueError("not ours")
