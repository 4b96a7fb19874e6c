"""Search by the signs of vectors, one bit a number: the nearest by these are compared exactly."""

import numpy as np

from ..errors import InputError, check_whole
from ..pooling import Normalize
from ..results import Hit
from ..tasks.numbers import largest
from .exact import LEAST_NORM, check_queries, check_vectors, norms, row_blocks

_BLOCK = 1 << 14  # vectors whose bits are counted at once: 128 kB a word, which the processor's cache holds


class BinaryIndex:
    """Vectors to be searched by their signs first: of `oversampling` candidates for each result the cosine is taken.

    Candidates are the vectors with the fewest bits unlike the query's (Hamming distance), all of them counted; the
    query itself keeps its numbers when candidates are compared (Yamada et al. 2021, arXiv 2106.00882). A search reads D
    bits of each vector and all of a few, so that `vectors` can be a memory map.

    Args:
        vectors: [N, D] of floats, or of int8 as `Embedder` makes them.
        bits: their signs, uint8 [N, D / 8], as `signs` gives them; made of `vectors` by default.
        oversampling: candidates for each result. More are slower and find more of what an exact search finds.

    Raises:
        InputError: for anything else, and for vectors that hold NaN or infinity.
    """

    def __init__(self, vectors: np.ndarray, bits: np.ndarray | None = None, *, oversampling: int = 30) -> None:
        check_vectors(vectors)
        check_whole("oversampling", oversampling)
        if bits is None:
            if vectors.dtype.kind == "f":
                norms(vectors)  # raises for NaN
            bits = signs(vectors)
        if bits.dtype != np.uint8 or bits.shape != (len(vectors), -(-vectors.shape[1] // 8)):
            raise InputError(f"bits must be uint8 [{len(vectors)}, D / 8], not {bits.dtype} {list(bits.shape)}")
        self.vectors = vectors
        self.oversampling = oversampling
        self._words = _words(bits)

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: np.ndarray, top_k: int = 10) -> list[list[Hit]]:
        """For each query `top_k` of the most similar vectors by cosine, best first.

        Args:
            queries: floats [Q, D], or [D] for one.

        Raises:
            InputError: for queries of another width, and for those that hold NaN or infinity.
        """
        check_whole("top_k", top_k)
        queries = check_queries(queries, self.vectors.shape[1])
        words = _words(signs(queries)).T
        return [
            self._compare(query, self._nearest(bits, self.oversampling * top_k), top_k)
            for query, bits in zip(Normalize()(queries), words, strict=True)
        ]

    def _nearest(self, query: np.ndarray, count: int) -> np.ndarray:
        """Indices of the `count` vectors whose bits are most like the query's words [W]; all of those at one distance.

        Ties are many, since a distance is a whole number: of those at the last one some are left out.
        """
        distances = np.zeros(len(self), np.uint16)
        unlike, counts = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint8)
        for start in range(0, len(self), _BLOCK):
            total = distances[start : start + _BLOCK]
            for word, of_query in zip(self._words[:, start : start + _BLOCK], query, strict=True):
                np.bitwise_xor(word, of_query, out=unlike[: len(word)])
                total += np.bitwise_count(unlike[: len(word)], out=counts[: len(word)])
        if count >= len(self):
            return np.arange(len(self))
        last = np.searchsorted(np.bincount(distances).cumsum(), count)
        nearest = np.flatnonzero(distances <= last)
        return nearest[np.argsort(distances[nearest], kind="stable")[:count]]

    def _compare(self, query: np.ndarray, candidates: np.ndarray, top_k: int) -> list[Hit]:
        candidates = np.sort(candidates)  # equal scores are in order of their index, and the disk is read in order
        vectors = np.asarray(self.vectors[candidates], np.float32)
        scores = vectors @ query / np.maximum(np.linalg.norm(vectors, axis=-1), LEAST_NORM)
        return [Hit(int(candidates[place]), float(scores[place])) for place in largest(scores, top_k)]


def signs(vectors: np.ndarray) -> np.ndarray:
    """Which numbers of vectors [N, D] are above 0: uint8 [N, D / 8], eight to a byte."""
    bits = np.empty((len(vectors), -(-vectors.shape[1] // 8)), np.uint8)
    for rows in row_blocks(vectors):
        bits[rows] = np.packbits(vectors[rows] > 0, axis=-1)
    return bits


def _words(bits: np.ndarray) -> np.ndarray:
    """Bytes [N, B] -> words uint64 [W, N]: the vectors' first words lie side by side, then their second ones."""
    words = np.zeros((len(bits), -(-bits.shape[1] // 8)), np.uint64)
    words.view(np.uint8)[:, : bits.shape[1]] = bits
    return np.ascontiguousarray(words.T)
