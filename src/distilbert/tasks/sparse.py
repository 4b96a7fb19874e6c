"""Sparse vectors (SPLADE): how much each piece of the vocabulary has to do with a text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Unpack, overload

import numpy as np

from ..batch import run_each
from ..errors import ConfigError
from ..fields import setting
from ..folder.checkpoint import Head
from ..folder.sentence import SentenceFolder
from ..pooling import SpladePooling
from ..results import SparseVector
from .inputs import check_strings, listed, several
from .long_text import CutTexts, LongText
from .numbers import largest
from .options import LongTextKeyword, PromptKeywords, PromptOptions
from .task import Model, Task

Comparable = str | SparseVector | Iterable[str] | Iterable[SparseVector]

_MOST_LOGITS = 1 << 24  # of a batch, tokens times vocabulary: 64 MB, as one text of 512 tokens has anyway


@dataclass(frozen=True, kw_only=True)
class SparseOptions(PromptOptions):
    """Options of sparse vectors."""

    top_k: int | None = setting(None, least=1, help="keep so many of the largest weights")


class _Keywords(PromptKeywords, total=False):
    """The same as keywords, for type checkers."""

    top_k: int | None


class SparseEncoder(Task):
    """Turns texts into sparse vectors. Made by `distilbert.load` from a DistilBertForMaskedLM or a SPLADE folder.

    Attributes:
        pooling: how the logits of a text become its vector; over all tokens, [CLS] and [SEP] included.
    """

    task = "sparse-encoding"
    head = Head.MASKED_LM
    all_rows = True
    options = SparseOptions
    makes_vectors = True

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.sentence = sentence = model.sentence or SentenceFolder(model.folder)
        self.pooling = sentence.splade or SpladePooling()
        if sentence.splade and sentence.similarity != "dot":
            raise ConfigError(
                f"{model.folder}: similarity_fn_name must be dot for sparse vectors, not {sentence.similarity!r}"
            )

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self, texts: str, **options: Unpack[_Keywords]
    ) -> SparseVector: ...
    @overload
    def __call__(self, texts: Iterable[str], **options: Unpack[_Keywords]) -> list[SparseVector]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        prompt: str | None = SparseOptions.prompt,
        prompt_name: str | None = SparseOptions.prompt_name,
        top_k: int | None = SparseOptions.top_k,
        long_text: LongText = SparseOptions.long_text,
    ) -> SparseVector | list[SparseVector]:
        """One text -> a SparseVector; several -> a list of them, in the same order.

        Args:
            texts: a string or an iterable of strings.
            prompt, prompt_name: what stands before each text, or the name of one of the folder's prompts;
                by default the folder's default one, mostly none.
            top_k: keep so many of the largest weights (`max_active_dims` of sentence-transformers); None for all.
            long_text: what to do with a text longer than the model reads: "truncate" (with a
                LongTextWarning), "window" (pooled over the tokens of all its windows) or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        options = SparseOptions(prompt=prompt, prompt_name=prompt_name, top_k=top_k, long_text=long_text)
        vectors = list(self._results(listed(texts), options))
        return vectors[0] if isinstance(texts, str) else vectors

    def stream(self, texts: Iterable[str], **options: Unpack[_Keywords]) -> Iterator[SparseVector]:
        """The same for a stream of any length, in bounded memory and in order."""
        return self._results(several(texts), SparseOptions(**options))

    def logits(self, texts: str | Iterable[str], **options: Unpack[LongTextKeyword]) -> list[np.ndarray]:
        """The head's raw output, float32 [T_i, V] a text; a list of one for one text.

        Texts in windows give the windows' rows one after the other. All of it is held in memory: 62 MB
        for a text of 512 tokens and BERT's vocabulary.
        """
        given = list(listed(texts))
        check_strings(given, 0)
        return [np.concatenate(rows) for rows in self._run(self._encode(given, SparseOptions(**options).long_text, 0))]

    def _results(self, texts: Iterable[str], options: SparseOptions) -> Iterator[SparseVector]:
        prefix = self.sentence.prompts.text(options.prompt, options.prompt_name)
        cut_texts = CutTexts(f"{self.model.max_length} tokens")
        for start, chunk in self._chunks(texts):
            check_strings(chunk, start)
            parts = self._encode([prefix + text for text in chunk], options.long_text, start)
            cut_texts.count([encodings[0].truncated for encodings in parts])
            vectors = iter(self._vectors([encoding.ids for encodings in parts for encoding in encodings]))
            for encodings in parts:
                yield _largest(self._merged([next(vectors) for _ in encodings]), options.top_k)
        cut_texts.warn()

    def tokens(self, vector: SparseVector, *, top_k: int | None = None) -> list[tuple[str, float]]:
        """The vector's pieces with their weights, heaviest first."""
        order = largest(vector.values, SparseOptions(top_k=top_k).top_k)
        pieces = [self.tokenizer.decode([index], skip_special_tokens=False) for index in vector.indices[order]]
        return list(zip(pieces, vector.values[order].tolist(), strict=True))

    def similarity(self, a: Comparable, b: Comparable) -> float | np.ndarray:
        """How alike texts, or vectors, are: the dot product of their vectors.

        One against one is a float, one against several [B], several against several [A, B].
        """
        (left, left_one), (right, right_one) = self._given(a), self._given(b)
        scores = np.zeros((len(left), len(right)), np.float32)
        for row, vector in zip(scores, left, strict=True):
            dense = np.zeros(self.config.vocab_size, np.float32)
            dense[vector.indices] = vector.values
            row[:] = [dense[other.indices] @ other.values for other in right]
        if left_one:
            scores = scores[0]
        if right_one:
            scores = scores[..., 0]
        return float(scores) if scores.ndim == 0 else scores

    def _given(self, value: Comparable) -> tuple[list[SparseVector], bool]:
        """The vectors of texts or vectors, and whether it was a single one."""
        one = isinstance(value, str | SparseVector)
        items: list[Any] = [value] if one else list(value)  # type: ignore[arg-type]
        return items if all(isinstance(item, SparseVector) for item in items) else self(items), one

    def _vectors(self, ids: list[np.ndarray]) -> list[SparseVector]:
        """A vector for each of some ids. Only one batch's logits are held at a time, and they are kept few."""
        vectors: dict[int, SparseVector] = {}
        budget = max(1, min(self.model.max_batch_tokens, _MOST_LOGITS // self.config.vocab_size))
        for index, logits in run_each(self.model.engine.run, ids, None, budget):
            weights = self.pooling(logits)
            indices = np.flatnonzero(weights)
            vectors[index] = SparseVector(indices, weights[indices])
        return [vectors[index] for index in range(len(ids))]

    def _merged(self, windows: list[SparseVector]) -> SparseVector:
        """One vector of a text's windows, as if their tokens had been pooled together."""
        if len(windows) == 1:
            return windows[0]
        weights = np.zeros(self.config.vocab_size, np.float32)
        for window in windows:
            if self.pooling.strategy == "max":
                weights[window.indices] = np.maximum(weights[window.indices], window.values)
            else:
                weights[window.indices] += window.values
        indices = np.flatnonzero(weights)
        return SparseVector(indices, weights[indices])


def _largest(vector: SparseVector, top_k: int | None) -> SparseVector:
    if top_k is None or len(vector.values) <= top_k:
        return vector
    kept = np.sort(largest(vector.values, top_k))
    return SparseVector(vector.indices[kept], vector.values[kept])
