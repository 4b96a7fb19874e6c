"""Taggers: their labels, an engine that says what it is told, and entities compared."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from distilbert import Entity, TokenClassifier
from distilbert.batch import Batch
from distilbert.tasks.token_classification import Aggregation

IOB = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
AGGREGATIONS: tuple[Aggregation, ...] = ("none", "simple", "first", "average", "max")


def id2label(labels: Sequence[str]) -> dict[str, str]:
    return {str(index): label for index, label in enumerate(labels)}


class Dictated:
    """An engine that gives each token what was asked for its piece; the first label for all others."""

    def __init__(self, task: TokenClassifier, wanted: dict[str, str | dict[str, float]]) -> None:
        """`wanted`: a piece -> its label, or its probabilities."""
        labels = task.config.labels
        self.table = np.zeros((task.config.vocab_size, len(labels)), np.float32)
        self.table[:, 0] = 9
        for piece, label in wanted.items():
            index = task.tokenizer.token_id(piece)
            assert index is not None, piece
            probabilities = label if isinstance(label, dict) else {label: 0.999}
            rest = (1 - sum(probabilities.values())) / max(len(labels) - len(probabilities), 1)
            self.table[index] = np.log([probabilities.get(name, max(rest, 1e-9)) for name in labels])

    def run(self, batch: Batch) -> np.ndarray:
        return self.table[batch.ids]


def found(entities: list[Entity]) -> list[tuple[str, str]]:
    return [(entity.label, entity.text) for entity in entities]


def assert_same(ours: list[Entity], theirs: list[Entity], tolerance: float = 1e-5) -> None:
    assert [dataclasses.replace(e, score=0) for e in ours] == [dataclasses.replace(e, score=0) for e in theirs]
    np.testing.assert_allclose([e.score for e in ours], [e.score for e in theirs], rtol=0, atol=tolerance)
