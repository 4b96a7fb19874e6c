"""One text, or a pair, as the model reads it: ids, offsets and word ids, made when they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tokenizers
from tokenizers import normalizers, pre_tokenizers
from tokenizers.models import WordPiece

from .errors import InputError, TokenizerError
from .folder.added_tokens import library_errors
from .hint_attributes import ENCODING_ATTRIBUTES
from .hints import Hinted

_AT_ONCE = 1 << 13  # tokens whose offsets become an array at once
_MOST_EXPANSION = 16  # characters that one becomes when it is decomposed and lower-cased: 4 times 3 at most


class Tokens:
    """The tokens of one text, no special ones around them. Arrays are made once, when they are asked for."""

    def __init__(self, raw: tokenizers.Encoding, stop: int | None = None) -> None:
        self._raw = raw
        self.goes_on = stop is not None  # the text has tokens behind these, which were not read
        self._length = len(raw) if stop is None else stop

    def __len__(self) -> int:
        return self._length

    @cached_property
    def ids(self) -> np.ndarray:
        return np.array(self._raw.ids, np.int64)

    @cached_property
    def offsets(self) -> np.ndarray:
        offsets = self._raw.offsets
        array = np.empty((len(offsets), 2), np.int64)
        for start in range(0, len(offsets), _AT_ONCE):  # NumPy holds Python's lock, for which other threads wait
            array[start : start + _AT_ONCE] = offsets[start : start + _AT_ONCE]
        return array

    @cached_property
    def word_ids(self) -> np.ndarray:
        return np.array([-1 if word is None else word for word in self._raw.word_ids], np.int64)


NO_TOKENS = Tokens(tokenizers.Encoding())


@dataclass(frozen=True, eq=False)
class Piece:
    """Tokens `start` to `stop` of one text; `sequence` is 0 for the text and 1 for its pair."""

    tokens: Tokens
    start: int
    stop: int
    sequence: int


@dataclass(frozen=True, eq=False)
class Encoding(Hinted):
    """One text, or a pair, as the model reads it. T is its number of tokens.

    Attributes:
        ids: int64 [T], special tokens included.
        truncated: whether tokens of the text were left out.
    """

    elsewhere = ENCODING_ATTRIBUTES

    ids: np.ndarray
    truncated: bool
    _layout: tuple[Piece | int, ...]  # pieces of text, and how many special tokens between them

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def offsets(self) -> np.ndarray:
        """int64 [T, 2]: start and end of each token in its own text, in characters; (0, 0) for special tokens."""
        none = np.zeros((1, 2), np.int64)
        return self._spread(none, lambda piece: piece.tokens.offsets[piece.start : piece.stop])

    @cached_property
    def word_ids(self) -> np.ndarray:
        """int64 [T]: the index of each token's word in its own text; -1 for special tokens."""
        none = np.array([-1], np.int64)
        return self._spread(none, lambda piece: piece.tokens.word_ids[piece.start : piece.stop])

    @cached_property
    def sequence_ids(self) -> np.ndarray:
        """int8 [T]: 0 for tokens of the text, 1 for those of its pair, -1 for special tokens."""
        none = np.array([-1], np.int8)
        return self._spread(none, lambda piece: np.full(piece.stop - piece.start, piece.sequence, np.int8))

    def _spread(self, special: np.ndarray, rows: Callable[[Piece], np.ndarray]) -> np.ndarray:
        """The rows of each piece, and `special` [1, …] for every special token around them."""
        return np.concatenate(
            [np.repeat(special, part, axis=0) if isinstance(part, int) else rows(part) for part in self._layout]
        )


@dataclass(frozen=True, eq=False)
class Window:
    """One of the windows over a long text: tokens `start` to `stop` of it (special tokens not counted)."""

    encoding: Encoding
    start: int
    stop: int


def window_spans(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Spans of at most `room` that cover 0..length, neighbours sharing `stride`; at least one, even if empty."""
    if not 0 <= stride < room:
        raise InputError(f"a stride of {stride} does not fit windows of {room} tokens: it must be smaller")
    spans = [(0, min(room, length))]
    while spans[-1][1] < length:
        start = spans[-1][0] + room - stride
        spans.append((start, min(start + room, length)))
    return spans


def kept_piece(tokens: Tokens, start: int, stop: int, count: int, sequence: int, cut_left: bool) -> Piece:
    """The first or the last `count` of tokens `start` to `stop`."""
    return Piece(tokens, *((stop - count, stop) if cut_left else (start, start + count)), sequence)


@dataclass(frozen=True)
class Template:
    """The special tokens' ids around and between texts, as the tokenizer's own post-processor puts them."""

    single: tuple[np.ndarray, ...]  # before the text, behind it
    pair: tuple[np.ndarray, ...]  # before the first, between the two, behind the second


def read_template(backend: tokenizers.Tokenizer) -> Template:
    """Read the template off the post-processor by encoding single letters with special tokens."""

    def parts(text: str, pair: str | None = None) -> tuple[np.ndarray, ...]:
        with library_errors("the tokenizer cannot read a letter"):
            encoding = backend.encode(text, pair)
        groups: list[list[int]] = [[]]
        last: int | None = None
        for index, sequence in zip(encoding.ids, encoding.sequence_ids, strict=True):
            if sequence is None:
                groups[-1].append(index)
            elif sequence != last:
                last = sequence
                groups.append([])
        if len(groups) != (2 if pair is None else 3):
            raise TokenizerError("the tokenizer drops the letter 'a', so its special tokens cannot be found")
        return tuple(np.array(group, np.int64) for group in groups)

    return Template(parts("a"), parts("a", "a"))


def find_margin(backend: tokenizers.Tokenizer) -> int | None:
    """How many of the last tokens may change when a text goes on; None where any might (another kind than BERT's).

    BERT's normalizer and pre-tokenizer look at one character, its WordPiece at one word of up to 100, the search
    for added tokens as far ahead as the longest is. A token stands for at least one normalized character.
    """
    if not (
        isinstance(backend.model, WordPiece)
        and isinstance(backend.normalizer, normalizers.BertNormalizer)
        and isinstance(backend.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
    ):
        return None
    longest = max((len(token.content) for token in backend.get_added_tokens_decoder().values()), default=0)
    return int(backend.model.max_input_chars_per_word) + _MOST_EXPANSION * (longest + 1)
