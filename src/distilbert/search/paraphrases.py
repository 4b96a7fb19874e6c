"""The pairs of a set of vectors that are most alike."""

import numpy as np

from ..errors import check_whole
from ..results import Pair
from ..tasks.numbers import largest
from .exact import Measure, VectorIndex, check_queries

_QUERIES = 1024  # vectors that are compared with all others at once


def paraphrase_mining(
    vectors: np.ndarray, *, top_k: int = 100, max_pairs: int = 500_000, measure: Measure = "cosine"
) -> list[Pair]:
    """The pairs of vectors with the highest scores, best first.

    The same as `sentence_transformers.util.paraphrase_mining_embeddings`.

    Args:
        vectors: floats [N, D].
        top_k: so many others are looked at for each vector.
        max_pairs: so many pairs are returned at most.
        measure: "cosine", "dot", "euclidean" or "manhattan" (negated distances).

    Raises:
        InputError: for anything else, and for vectors that hold NaN or infinity.
    """
    check_whole("top_k", top_k)
    check_whole("max_pairs", max_pairs)
    index = VectorIndex(vectors, measure=measure)
    pairs = _Pairs(len(vectors), max_pairs)
    for start in range(0, len(vectors), _QUERIES):
        block = check_queries(vectors[start : start + _QUERIES], vectors.shape[1])
        for vector, hits in enumerate(index.search(block, top_k + 1), start):
            others = [hit for hit in hits if hit.index != vector][:top_k]
            pairs.add(vector, [hit.index for hit in others], [hit.score for hit in others])
    return pairs.best()


class _Pairs:
    """Pairs and their scores, pruned when there are many more than are asked for."""

    def __init__(self, count: int, most: int) -> None:
        self._count, self._most = count, most
        self._keys: list[np.ndarray] = []  # first · count + second
        self._scores: list[np.ndarray] = []
        self._held = 0

    def add(self, vector: int, others: list[int], scores: list[float]) -> None:
        other = np.array(others, np.int64)
        self._keys.append(np.minimum(vector, other) * self._count + np.maximum(vector, other))
        self._scores.append(np.array(scores, np.float32))
        self._held += len(others)
        if self._held > 4 * self._most + 1_000_000:
            self._prune()

    def best(self) -> list[Pair]:
        self._prune()
        found = zip(self._keys[0].tolist(), self._scores[0].tolist(), strict=True)
        return [Pair(key // self._count, key % self._count, score) for key, score in found]

    def _prune(self) -> None:
        keys = np.concatenate([np.empty(0, np.int64), *self._keys])
        scores = np.concatenate([np.empty(0, np.float32), *self._scores])
        keys, first = np.unique(keys, return_index=True)  # a pair is found from both of its ends
        order = largest(scores[first], self._most)
        self._keys, self._scores = [keys[order]], [scores[first][order]]
        self._held = len(order)
