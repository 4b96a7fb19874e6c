"""How alike vectors are, by each of the measures that a sentence-transformers folder may name."""

import numpy as np

from .pooling import Normalize
from .results import SparseVector

_NO_TOKEN = -1e9  # the score of a document without a token that counts, as in sentence-transformers


def similarity(measure: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[A, D] and [B, D] -> [A, B], by "cosine", "dot", "euclidean" or "manhattan"; distances are negated."""
    if measure == "cosine":
        return np.asarray(Normalize()(a) @ Normalize()(b).T)
    if measure == "dot":
        return np.asarray(a @ b.T)
    order = 2 if measure == "euclidean" else 1
    return np.stack([-np.linalg.norm(b - row, ord=order, axis=-1) for row in a])


def sparse_similarity(measure: str, a: SparseVector, b: SparseVector) -> float:
    """The same of two sparse vectors."""
    _, ours, theirs = np.intersect1d(a.indices, b.indices, assume_unique=True, return_indices=True)
    x, y = a.values[ours], b.values[theirs]
    if measure == "dot":
        return float(x @ y)
    if measure == "cosine":
        return float(x @ y / max(np.linalg.norm(a.values) * np.linalg.norm(b.values), 1e-12))
    differences = np.concatenate([x - y, np.delete(a.values, ours), np.delete(b.values, theirs)])
    return -float(np.linalg.norm(differences, ord=2 if measure == "euclidean" else 1))


def of_shape(scores: np.ndarray, *, one_left: bool, one_right: bool) -> float | np.ndarray:
    """Scores [A, B] as [B], [A] or a float, where one side, or both, are a single text or vector."""
    if one_left:
        scores = scores[0]
    if one_right:
        scores = scores[..., 0]
    return float(scores) if scores.ndim == 0 else scores


def max_similarity(query: np.ndarray, document: np.ndarray, *, mean: bool = False) -> float:
    """Late interaction: for each of the query's vectors [Q, D] the best dot product with the document's [T, D], summed.

    Khattab and Zaharia 2020, arXiv 2004.12832. With `mean` it is divided by Q.
    """
    if not len(document):
        return _NO_TOKEN / len(query) if mean and len(query) else _NO_TOKEN
    best = (query @ document.T).max(-1)
    return float(best.mean() if mean and len(query) else best.sum())
