"""Text classification: single label, multi-label and regression, of texts and pairs."""

from collections.abc import Iterable, Iterator
from math import isnan
from numbers import Real
from typing import Any, Literal, TypedDict, Unpack, overload

import numpy as np

from ..batch import in_chunks
from ..errors import InputError
from ..folder.checkpoint import Head
from ..results import Classification
from ..tokenizer import Encoding
from .task import (
    FIRST,
    LongText,
    Task,
    TextOrPair,
    characters,
    check_count,
    check_long_text,
    is_one,
    logistic,
    several,
    softmax,
    weighted_mean,
)

Function = Literal["softmax", "sigmoid", "none"]
Labels = Classification | list[Classification]


class _Best(TypedDict, total=False):
    """Options with which a text gives one label, for type checkers."""

    top_k: Literal[1]
    threshold: None
    function: Function | None
    long_text: LongText


class _Several(TypedDict, total=False):
    """Options with which it gives a list."""

    top_k: int | None
    threshold: float | None
    function: Function | None
    long_text: LongText


class TextClassifier(Task):
    """Labels texts. Made by `distilbert.load` from a DistilBertForSequenceClassification."""

    task = "text-classification"
    head = Head.SEQUENCE_CLASSIFICATION

    # a string is an iterable of strings too, hence the overlaps
    @overload
    def __call__(self, texts: TextOrPair, **options: Unpack[_Best]) -> Classification: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, texts: TextOrPair, **options: Unpack[_Several]) -> list[Classification]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, texts: Iterable[TextOrPair], **options: Unpack[_Best]) -> list[Classification]: ...
    @overload
    def __call__(self, texts: Iterable[TextOrPair], **options: Unpack[_Several]) -> list[list[Classification]]: ...
    def __call__(
        self,
        texts: TextOrPair | Iterable[TextOrPair],
        *,
        top_k: int | None = 1,
        threshold: float | None = None,
        function: Function | None = None,
        long_text: LongText = "truncate",
    ) -> Any:
        """Label one text or pair, or a list of them: list in, list out, in the same order.

        Args:
            texts: a string, a `(text, pair)` tuple, or an iterable of these.
            top_k: how many labels, best first; None for all. Other than 1, each text gives a list.
            threshold: every label whose score is at least this, perhaps none; each text gives a list,
                at most `top_k` long where `top_k` is more than 1.
            function: "softmax", "sigmoid" or "none", from logits to scores. By default what the model
                was trained for, as in Transformers: none for a regression, the sigmoid for several
                labels at once or a single output, softmax otherwise.
            long_text: what to do with a text longer than the model reads: "truncate" (marked in the
                result), "window" (read it all in windows; the logits are the mean over windows, weighted
                by their tokens), or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        one = is_one(texts)
        given: Any = [texts] if one else texts
        options: _Several = {"top_k": top_k, "threshold": threshold, "function": function, "long_text": long_text}
        results = list(self.stream(given, **options))
        return results[0] if one else results

    @overload
    def stream(self, texts: Iterable[TextOrPair], **options: Unpack[_Best]) -> Iterator[Classification]: ...
    @overload
    def stream(self, texts: Iterable[TextOrPair], **options: Unpack[_Several]) -> Iterator[list[Classification]]: ...
    def stream(
        self,
        texts: Iterable[TextOrPair],
        *,
        top_k: int | None = 1,
        threshold: float | None = None,
        function: Function | None = None,
        long_text: LongText = "truncate",
    ) -> Iterator[Labels]:
        """The same for a stream of any length, in bounded memory and in order."""
        check_count("top_k", top_k)
        check_long_text(long_text)
        if threshold is not None and (not isinstance(threshold, Real) or isnan(threshold)):
            raise InputError(f"threshold must be a number, or None, not {threshold!r}")
        if function not in (None, "softmax", "sigmoid", "none"):
            raise InputError(f'function must be "softmax", "sigmoid" or "none", not {function!r}')
        for read, logits in self._stream_logits(texts, long_text):
            for encodings, row in zip(read, logits, strict=True):
                yield self._labels(row, encodings, top_k, threshold, function or self._function)

    def logits(self, texts: TextOrPair | Iterable[TextOrPair], *, long_text: LongText = "truncate") -> np.ndarray:
        """The head's raw output, float32 [B, labels]; [labels] for one text."""
        check_long_text(long_text)
        one = is_one(texts)
        batches = [b for _, b in self._stream_logits([texts] if one else texts, long_text)]  # type: ignore[list-item]
        logits = np.concatenate(batches) if batches else np.empty((0, self.config.num_labels), np.float32)
        return logits[0] if one else logits

    @property
    def _function(self) -> Function:
        self.config.check_problem_type()
        problem = self.config.problem_type
        if problem == "regression":
            return "none"
        if problem == "multi_label_classification" or self.config.num_labels == 1:
            return "sigmoid"
        return "softmax"

    def _stream_logits(
        self, texts: Iterable[TextOrPair], long_text: LongText
    ) -> Iterator[tuple[list[list[Encoding]], np.ndarray]]:
        """Chunks of the stream: each text's encodings, and its logits [B, labels]."""
        start = 0
        for chunk in in_chunks(several(texts), characters, self._chunk_characters):
            read = self._encode(chunk, long_text, start)
            start += len(chunk)
            flat = [encoding for encodings in read for encoding in encodings]
            rows = iter(self._run(flat, [FIRST] * len(flat)))
            yield read, np.stack([weighted_mean([next(rows)[0] for _ in own], own) for own in read])

    def _labels(
        self,
        logits: np.ndarray,
        encodings: list[Encoding],
        top_k: int | None,
        threshold: float | None,
        function: Function,
    ) -> Labels:
        scores = softmax(logits) if function == "softmax" else logistic(logits) if function == "sigmoid" else logits
        tokens = sum(map(len, encodings))
        truncated = any(encoding.truncated for encoding in encodings)

        def label(index: int) -> Classification:
            return Classification(self.config.labels[index], float(scores[index]), tokens, truncated)

        if top_k == 1 and threshold is None:
            return label(int(scores.argmax()))
        order = [int(index) for index in np.argsort(-scores, kind="stable")]
        if threshold is not None:
            order = [index for index in order if float(scores[index]) >= threshold]
            top_k = None if top_k == 1 else top_k
        return [label(index) for index in order[:top_k]]
