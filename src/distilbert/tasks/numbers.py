"""From logits to scores: softmax, logistic function, mean over windows, and the largest of many."""

from collections.abc import Sequence

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(x) / sum(exp(x)) over the last axis."""
    exp = np.exp(logits - logits.max(-1, keepdims=True))
    return exp / exp.sum(-1, keepdims=True)


def logistic(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow and as exact for small scores as for large ones."""
    return np.exp(-np.logaddexp(0, -logits))


def weighted_mean(rows: Sequence[np.ndarray], weights: Sequence[int]) -> np.ndarray:
    """The mean of rows [D]; a single row is returned as it is."""
    if len(rows) == 1:
        return rows[0]
    mean: np.ndarray = np.average(rows, axis=0, weights=weights)
    return mean.astype(np.float32)


def largest(values: np.ndarray, count: int | None) -> np.ndarray:
    """Indices of the `count` largest of values [N], best first, equal ones in their order; of all for None."""
    if count is None or count >= len(values):
        return np.argsort(-values, kind="stable")
    least = np.partition(values, -count)[-count]  # in linear time, where sorting all would take longer
    candidates = np.flatnonzero(values >= least)
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]
