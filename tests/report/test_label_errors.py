"""Confident learning, against counts made by hand."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from distilbert.report.label_errors import likely_label_errors


def test_an_example_counts_for_the_label_whose_threshold_it_reaches() -> None:
    given = np.array([0, 0, 0, 1, 1])
    first = np.array([0.9, 0.8, 0.1, 0.2, 0.6])
    scores = np.stack([first, 1 - first], 1)
    # thresholds: (0.9 + 0.8 + 0.1) / 3 = 0.6 of label 0, (0.8 + 0.4) / 2 = 0.6 of label 1
    found, likely = likely_label_errors(given, scores)
    assert found.tolist() == [2, 4]  # by the difference of the scores: 0.8, then 0.2
    assert likely.tolist() == [1, 0]


def test_a_label_that_reaches_no_threshold_is_no_error() -> None:
    given = np.array([0, 0, 1, 1])
    first = np.array([0.9, 0.45, 0.1, 0.1])  # the second is predicted as 1, and is less sure than 0.9 is
    found, _ = likely_label_errors(given, np.stack([first, 1 - first], 1))
    assert found.tolist() == []


def test_a_label_that_no_example_was_given_is_never_likely() -> None:
    scores = np.array([[0.6, 0.1, 0.3], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]])
    found, likely = likely_label_errors(np.array([0, 0, 1]), scores)
    assert (found.tolist(), likely.tolist()) == ([], [])


def test_of_two_labels_that_are_reached_the_higher_counts() -> None:
    scores = np.array([[0.3, 0.4, 0.3], [0.2, 0.3, 0.5], [0.4, 0.35, 0.25]])
    given = np.array([0, 1, 2])  # thresholds 0.3, 0.3, 0.25
    found, likely = likely_label_errors(given, scores)
    assert (found.tolist(), likely.tolist()) == ([1, 2, 0], [2, 0, 1])  # differences 0.2, 0.15, 0.1
