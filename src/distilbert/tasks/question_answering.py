"""Extractive question answering: the span of a context that answers a question."""

from collections.abc import Iterable, Iterator

import numpy as np

from ..batch import in_chunks
from ..checkpoint import Head
from ..results import Answer
from .task import LongText, Task, characters, check_long_text, softmax

__all__ = ["QuestionAnswerer"]


class QuestionAnswerer(Task):
    """Finds answers in contexts. Made by `distilbert.load` from a DistilBertForQuestionAnswering."""

    task = "question-answering"
    head = Head.QUESTION_ANSWERING
    all_rows = True

    def __call__(
        self,
        question: str | Iterable[str],
        context: str | Iterable[str],
        *,
        top_k: int = 1,
        max_answer_len: int = 15,
        doc_stride: int = 128,
        max_seq_len: int = 384,
        max_question_len: int = 64,
        no_answer: bool = False,
        align_to_words: bool = True,
        long_text: LongText = "window",
    ) -> Answer | list[Answer] | list[Answer | list[Answer]]:
        """Answer one question from one context; where either is a list, each pair."""
        pairs: list[tuple[str, str]]
        one = isinstance(question, str) and isinstance(context, str)
        if isinstance(question, str):
            pairs = [(question, text) for text in ([context] if isinstance(context, str) else context)]
        elif isinstance(context, str):
            pairs = [(asked, context) for asked in question]
        else:
            pairs = list(zip(question, context, strict=True))
        results = list(
            self.stream(
                pairs,
                top_k=top_k,
                max_answer_len=max_answer_len,
                doc_stride=doc_stride,
                max_seq_len=max_seq_len,
                max_question_len=max_question_len,
                no_answer=no_answer,
                align_to_words=align_to_words,
                long_text=long_text,
            )
        )
        return results[0] if one else results

    def stream(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        top_k: int = 1,
        max_answer_len: int = 15,
        doc_stride: int = 128,
        max_seq_len: int = 384,
        max_question_len: int = 64,
        no_answer: bool = False,
        align_to_words: bool = True,
        long_text: LongText = "window",
    ) -> Iterator[Answer | list[Answer]]:
        """The same for a stream of `(question, context)`, in bounded memory and in order."""
        check_long_text(long_text)
        start_number = 0
        for chunk in in_chunks(pairs, characters, self._chunk_characters):
            read = self._encode(chunk, "error", start_number)
            start_number += len(chunk)
            for (_, context), (encoding,), logits in zip(chunk, read, self._run([e for (e,) in read]), strict=True):
                inside = np.flatnonzero(encoding.sequence_ids == 1)
                starts, ends = softmax(np.where(encoding.sequence_ids == 1, logits.T, -1e9))
                products = np.triu(np.outer(starts, ends))
                first, last = np.unravel_index(int(products.argmax()), products.shape)
                begin, end = int(encoding.offsets[first, 0]), int(encoding.offsets[last, 1])
                best = Answer(context[begin:end], begin, end, float(products[first, last])) if len(inside) else None
                answer = best or Answer("", 0, 0, 0.0)
                yield answer if top_k == 1 else [answer]

    def logits(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """The head's raw output: start and end float32 [T_i] a pair."""
        read = self._encode(list(pairs), "error", 0)
        return [(row[:, 0], row[:, 1]) for row in self._run([own for (own,) in read])]
