"""The drawings of report.html; test_finetuning.py has the page as a whole."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from distilbert.train.report import _ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1064, [0, 200, 400, 600, 800, 1000]),
        (0.0576, 0.693, [0.2, 0.4, 0.6]),
        (-3, 12, [0, 5, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert _ticks(low, high) == pytest.approx(ticks)
