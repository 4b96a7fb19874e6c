"""What a request will come to, from its texts and options alone: looked at before anything is built."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..tasks.fill_mask import MaskFiller
from ..tasks.task import Task
from ..tokenizer import BertTokenizer

_SHORT = 4096  # characters that are not worth counting the tokens of: there are no more of these
_LETTERS = 8  # of ASCII, or half as many others, that take as much memory to cut up as one token
_PIECE = 1 << 15  # characters that are counted at once
NUMBER_BYTES = 20  # of a number in JSON, at most
LABEL_BYTES = 100  # of a label with its score
TOKEN_BYTES = 120  # of an answer of /tokenize for each token
_FILL = 150  # bytes of a filled mask, without its text
_STREAMED = 16  # batches that a task reads ahead


@dataclass(frozen=True)
class Cost:
    """Upper bounds.

    Attributes:
        given: tokens that the request's texts are cut into.
        run: tokens that a model reads, windows and pairs counted each, and rows that it scores the vocabulary for.
        held: bytes of arrays on the way.
        answer: bytes of the answer.
    """

    given: int
    run: int
    held: int = 0
    answer: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        held = max(self.held, other.held)  # one after the other
        return Cost(self.given + other.given, self.run + other.run, held, self.answer + other.answer)


def count_tokens(
    tokenizer: BertTokenizer, texts: Sequence[str], most: int, between: Callable[[], None] = lambda: None
) -> int:
    """The tokens of some texts, or their characters where these are few; not much more than `most` are counted.

    Long words, blanks and accents, which are few tokens or none, count for what they cost. `between` is called now
    and then, and may raise.
    """
    characters = sum(map(len, texts)) + 2 * len(texts)
    if characters <= min(_SHORT, most):
        return characters
    least = sum(len(text) // (_LETTERS if text.isascii() else _LETTERS // 2) for text in texts)
    if least > most:
        return least
    total = 0
    group: list[str] = []
    size = 0
    for text in texts:
        for start in range(0, max(len(text), 1), _PIECE):
            group.append(text[start : start + _PIECE])
            size += len(group[-1])
            if size >= _PIECE:
                between()
                total += sum(map(len, tokenizer.encode_batch(group)))
                group, size = [], 0
                if total > most:
                    return total
    return max(least, total + (sum(map(len, tokenizer.encode_batch(group))) if group else 0))


def texts_cost(task: Task, tokens: int, count: int, *, width: int = 0, answer: int = 0, overlap: int = 0) -> Cost:
    """Of `count` texts of `tokens` together that are read whole, cut, or in windows that share `overlap` tokens.

    `width` are the numbers that are kept for each token until a text is done.
    """
    limit = task.model.max_length
    step = max(1, limit - task.tokenizer.special_count - overlap)
    run = tokens if tokens <= limit else (tokens // step + count) * limit if overlap else tokens + 2 * (tokens // step)
    streamed = min(run, _STREAMED * task.model.max_batch_tokens)
    return Cost(tokens, run, 4 * width * streamed, answer)


def fills_cost(
    task: MaskFiller, texts: Sequence[str], tokens: int, *, top_k: int, targets: Sequence[str] | None, most: int
) -> Cost:
    """Of filling masks. A target of several pieces is read once for each of them, at each mask."""
    masks = [text.count(task.tokenizer.mask_token) for text in texts]
    several = 0
    if targets is not None:
        top_k = min(top_k, len(targets))
        if sum(map(len, targets)) * sum(masks) > most:  # worth cutting them up
            pieces = [len(each) - task.tokenizer.special_count for each in task.tokenizer.encode_batch(targets)]
            several = sum(count for count in pieces if count > 1)
        else:
            several = sum(map(len, targets))
    limit = task.model.max_length
    longest = max(map(len, texts)) + 2
    windows = sum(masks) * limit if longest > limit else 0
    scored = sum(masks) * (len(targets) if targets is not None else 1)
    run = tokens + windows + scored + sum(masks) * several * min(longest, limit)
    rows = min(sum(masks) * (1 + several), task.model.max_batch_tokens)
    answer = sum(count * top_k * (2 * len(text.encode(errors="replace")) + _FILL) for count, text in zip(masks, texts))
    return Cost(tokens + 4 * several, run, 8 * rows * task.config.vocab_size, answer)


def answers_cost(
    task: Task, question: int, context: int, *, longest: int, window: int, shared: int, top_k: int, context_bytes: int
) -> Cost:
    """Of a question of so many tokens about a context: it stands in every window, and spans are scored by length."""
    limit = min(window, task.model.max_length)
    room = max(1, limit - question - 3)
    step = max(1, room - min(shared, room // 2))
    run = question + context if context <= room else (context // step + 1) * limit
    spans = context * min(longest, max(context, 1))
    return Cost(question + context, run, 32 * spans, min(top_k, spans) * _FILL + 2 * context_bytes)
