"""Reranking: a cross-encoder reads a query with each document and says how well they fit."""

import copy
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar, Unpack

import numpy as np

from ..calibration import Calibration
from ..errors import CheckpointError
from ..fields import setting
from ..folder.checkpoint import Head
from ..folder.cross_encoder import read_cross_encoder
from ..folder.transformer_settings import TransformerSettings
from ..results import Ranked
from .long_text import LongText
from .numbers import logistic
from .options import BestKeywords, PromptKeywords, PromptOptions
from .pairs import PairTask, Row
from .task import Model

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class RerankerOptions(PromptOptions):
    """Options of reranking."""

    top_k: int | None = setting(None, least=1, help="how many documents, best first")


class Reranker(PairTask):
    """Orders documents by how well they fit a query. Made by `distilbert.load` from a cross-encoder.

    A model with one output is scored by the activation that its folder names, as sentence-transformers
    does: the sigmoid where it names none. Of a model with two labels the score is the probability of
    the second.

    Attributes:
        calibration: of a model with two labels, what its folder says of the way from logits to scores.
        prompts: what may stand before a query, as the folder says.
    """

    task = "text-ranking"
    head = Head.SEQUENCE_CLASSIFICATION
    options = RerankerOptions
    names = ("query", "document")
    over = "second"

    def __init__(self, model: Model) -> None:
        if model.config.num_labels > 2:
            labels = model.config.num_labels
            raise CheckpointError(
                f"{model.folder}: a reranker has one output or two labels, not {labels}; text-classification takes "
                "pairs, too"
            )
        about = read_cross_encoder(model.folder, model.config.extra)
        super().__init__(_reading_as(about.text, model))
        # a calibration is fitted to labels: a single output has an activation instead
        self.calibration = self.config.calibration if self.config.num_labels == 2 else Calibration()
        self.activation = about.activation if self.config.num_labels == 1 else logistic
        self.prompts = about.prompts

    def __call__(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_k: int | None = RerankerOptions.top_k,
        prompt: str | None = RerankerOptions.prompt,
        prompt_name: str | None = RerankerOptions.prompt_name,
        long_text: LongText = RerankerOptions.long_text,
    ) -> list[Ranked]:
        """The documents, best first; equally good ones stay in the order given.

        Args:
            query: what they are compared with.
            documents: an iterable of strings; with `top_k` it may be of any length, in bounded memory.
            top_k: only so many of the best.
            prompt, prompt_name: what stands before the query, or the name of one of the folder's prompts;
                by default the folder's default one, mostly none.
            long_text: what to do with a query and document longer than the model reads: "truncate" (the
                longer of the two; marked in the result), "window" (the document in windows, each with
                the whole query; the logits are the mean over windows, weighted by their tokens), or
                "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        options = RerankerOptions(top_k=top_k, prompt=prompt, prompt_name=prompt_name, long_text=long_text)
        pairs = self._pairs(0, query, documents, before=self._prompt(options))
        return self._ranked(self._rows(pairs, options.long_text), options.top_k)

    def stream(
        self, queries: Iterable[tuple[str, Iterable[str]]], **options: Unpack[BestKeywords]
    ) -> Iterator[list[Ranked]]:
        """The same for a stream of `(query, documents)` of any length, in bounded memory and in order."""
        checked = RerankerOptions(**options)
        groups = self._grouped_rows(queries, checked.long_text, before=self._prompt(checked))
        return (self._ranked(rows, checked.top_k) for rows in groups)

    def logits(self, query: str, documents: Iterable[str], **options: Unpack[PromptKeywords]) -> np.ndarray:
        """The head's raw output for the query with each document, float32 [documents, labels]."""
        checked = PromptOptions(**options)
        pairs = self._pairs(0, query, documents, before=self._prompt(checked))
        rows = [row.logits for row in self._rows(pairs, checked.long_text)]
        return np.stack(rows) if rows else np.empty((0, self.config.num_labels), np.float32)

    def _prompt(self, options: PromptOptions) -> str:
        return self.prompts.text(options.prompt, options.prompt_name)

    def _ranked(self, rows: Iterable[Row], top_k: int | None) -> list[Ranked]:
        # scores near 1 may round to the same number: the logit decides then. Equal ones stay in order.
        scored = ((self._score(row), row) for row in rows)
        best = best_first(scored, top_k, _goodness)
        return [Ranked(row.pair.part, score, row.pair.second, row.truncated) for score, row in best]

    def _score(self, row: Row) -> float:
        calibrated = row._replace(logits=self.calibration(row.logits))
        return float(self.activation(np.array([_relevance(calibrated)], np.float32))[0])


def _reading_as(text: TransformerSettings, model: Model) -> Model:
    """The model with the length and the lower-casing that its folder asks of a cross-encoder."""
    tokenizer, longest = model.tokenizer, model.max_length
    if text.max_length:
        longest = min(text.max_length, model.config.max_position_embeddings)
        if longest <= tokenizer.pair_special_count:
            raise CheckpointError(f"{model.folder}: says that a pair has {longest} tokens at most: no room for text")
    if text.lower_case:
        tokenizer = copy.deepcopy(tokenizer)  # other tasks of this model keep it as it is
        tokenizer.lower_case_first()
    return replace(model, tokenizer=tokenizer, max_length=longest)


def best_first(items: Iterable[Item], top_k: int | None, goodness: Callable[[Item], Any]) -> list[Item]:
    """The `top_k` best, all for None; equally good ones in the order given."""
    return sorted(items, key=goodness, reverse=True) if top_k is None else heapq.nlargest(top_k, items, key=goodness)


def _goodness(scored: tuple[float, Row]) -> tuple[float, float]:
    """What documents are ordered by: few activations fall with the logit, or stand still."""
    score, row = scored
    return score, _relevance(row)


def _relevance(row: Row) -> float:
    """What rises with the score: the one logit, or the second label's above the first's."""
    return float(row.logits[0] if len(row.logits) == 1 else row.logits[1] - row.logits[0])
