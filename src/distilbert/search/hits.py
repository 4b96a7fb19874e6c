"""Of many scores the best, kept while blocks of them go by."""

from collections.abc import Iterable

import numpy as np

from ..results import Hit
from ..tasks.numbers import largest


def best_hits(blocks: Iterable[tuple[int, np.ndarray]], queries: int, top_k: int) -> list[list[Hit]]:
    """The `top_k` best of each query, best first, equal ones in their order.

    Args:
        blocks: the first vector's index, and scores [Q, n] of the n vectors from there on; indices rise.
        queries: Q.
    """
    scores = [np.empty(0, np.float32)] * queries
    indices = [np.empty(0, np.int64)] * queries
    for start, block in blocks:
        for query, row in enumerate(block):
            is_full = len(scores[query]) == top_k
            better = np.flatnonzero(row > scores[query][-1]) if is_full else largest(row, top_k)
            if len(better):
                merged = np.concatenate([scores[query], row[better]])
                places = np.concatenate([indices[query], better + start])
                order = largest(merged, top_k)
                scores[query], indices[query] = merged[order], places[order]
    return [
        [Hit(index, score) for index, score in zip(places.tolist(), values.tolist(), strict=True)]
        for places, values in zip(indices, scores, strict=True)
    ]
