"""What a model said of each example, whole: what is drawn and listed in a report.

These hold the arrays that the scores are computed from, and make no copies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.examples import Data
from ..results import Answer


@dataclass(frozen=True, eq=False)
class Outcome:
    """What all tasks have.

    Attributes:
        data: the examples, n of them.
        errors: float [n], how wrong the model is on each: 0 where all is right, 1 where nothing is; of a regression
            the distance to the true number.
    """

    data: Data[Any]
    errors: np.ndarray


@dataclass(frozen=True, eq=False)
class LabelOutcome(Outcome):
    """One label a text.

    Attributes:
        true: int [n], indices of `data.labels`.
        scores: float [n, C], probabilities.
    """

    true: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class LabelSetOutcome(Outcome):
    """Several labels a text: bool [n, C], and the probability of each label, float [n, C]."""

    true: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class NumberOutcome(Outcome):
    """A number a text, or how alike two texts are: float [n] each."""

    true: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True, eq=False)
class TagOutcome(Outcome):
    """The predicted label of each word of each sentence."""

    predicted: Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class AnswerOutcome(Outcome):
    """The predicted answer to each question."""

    predicted: Sequence[Answer]
