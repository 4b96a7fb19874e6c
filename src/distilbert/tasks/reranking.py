"""Reranking: a cross-encoder reads a query with each document and says how well they fit."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from ..config import DistilBertConfig
from ..errors import CheckpointError, ConfigError, short_repr
from ..files import read_json
from ..folder.checkpoint import Head
from ..results import Ranked
from .pairs import PairTask, Row
from .task import LongText, Model, check_count, check_long_text, logistic

# all of them rise with the logit, so that the order is that of the logits
_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Sigmoid": logistic,
    "Identity": lambda x: x,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0),
}


class Reranker(PairTask):
    """Orders documents by how well they fit a query. Made by `distilbert.load` from a cross-encoder.

    A model with one output is scored by the activation that its folder names, as sentence-transformers
    does: the sigmoid where it names none. Of a model with two labels the score is the probability of
    the second.
    """

    task = "text-ranking"
    head = Head.SEQUENCE_CLASSIFICATION
    names = ("query", "document")
    over = "second"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        if self.config.num_labels > 2:
            labels = self.config.num_labels
            raise CheckpointError(f"{model.folder}: a reranker has one output or two labels, not {labels}")
        self._activation = _activation(model.folder, self.config) if self.config.num_labels == 1 else logistic

    def __call__(
        self, query: str, documents: Iterable[str], *, top_k: int | None = None, long_text: LongText = "truncate"
    ) -> list[Ranked]:
        """The documents, best first; equally good ones stay in the order given.

        Args:
            query: what they are compared with.
            documents: an iterable of strings; with `top_k` it may be of any length, in bounded memory.
            top_k: only so many of the best.
            long_text: what to do with a query and document longer than the model reads: "truncate" (the
                longer of the two; marked in the result), "window" (the document in windows, each with
                the whole query; the logits are the mean over windows, weighted by their tokens), or
                "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        check_count("top_k", top_k)
        check_long_text(long_text)
        return self._ranked(self._rows(self._pairs(0, query, documents), long_text), top_k)

    def stream(
        self,
        queries: Iterable[tuple[str, Iterable[str]]],
        *,
        top_k: int | None = None,
        long_text: LongText = "truncate",
    ) -> Iterator[list[Ranked]]:
        """The same for a stream of `(query, documents)` of any length, in bounded memory and in order."""
        check_count("top_k", top_k)
        check_long_text(long_text)
        for rows in self._grouped_rows(queries, long_text):
            yield self._ranked(rows, top_k)

    def logits(self, query: str, documents: Iterable[str], *, long_text: LongText = "truncate") -> np.ndarray:
        """The head's raw output for the query with each document, float32 [documents, labels]."""
        check_long_text(long_text)
        rows = [row.logits for row in self._rows(self._pairs(0, query, documents), long_text)]
        return np.stack(rows) if rows else np.empty((0, self.config.num_labels), np.float32)

    def _ranked(self, rows: Iterable[Row], top_k: int | None) -> list[Ranked]:
        # by logits: scores near 1 may round to the same number. Both keep equal ones in order.
        best = (
            sorted(rows, key=_relevance, reverse=True) if top_k is None else heapq.nlargest(top_k, rows, key=_relevance)
        )
        scores = self._activation(np.array([_relevance(row) for row in best], np.float32))
        return [
            Ranked(row.pair.part, score, row.pair.second, row.truncated)
            for row, score in zip(best, scores.tolist(), strict=True)
        ]


def _relevance(row: Row) -> float:
    """What rises with the score: the one logit, or the second label's above the first's."""
    return float(row.logits[0] if len(row.logits) == 1 else row.logits[1] - row.logits[0])


def _activation(folder: Path, config: DistilBertConfig) -> Callable[[np.ndarray], np.ndarray]:
    """What the folder names in any of the places of sentence-transformers' versions 4 to 6, and before."""
    path = folder / "config_sentence_transformers.json"
    newest = read_json(path).get("activation_fn") if path.is_file() else None
    newer = config.extra.get("sentence_transformers")
    name = newest or (newer.get("activation_fn") if isinstance(newer, dict) else None)
    name = name or config.extra.get("sbert_ce_default_activation_function")
    if name is None:
        return logistic
    package, _, kind = str(name).rpartition(".")
    if package.split(".")[:2] != ["torch", "nn"] or kind not in _ACTIVATIONS:
        raise ConfigError(
            f"{folder}: activation_fn {short_repr(name)} is not one of torch.nn's {', '.join(_ACTIVATIONS)}"
        )
    return _ACTIVATIONS[kind]
