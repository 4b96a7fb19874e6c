"""Sparse vectors (SPLADE): how much each piece of the vocabulary matters to a text."""

from collections.abc import Iterable, Iterator

import numpy as np

from ..batch import in_chunks, run_each
from ..checkpoint import Head
from ..results import SparseVector
from .task import LongText, Task, characters, check_count, check_long_text, listed

__all__ = ["SparseEncoder"]


class SparseEncoder(Task):
    """Turns texts into sparse vectors. Made by `distilbert.load` from a DistilBertForMaskedLM."""

    task = "sparse-encoding"
    head = Head.MASKED_LM
    all_rows = True

    def __call__(
        self, texts: str | Iterable[str], *, top_k: int | None = None, long_text: LongText = "truncate"
    ) -> SparseVector | list[SparseVector]:
        """One text -> a SparseVector; several -> a list of them, in the same order."""
        vectors = list(self.stream(listed(texts), top_k=top_k, long_text=long_text))
        return vectors[0] if isinstance(texts, str) else vectors

    def stream(
        self, texts: Iterable[str], *, top_k: int | None = None, long_text: LongText = "truncate"
    ) -> Iterator[SparseVector]:
        """The same for a stream of any length, in bounded memory and in order."""
        check_count("top_k", top_k)
        check_long_text(long_text)
        start = 0
        for chunk in in_chunks(texts, characters, self._chunk_characters):
            read = self._encode(chunk, long_text, start)
            start += len(chunk)
            vectors = [SparseVector(np.empty(0, np.int64), np.empty(0, np.float32))] * len(chunk)
            ids = [encodings[0].ids for encodings in read]
            for index, rows in run_each(self.model.engine.run, ids, None, self.model.max_batch_tokens // 4):
                peaks = rows.max(0)
                indices = np.flatnonzero(peaks > 0)
                vectors[index] = SparseVector(indices, np.log1p(peaks[indices]))
            yield from vectors

    def tokens(self, vector: SparseVector) -> list[tuple[str, float]]:
        """The vector's pieces and weights, best first."""
        order = np.argsort(-vector.values, kind="stable")
        return [(self.tokenizer.token(int(vector.indices[i])), float(vector.values[i])) for i in order]
