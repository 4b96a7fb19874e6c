"""Exact search among sparse vectors, through lists of the vectors that have a token."""

from collections.abc import Iterable

import numpy as np

from ..errors import InputError, check_whole
from ..results import Hit, SparseVector
from .hits import best_hits


class SparseIndex:
    """Sparse vectors to be searched by the dot product, each search exact.

    Raises InputError for anything else than SparseVectors.
    """

    def __init__(self, vectors: Iterable[SparseVector]) -> None:
        listed = list(vectors)
        _check(listed)
        self._count = len(listed)
        tokens = np.concatenate([np.empty(0, np.int64), *(vector.indices for vector in listed)])
        weights = np.concatenate([np.empty(0, np.float32), *(vector.values for vector in listed)])
        owners = np.repeat(np.arange(len(listed)), [len(vector.indices) for vector in listed])
        order = np.argsort(tokens, kind="stable")
        self._weights, self._owners = weights[order], owners[order]
        self._starts = np.searchsorted(tokens[order], np.arange(tokens.max(initial=-1) + 2))

    def __len__(self) -> int:
        return self._count

    def search(self, queries: SparseVector | Iterable[SparseVector], top_k: int = 10) -> list[list[Hit]]:
        """For each query the `top_k` vectors with the highest score; those that share no token with it are left out."""
        check_whole("top_k", top_k)
        listed = [queries] if isinstance(queries, SparseVector) else list(queries)
        _check(listed)
        return [self._search(query, top_k) for query in listed]

    def _search(self, query: SparseVector, top_k: int) -> list[Hit]:
        scores = np.zeros(self._count, np.float32)
        for token, weight in zip(query.indices, query.values, strict=True):
            if token + 1 < len(self._starts):
                entries = slice(self._starts[token], self._starts[token + 1])
                scores[self._owners[entries]] += weight * self._weights[entries]
        (hits,) = best_hits([(0, scores[None])], 1, top_k)
        return [hit for hit in hits if hit.score > 0]


def _check(vectors: list[SparseVector]) -> None:
    for number, vector in enumerate(vectors):
        if not isinstance(vector, SparseVector):
            raise InputError(f"vector {number} must be a SparseVector, not {type(vector).__name__}")
        if not np.isfinite(vector.values).all():
            raise InputError(f"vector {number} holds NaN or infinity")
