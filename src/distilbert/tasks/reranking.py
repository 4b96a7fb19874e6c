"""Reranking: a cross-encoder reads a query with each document and says how well they fit."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..checkpoint import Head
from ..errors import CheckpointError
from ..results import Ranked
from .pairs import Pair, PairTask
from .task import LongText, Model, check_count, check_long_text, listed, logistic

__all__ = ["Reranker"]


class Reranker(PairTask):
    """Orders documents by how well they fit a query. Made by `distilbert.load` from a cross-encoder."""

    task = "text-ranking"
    head = Head.SEQUENCE_CLASSIFICATION
    names = ("query", "document")
    over = "second"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        if self.config.num_labels > 2:
            raise CheckpointError(f"{model.folder}: a reranker has one output or two, not {self.config.num_labels}")

    def __call__(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_k: int | None = None,
        long_text: LongText = "truncate",
    ) -> list[Ranked]:
        """The documents, best first; equal ones stay in the order given."""
        check_count("top_k", top_k)
        check_long_text(long_text)
        documents = list(listed(documents))
        rows = self._rows((Pair(0, i, query, document) for i, document in enumerate(documents)), long_text)
        ranked = [Ranked(i, self._score(row.logits), documents[i]) for i, row in enumerate(rows)]
        return sorted(ranked, key=lambda each: -each.score)[:top_k]

    def stream(
        self,
        queries: Iterable[tuple[str, Sequence[str]]],
        *,
        top_k: int | None = None,
        long_text: LongText = "truncate",
    ) -> Iterator[list[Ranked]]:
        """The same for a stream of `(query, documents)`, in bounded memory and in order."""
        for query, documents in queries:
            yield self(query, documents, top_k=top_k, long_text=long_text)

    def logits(self, query: str, documents: Iterable[str], *, long_text: LongText = "truncate") -> np.ndarray:
        """The head's raw output for the query with each document, float32 [B, labels]."""
        rows = self._rows((Pair(0, i, query, text) for i, text in enumerate(listed(documents))), long_text)
        return np.array([row.logits for row in rows], np.float32).reshape(-1, self.config.num_labels)

    def _score(self, logits: np.ndarray) -> float:
        return float(logistic(logits[-1] if len(logits) == 1 else logits[1] - logits[0]))
