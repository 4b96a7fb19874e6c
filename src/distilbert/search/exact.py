"""Exact search: each query is compared with every vector, block by block."""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np

from ..errors import InputError, check_one_of, check_whole
from ..pooling import Normalize
from ..results import Hit
from ..similarity import similarity
from .hits import best_hits

Measure = Literal["cosine", "dot", "euclidean", "manhattan"]

_BLOCK = 1 << 22  # numbers, of vectors or of scores, that are held at once: 16 MB
_QUERIES = 128  # queries that are compared at once
LEAST_NORM = 1e-12


class VectorIndex:
    """Vectors to be searched, each search exact.

    Args:
        vectors: [N, D] of floats, or of int8 as `Embedder` makes them; a memory map stays on disk.
        measure: "cosine", "dot", "euclidean" or "manhattan" (negated distances); of int8 "cosine" alone, for each
            of these vectors has a scale of its own.

    Raises:
        InputError: for anything else, and for vectors that hold NaN or infinity.
    """

    def __init__(self, vectors: np.ndarray, *, measure: Measure = "cosine") -> None:
        check_vectors(vectors)
        check_one_of("measure", measure, get_args(Measure))
        if vectors.dtype == np.int8 and measure != "cosine":
            raise InputError(f"int8 vectors can be compared by cosine alone, not by {measure!r}")
        self.vectors = vectors
        self.measure = measure
        self._inverse_norms = 1 / np.maximum(norms(vectors), LEAST_NORM)

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: np.ndarray, top_k: int = 10) -> list[list[Hit]]:
        """For each query the `top_k` most similar vectors, or all there are: best first, equal ones in their order.

        Args:
            queries: floats [Q, D], or [D] for one.

        Raises:
            InputError: for queries of another width, and for those that hold NaN or infinity.
        """
        check_whole("top_k", top_k)
        queries = check_queries(queries, self.vectors.shape[1])
        if self.measure == "cosine":
            queries = Normalize()(queries)
        found: list[list[Hit]] = []
        for start in range(0, len(queries), _QUERIES):
            part = queries[start : start + _QUERIES]
            found += best_hits(self._blocks(part), len(part), top_k)
        return found

    def scores(self, queries: np.ndarray, rows: slice) -> np.ndarray:
        """[Q, D] (of length 1 for cosine) with vectors of those rows -> [Q, rows]."""
        vectors = np.asarray(self.vectors[rows], np.float32)
        if self.measure == "cosine":
            return (queries @ vectors.T) * self._inverse_norms[rows]
        return similarity(self.measure, queries, vectors)

    def _blocks(self, queries: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, scores [Q, rows]) of all vectors, in as few matrix products as memory allows."""
        multiplied = self.vectors.dtype == np.float32 and self.measure in ("cosine", "dot")  # where they lie, uncopied
        for rows in row_blocks(self.vectors, size=max(1, _BLOCK // len(queries)) if multiplied else None):
            yield rows.start, self.scores(queries, rows)


def semantic_search(
    queries: np.ndarray, corpus: np.ndarray, top_k: int = 10, *, measure: Measure = "cosine"
) -> list[list[Hit]]:
    """For each query the `top_k` most similar vectors of a corpus, best first; the search is exact.

    The same as `sentence_transformers.util.semantic_search`. Whoever searches one corpus often makes a `VectorIndex`.

    Args:
        queries: floats [Q, D], or [D] for one.
        corpus: [N, D] of floats, or of int8 as `Embedder` makes them.
        measure: "cosine", "dot", "euclidean" or "manhattan" (negated distances).

    Raises:
        InputError: for vectors of different widths, and for those that hold NaN or infinity.
    """
    return VectorIndex(corpus, measure=measure).search(queries, top_k)


def check_vectors(vectors: np.ndarray) -> None:
    """Raises InputError for what is no [N, D] of floats or int8."""
    if not isinstance(vectors, np.ndarray):
        raise InputError(f"vectors must be a NumPy array [N, D], not {type(vectors).__name__}")
    if vectors.ndim != 2 or not vectors.shape[1] or not (vectors.dtype.kind == "f" or vectors.dtype == np.int8):
        raise InputError(f"vectors must be [N, D] of floats or int8, not {vectors.dtype} {list(vectors.shape)}")


def check_queries(queries: np.ndarray, width: int) -> np.ndarray:
    """Queries as float32 [Q, D]. Raises InputError for those that cannot be compared with vectors of this width."""
    if not isinstance(queries, np.ndarray) or queries.dtype.kind != "f" or queries.ndim not in (1, 2):
        form = f"{queries.dtype} {list(queries.shape)}" if isinstance(queries, np.ndarray) else type(queries).__name__
        raise InputError(f"queries must be [Q, D] or [D] of floats, not {form}")
    if queries.shape[-1] != width:
        raise InputError(f"queries of {queries.shape[-1]} numbers cannot be compared with vectors of {width}")
    if not np.isfinite(queries).all():
        raise InputError("queries must not hold NaN or infinity")
    return np.atleast_2d(queries).astype(np.float32, copy=False)


def norms(vectors: np.ndarray) -> np.ndarray:
    """Lengths [N] of vectors [N, D]. Raises InputError, naming the first, for those that hold NaN or infinity."""
    lengths = np.empty(len(vectors), np.float32)
    for rows in row_blocks(vectors):
        block = np.asarray(vectors[rows], np.float32)
        lengths[rows] = np.sqrt(np.einsum("nd,nd->n", block, block))
    wrong = np.flatnonzero(~np.isfinite(lengths))
    if len(wrong):
        raise InputError(f"vector {wrong[0]} holds NaN, infinity or numbers too large to be squared")
    return lengths


def row_blocks(vectors: np.ndarray, size: int | None = None) -> Iterator[slice]:
    """The rows of vectors [N, D], `size` in a block; by default as many as have some 16 MB as float32."""
    size = size or max(1, _BLOCK // vectors.shape[1])
    for start in range(0, len(vectors), size):
        yield slice(start, min(start + size, len(vectors)))
