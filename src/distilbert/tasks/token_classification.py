"""Token classification: named entities and other labels of words, in texts of any length."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, overload

import numpy as np

from ..batch import in_chunks
from ..checkpoint import Head
from ..results import Entity
from .task import LongText, Task, characters, check_long_text, is_one, softmax

__all__ = ["Aggregation", "TokenClassifier"]

Aggregation = Literal["none", "simple", "first", "average", "max"]


class TokenClassifier(Task):
    """Labels spans of texts. Made by `distilbert.load` from a DistilBertForTokenClassification."""

    task = "token-classification"
    head = Head.TOKEN_CLASSIFICATION
    all_rows = True

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self,
        texts: str,
        *,
        aggregation: Aggregation = ...,
        ignore_labels: Sequence[str] = ...,
        valid_sequences: bool = ...,
        long_text: LongText = ...,
    ) -> list[Entity]: ...
    @overload
    def __call__(
        self,
        texts: Iterable[str],
        *,
        aggregation: Aggregation = ...,
        ignore_labels: Sequence[str] = ...,
        valid_sequences: bool = ...,
        long_text: LongText = ...,
    ) -> list[list[Entity]]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        aggregation: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
        valid_sequences: bool = False,
        long_text: LongText = "window",
    ) -> list[Entity] | list[list[Entity]]:
        """The entities of one text, or of each of a list: list in, list out, in the same order."""
        one = is_one(texts)
        results = list(
            self.stream(
                [texts] if one else texts,  # type: ignore[list-item]
                aggregation=aggregation,
                ignore_labels=ignore_labels,
                valid_sequences=valid_sequences,
                long_text=long_text,
            )
        )
        return results[0] if one else results

    def stream(
        self,
        texts: Iterable[str],
        *,
        aggregation: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
        valid_sequences: bool = False,
        long_text: LongText = "window",
    ) -> Iterator[list[Entity]]:
        """The same for a stream of any length, in bounded memory and in order."""
        check_long_text(long_text)
        start = 0
        for chunk in in_chunks(texts, characters, self._chunk_characters):
            read = self._encode(chunk, "error", start)
            start += len(chunk)
            for text, (encoding,), logits in zip(chunk, read, self._run([own for (own,) in read]), strict=True):
                found: list[Entity] = []
                for (begin, end), row in zip(encoding.offsets.tolist(), softmax(logits), strict=True):
                    label = self.config.labels[int(row.argmax())]
                    if end and label not in ignore_labels:
                        found.append(Entity(label, text[begin:end], begin, end, float(row.max())))
                yield found

    def logits(self, texts: str | Iterable[str], *, long_text: LongText = "window") -> list[np.ndarray]:
        """The head's raw output, float32 [T_i, labels] a text."""
        one = is_one(texts)
        read = self._encode([texts] if one else list(texts), "error", 0)  # type: ignore[list-item]
        return self._run([own for (own,) in read])
