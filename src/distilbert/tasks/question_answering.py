"""Extractive question answering: the span of a context that answers a question."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypedDict, Unpack

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..encoding import Encoding, Window
from ..errors import InputError, counted, short_repr
from ..fields import setting, setting_of
from ..folder.checkpoint import Head
from ..results import Answer
from .inputs import listed, several
from .long_text import CutTexts, LongText, no_room
from .numbers import largest
from .options import TaskOptions
from .spans import with_marks
from .task import Task

Answers = Answer | list[Answer]
Read = tuple[str, Encoding, list[Window], list[np.ndarray]]  # a context, its windows, and their logits [T, 2]


@dataclass(frozen=True, kw_only=True)
class AnswerOptions(TaskOptions):
    """Options of question answering."""

    top_k: int = setting(1, least=1, help="how many answers, best first")
    max_answer_len: int = setting(15, least=1, help="the longest answer in tokens")
    doc_stride: int = setting(128, least=0, help="tokens that neighbouring windows of a context share")
    max_seq_len: int = setting(384, least=1, help="tokens of a window, the question included")
    max_question_len: int = setting(64, least=1, help="the longest question in tokens")
    no_answer: bool = setting(False, help="allow the answer that there is none")
    align_to_words: bool = setting(True, help="widen answers to whole words")
    long_text: LongText = setting_of(TaskOptions, "long_text", "window")


class _WindowKeywords(TypedDict, total=False):
    """Options of the logits, for type checkers."""

    doc_stride: int
    max_seq_len: int
    max_question_len: int
    long_text: LongText


class _Keywords(_WindowKeywords, total=False):
    """All options, for type checkers."""

    top_k: int
    max_answer_len: int
    no_answer: bool
    align_to_words: bool


class QuestionAnswerer(Task):
    """Finds answers in contexts. Made by `distilbert.load` from a DistilBertForQuestionAnswering.

    A span's score is the probability of its first token as a start times that of its last as an end. As
    in the pipeline of Transformers 4, both are softmaxes over the context and the place that stands for
    no answer. Unlike there, a long context has one softmax, not one a window, so that scores can be
    compared wherever they come from: a token or span that two windows read counts once, with its highest
    logit, and no answer counts with its lowest, as in the reference code of BERT for SQuAD 2.0 (the
    windows without the answer say that there is none; one that has it is enough). Spans are told apart
    by their place, where Transformers adds up the scores of all that read alike.
    """

    task = "question-answering"
    head = Head.QUESTION_ANSWERING
    all_rows = True
    options = AnswerOptions

    def __call__(
        self,
        question: str | Iterable[str],
        context: str | Iterable[str],
        *,
        top_k: int = AnswerOptions.top_k,
        max_answer_len: int = AnswerOptions.max_answer_len,
        doc_stride: int = AnswerOptions.doc_stride,
        max_seq_len: int = AnswerOptions.max_seq_len,
        max_question_len: int = AnswerOptions.max_question_len,
        no_answer: bool = AnswerOptions.no_answer,
        align_to_words: bool = AnswerOptions.align_to_words,
        long_text: LongText = AnswerOptions.long_text,
    ) -> Answers | list[Answers]:
        """The answer to a question from a context; a list of them, in order, where either is a list.

        Args:
            question, context: one of each; one question and many contexts; many questions and one
                context; or as many of each, which are paired.
            top_k: how many answers, best first; fewer where the context has fewer spans. For more than 1
                each pair gives a list.
            max_answer_len: the longest answer in tokens.
            doc_stride: how many tokens neighbouring windows of a long context share, at most half of what
                the question leaves for the context. Answers no longer than this are whole in a window.
            max_seq_len: tokens of a window: the question, what follows of the context, special tokens.
                At most what the model reads.
            max_question_len: the longest question in tokens.
            no_answer: whether "there is none" is an answer: `Answer("", 0, 0, score)`.
            align_to_words: widen an answer to whole words, with the score of its best span of tokens.
                Words are BERT's, where each punctuation mark and each Chinese character is one.
            long_text: what to do with a context longer than a window: "window" (read it all), "truncate"
                (the first window, with a LongTextWarning) or "error".

        Raises:
            InputError: for a question that is empty or too long, an empty context, anything else than
                texts, lists of different lengths, and options outside their range.
        """
        options = AnswerOptions(
            top_k=top_k,
            max_answer_len=max_answer_len,
            doc_stride=doc_stride,
            max_seq_len=max_seq_len,
            max_question_len=max_question_len,
            no_answer=no_answer,
            align_to_words=align_to_words,
            long_text=long_text,
        )
        answers = list(self._results(_paired(question, context), options))
        return answers[0] if isinstance(question, str) and isinstance(context, str) else answers

    def stream(self, pairs: Iterable[tuple[str, str]], **options: Unpack[_Keywords]) -> Iterator[Answers]:
        """The same for a stream of `(question, context)` of any length, in bounded memory and in order."""
        return self._results(several(pairs, "pairs"), AnswerOptions(**options))

    def logits(
        self, question: str | Iterable[str], context: str | Iterable[str], **options: Unpack[_WindowKeywords]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """The head's raw output, start and end float32 [T_i] a pair, special tokens and question included.

        A list of one for one pair. A context in windows gives theirs one after the other.
        """
        read = self._read(_paired(question, context), AnswerOptions(**options))
        logits = (np.concatenate(rows) for _, _, _, rows in read)
        return [(row[:, 0], row[:, 1]) for row in logits]

    def _results(self, pairs: Iterable[tuple[str, str]], options: AnswerOptions) -> Iterator[Answers]:
        for read in self._read(pairs, options):
            answers = _answers(read, options)
            yield answers[0] if options.top_k == 1 else answers

    def _read(self, pairs: Iterable[tuple[str, str]], options: AnswerOptions) -> Iterator[Read]:
        cut_contexts = CutTexts("one window", "context")
        for start, chunk in self._chunks(_checked(pairs)):
            questions, contexts = ([pair[side] for pair in chunk] for side in (0, 1))
            encodings = self.tokenizer.encode_batch(contexts)
            windows = [
                self._cover(start + index, chunk[index], question, encodings[index], options)
                for index, question in enumerate(self.tokenizer.encode_batch(questions))
            ]
            if options.long_text == "truncate":
                cut_contexts.count([len(of_context) > 1 for of_context in windows])
                windows = [of_context[:1] for of_context in windows]
            outputs = self._run([[window.encoding for window in of_context] for of_context in windows])
            yield from zip(contexts, encodings, windows, outputs, strict=True)
        cut_contexts.warn()

    def _cover(
        self, number: int, pair: tuple[str, str], question: Encoding, context: Encoding, options: AnswerOptions
    ) -> list[Window]:
        """The windows over one context. Raises InputError for a pair that cannot be read."""
        asked, given = (len(encoding) - self.tokenizer.special_count for encoding in (question, context))
        limit = min(options.max_seq_len, self.model.max_length)
        room = limit - self.tokenizer.pair_special_count - asked
        if not asked:
            raise InputError(f"question {number} is empty")
        if not given:
            raise InputError(f"context {number} is empty; there is nothing to answer from")
        if asked > options.max_question_len:
            raise InputError(
                f"question {number} has {asked} tokens, more than max_question_len={options.max_question_len}; "
                "shorten it, or raise that"
            )
        if room < 1:
            raise InputError(
                f"question {number} has {asked} tokens, which leaves none of {limit} for the context; shorten it"
            )
        if given > room and options.long_text == "error":
            raise no_room(f"context {number}", given, room)
        return self.tokenizer.pair_windows(*pair, limit, min(options.doc_stride, room // 2))


def _answers(read: Read, options: AnswerOptions) -> list[Answer]:
    """The best answers, at most `top_k`."""
    context, encoding, windows, rows = read
    inside = encoding.sequence_ids == 0
    token_starts, ends = encoding.offsets[inside].T
    starts, words = token_starts, encoding.word_ids[inside]
    spans, none = _log_scores(windows, rows, len(words), min(options.max_answer_len, len(words)))
    if options.align_to_words:
        starts, ends = starts[np.searchsorted(words, words)], ends[np.searchsorted(words, words, "right") - 1]
    answers = []
    for (start, end), score in _best(spans, starts, ends, options.top_k).items():
        after = int(np.searchsorted(token_starts, end))
        end = with_marks(context, end, int(token_starts[after]) if after < len(words) else len(context))
        answers.append(Answer(context[start:end], start, end, math.exp(score)))
    if options.no_answer:
        answers.append(Answer("", 0, 0, math.exp(none)))
        answers.sort(key=lambda answer: -answer.score)
    return answers[: options.top_k] or [Answer("", 0, 0, math.nan)]  # damaged weights give no numbers, and no span


def _log_scores(windows: list[Window], rows: list[np.ndarray], length: int, longest: int) -> tuple[np.ndarray, float]:
    """Logarithms of the scores of spans, [T, longest], from token t to t + s of a context of T; and of no answer.

    -inf stands where there is no span. See QuestionAnswerer for what several windows come to.
    """
    starts, ends = np.full((2, length), -np.inf)
    spans = np.full((length, longest), -np.inf)
    none = np.array([np.inf, np.inf])
    for window, logits in zip(windows, rows, strict=True):
        here = slice(window.start, window.stop)
        start, end = logits[window.encoding.sequence_ids == 1].T.astype(np.float64)
        following = sliding_window_view(np.append(end, np.full(longest - 1, -np.inf)), longest)
        starts[here] = np.maximum(starts[here], start)
        ends[here] = np.maximum(ends[here], end)
        spans[here] = np.maximum(spans[here], start[:, None] + following)
        none = min(none, logits[0].astype(np.float64), key=np.sum)
    norm = np.logaddexp.reduce(np.append(starts, none[0])) + np.logaddexp.reduce(np.append(ends, none[1]))
    return spans - norm, float(none.sum() - norm)


def _best(spans: np.ndarray, starts: np.ndarray, ends: np.ndarray, count: int) -> dict[tuple[int, int], float]:
    """The best `count` places (start, end) in characters -> score, best first. `starts`, `ends` are those of tokens.

    Several spans of tokens may have one place: their words.
    """
    scores = spans.ravel()
    taken = count
    while True:
        chosen = largest(scores, taken)
        chosen = chosen[scores[chosen] > -np.inf]
        found: dict[tuple[int, int], float] = {}
        for index in chosen.tolist():
            token, more = divmod(index, spans.shape[1])
            found.setdefault((int(starts[token]), int(ends[token + more])), float(scores[index]))
        if len(found) >= count or len(chosen) < taken:
            return dict(islice(found.items(), count))
        taken *= 4


def _paired(question: str | Iterable[str], context: str | Iterable[str]) -> Iterable[tuple[str, str]]:
    """The pairs to read: one for one, one for many, many for one, or as many of each."""
    questions, contexts = list(listed(question)), list(listed(context))
    if isinstance(question, str):
        questions *= len(contexts)
    elif isinstance(context, str):
        contexts *= len(questions)
    if len(questions) != len(contexts):
        raise InputError(
            f"{counted(len(questions), 'question')} and {counted(len(contexts), 'context')} cannot be paired: "
            "give as many of each, or one of either"
        )
    return zip(questions, contexts, strict=True)


def _checked(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The pairs, each of the right type. Raises InputError naming the first that is not."""
    for index, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise InputError(f"pair {index} must be a question and a context, two strings, not {short_repr(pair)}")
        yield pair[0], pair[1]
