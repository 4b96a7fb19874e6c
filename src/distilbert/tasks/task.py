"""What all tasks share: an opened model, the policy for long texts, and the way from texts to output rows."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import numpy as np

from ..batch import run_batched
from ..config import DistilBertConfig
from ..engine.seam import Engine
from ..errors import InputError
from ..folder.checkpoint import Head
from ..tokenizer import BertTokenizer, Encoding
from .origin import Origin, reopen

LongText = Literal["truncate", "window", "error"]
TextOrPair = str | tuple[str, str]
Item = TypeVar("Item")

FIRST = np.zeros(1, np.int64)  # the row of [CLS]
_CHUNK_BATCHES = 16  # a stream is read this many batches ahead, so that texts of like length meet


@dataclass(frozen=True, eq=False)
class Model:
    """An opened model: all that a task needs.

    Attributes:
        folder: where it was loaded from.
        max_length: the longest text in tokens, special tokens included.
        max_batch_tokens: the token budget of a batch.
        origin: how it was opened; None for a model that is in memory alone.
    """

    folder: Path
    config: DistilBertConfig
    tokenizer: BertTokenizer
    engine: Engine
    max_length: int
    max_batch_tokens: int
    origin: Origin | None = None


class Task:
    """Base of the tasks. A subclass says which head it runs and which rows of a text that head reads."""

    task: ClassVar[str]
    head: ClassVar[Head]
    all_rows: ClassVar[bool] = False

    def __init__(self, model: Model) -> None:
        self.model = model
        self.config = model.config
        self.tokenizer = model.tokenizer

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.model.folder)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """For pickle and copy: the model is opened again where it is needed, from its folder and with its options."""
        if self.model.origin is None:
            raise InputError(f"{self!r} runs a model in memory: save it and `load` it to copy it or send it elsewhere")
        return reopen, (self.model.origin,)

    @property
    def _chunk_tokens(self) -> int:
        """How many tokens a stream holds at once."""
        return _CHUNK_BATCHES * self.model.max_batch_tokens

    @property
    def _chunk_characters(self) -> int:
        """How much text a stream holds at once, at four letters a token."""
        return 4 * self._chunk_tokens

    def _run(self, encodings: Sequence[Encoding], rows: Sequence[np.ndarray] | None = None) -> list[np.ndarray]:
        """Each text's output rows [K_i, …]. `rows` are those that the head reads, all by default."""
        return run_batched(
            self.model.engine.run, [encoding.ids for encoding in encodings], rows, self.model.max_batch_tokens
        )

    def _encode(self, texts: Sequence[TextOrPair], long_text: LongText, start: int) -> list[list[Encoding]]:
        """The encodings of each text: one, or its windows where it is too long and windows are asked for.

        `start` is the first text's number in the caller's input, for messages.
        """
        limit = self.model.max_length
        pairs = [isinstance(text, tuple) for text in texts]
        for index, text in enumerate(texts):
            if not (
                isinstance(text, str) or (pairs[index] and len(text) == 2 and all(isinstance(t, str) for t in text))
            ):
                raise InputError(f"text {start + index} must be a string or a pair of strings, not {_kind(text)}")
        encodings: list[list[Encoding]] = [[]] * len(texts)
        for is_pair in (False, True):
            chosen = [index for index, pair in enumerate(pairs) if pair is is_pair]
            if not chosen:
                continue
            first = [texts[i][0] if is_pair else texts[i] for i in chosen]
            second = [texts[i][1] for i in chosen] if is_pair else None
            for index, encoding in zip(
                chosen, self.tokenizer.encode_batch(first, second, max_length=limit), strict=True
            ):
                encodings[index] = [encoding]
        for index, (encoding,) in enumerate(encodings):
            if encoding.truncated and long_text != "truncate":
                if long_text == "error":
                    raise InputError(
                        f"text {start + index} is longer than the {limit} tokens that the model reads; "
                        'shorten it, or choose long_text="truncate" or "window"'
                    )
                encodings[index] = self._windows(texts[index])
        return encodings

    def _windows(self, text: TextOrPair) -> list[Encoding]:
        limit = self.model.max_length
        if isinstance(text, tuple):
            windows = self.tokenizer.pair_windows(text[0], text[1], limit, stride=0)
        else:
            windows = self.tokenizer.windows(text, limit, stride=0)
        return [window.encoding for window in windows]


def check_long_text(value: str) -> None:
    if value not in ("truncate", "window", "error"):
        raise InputError(f'long_text must be "truncate", "window" or "error", not {value!r}')


def characters(text: object) -> int:
    """Length of a text or pair, for cutting streams; anything else is found out later."""
    if isinstance(text, tuple):
        return 1 + sum(map(characters, text))
    return 1 + len(text) if isinstance(text, str) else 1


def is_one(texts: object) -> bool:
    """Whether a caller gave one text or pair, not a list of them. Raises InputError for what is neither."""
    if isinstance(texts, str | tuple):
        return True
    if isinstance(texts, bytes | Mapping) or not isinstance(texts, Iterable):
        raise InputError(f"give a string, a pair of strings or a list of them, not {_kind(texts)}")
    return False


def listed(texts: str | Iterable[str]) -> Iterable[str]:
    """One string as a list of one. Raises InputError for what is neither a string nor a list."""
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, bytes | Mapping) or not isinstance(texts, Iterable):
        raise InputError(f"give a string or a list of them, not {_kind(texts)}")
    return texts


def several(texts: Iterable[Item]) -> Iterable[Item]:
    """What a stream is given. Raises InputError for one string, which would be read letter by letter."""
    if isinstance(texts, str | bytes | Mapping) or not isinstance(texts, Iterable):
        raise InputError(f"give a list or another iterable of texts, not {_kind(texts)}")
    return texts


def check_strings(texts: Sequence[object], start: int) -> None:
    """Raises InputError for what is no string; `start` is the first one's number in the caller's input."""
    for index, text in enumerate(texts, start):
        if not isinstance(text, str):
            raise InputError(f"text {index} must be a string, not {_kind(text)}")


def check_count(name: str, value: int | None) -> None:
    if value is not None and (type(value) is not int or value < 1):
        raise InputError(f"{name} must be a whole number of at least 1, or None for all, not {value!r}")


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(x) / sum(exp(x)) over the last axis."""
    exp = np.exp(logits - logits.max(-1, keepdims=True))
    return exp / exp.sum(-1, keepdims=True)


def logistic(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow and as exact for small scores as for large ones."""
    return np.exp(-np.logaddexp(0, -logits))


def with_marks(text: str, end: int, most: int) -> int:
    """`end` moved behind the combining marks there, up to `most`: tokenizers that strip them leave them out."""
    while end < most and unicodedata.category(text[end]) == "Mn":
        end += 1
    return end


def weighted_mean(rows: Sequence[np.ndarray], encodings: Sequence[Encoding]) -> np.ndarray:
    """The mean of the windows' rows [D], by their numbers of tokens; a text that is one window stays as it is."""
    if len(rows) == 1:
        return rows[0]
    mean: np.ndarray = np.average(rows, axis=0, weights=[len(encoding) for encoding in encodings])
    return mean.astype(np.float32)


def _kind(value: object) -> str:
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, tuple) else type(value).__name__
