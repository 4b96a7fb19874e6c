"""Text -> Encoding: ids, offsets and word ids, single texts and pairs, cut to a length or into windows.

The work is done by the `tokenizers` library; this file adds the special tokens itself, so that cutting and windowing
are array slices. How a folder's files are read is in `folder/tokenizer_files.py`.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import tokenizers
from tokenizers import normalizers

from .encoding import NO_TOKENS, Encoding, Piece, Tokens, Window, find_margin, kept_piece, read_template, window_spans
from .errors import InputError, TokenizerError, TokenizerWarning, counted, naming, short_repr
from .files import written_whole
from .folder.added_tokens import BERT_TOKENS, library_errors
from .folder.tokenizer_files import bert_tokenizer, read_tokenizer_files
from .hint_attributes import TOKENIZER_ATTRIBUTES
from .hints import Hinted

Cut = Literal["longest", "first"]

_MOST_CHARS_A_TOKEN = 16  # of ordinary text; a text with more is read on


class BertTokenizer(Hinted):
    """WordPiece tokenizer of BERT and DistilBERT.

    Make one with `from_file` (a vocab.txt) or `from_folder` (a model folder).

    Attributes:
        unk_token_id, pad_token_id, cls_token_id, sep_token_id, mask_token_id: None where there is none.
        max_length: what the folder says is the longest text in tokens, or None.
        cut_left: whether a text that is too long loses its first tokens (`truncation_side` of the folder).
        embedded: how many ids the model has embeddings for, None if that is not known; a text that uses a larger id
            is refused.
    """

    elsewhere = TOKENIZER_ATTRIBUTES

    def __init__(
        self, backend: tokenizers.Tokenizer, *, special_tokens: Mapping[str, str | None] = BERT_TOKENS
    ) -> None:
        backend.no_truncation()
        backend.no_padding()
        self.backend = backend
        self.max_length: int | None = None
        self.cut_left = False
        self.embedded: int | None = None
        self.mask_token = special_tokens["mask"] or BERT_TOKENS["mask"]
        ids = {role: backend.token_to_id(token) if token else None for role, token in special_tokens.items()}
        self.pad_token_id, self.unk_token_id = ids["pad"], ids["unk"]
        self.cls_token_id, self.sep_token_id, self.mask_token_id = ids["cls"], ids["sep"], ids["mask"]
        self.special_ids = frozenset(index for index in ids.values() if index is not None)
        self._check_unknown()
        self._template = read_template(self.backend)
        self._margin = find_margin(backend)

    @classmethod
    def from_file(
        cls,
        vocab: str | Path,
        lower_case: bool = True,
        strip_accents: bool | None = None,
        *,
        chinese_chars: bool = True,
    ) -> Self:
        """From a vocab.txt: one piece a line, its line number is its id.

        `strip_accents=None` strips them when lower-casing, as BERT does. Raises TokenizerError naming
        the file if it cannot be read or lacks [UNK], [CLS] or [SEP].
        """
        normalizer = normalizers.BertNormalizer(
            lowercase=lower_case, strip_accents=strip_accents, handle_chinese_chars=chinese_chars
        )
        return cls(bert_tokenizer(Path(vocab), normalizer))

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """From a model folder: tokenizer.json, else vocab.txt, and all that the files beside them say.

        What each key does is listed in docs/model_folders.md. Raises TokenizerError naming the file; warns
        (TokenizerWarning) of a tokenizer that puts no [CLS] before a text.
        """
        files = read_tokenizer_files(Path(folder))
        with naming(files.path):
            tokenizer = cls(files.backend, special_tokens=files.special_tokens)
        tokenizer.max_length = files.max_length
        tokenizer.cut_left = files.cut_left
        if not len(tokenizer._template.single[0]):
            warnings.warn(
                f"{files.path}: puts no [CLS] before a text, which the heads of DistilBERT read; if the model was "
                'trained with one, put "tokenizer_class": "DistilBertTokenizer" into tokenizer_config.json',
                TokenizerWarning,
                stacklevel=2,
            )
        return tokenizer

    def save(self, path: str | Path) -> None:
        """Write a tokenizer.json that says all that this tokenizer does, whatever files it was read from."""
        with written_whole(Path(path)) as temporary:
            temporary.write_text(self.backend.to_str(pretty=True) + "\n", encoding="utf-8")

    def keep_whole(self, piece: str) -> None:
        """From now on read a piece of the vocabulary, or else its first word, as one token wherever it stands."""
        for each in (piece, *piece.split()[:1]):
            if piece.split() and self.token_id(each) is not None:
                self.backend.add_special_tokens([tokenizers.AddedToken(each, normalized=False, special=True)])
                return

    def lower_case_first(self) -> None:
        """From now on lower-case texts before all else, as `do_lower_case` of a sentence-transformers folder asks."""
        then = self.backend.normalizer
        first = normalizers.Lowercase()
        self.backend.normalizer = normalizers.Sequence([first, then]) if then else first

    @property
    def vocab_size(self) -> int:
        return int(self.backend.get_vocab_size(with_added_tokens=True))

    @property
    def last_id(self) -> int:
        """The largest id of a piece; -1 where there are no pieces. Vocabularies may leave ids out."""
        return max(self.backend.get_vocab(with_added_tokens=True).values(), default=-1)

    def token(self, index: int) -> str:
        """The piece with this id. Raises InputError for an id outside the vocabulary."""
        piece = self.backend.id_to_token(index) if 0 <= index < 2**32 else None
        if piece is None:
            raise InputError(f"token id {index} is not in the vocabulary of {self.vocab_size}")
        return piece

    def token_id(self, piece: str) -> int | None:
        """The id of a piece, None if the vocabulary has no such piece."""
        return self.backend.token_to_id(_utf8(piece))

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = True) -> str:
        """The text of token ids, pieces joined. Raises InputError for what cannot be an id."""
        ids = [int(index) for index in ids]
        if ids and not 0 <= min(ids) <= max(ids) < 2**32:
            raise InputError(f"token ids are whole numbers from 0 on, not {short_repr(ids)}")
        with library_errors("the tokenizer cannot decode these ids"):
            # a batch, for which the library lets other threads run
            return self.backend.decode_batch([ids], skip_special_tokens=skip_special_tokens)[0]

    @property
    def special_count(self) -> int:
        """How many special tokens stand around a single text."""
        return sum(map(len, self._template.single))

    @property
    def opening_count(self) -> int:
        """How many special tokens stand before a single text."""
        return len(self._template.single[0])

    @property
    def closing_count(self) -> int:
        """How many special tokens stand behind a single text."""
        return len(self._template.single[1])

    def body(self, ids: np.ndarray) -> np.ndarray:
        """The ids of a single text [T] without the special tokens around it."""
        return ids[self.opening_count : len(ids) - self.closing_count]

    @property
    def pair_special_count(self) -> int:
        """How many special tokens stand around and between the texts of a pair."""
        return sum(map(len, self._template.pair))

    def encode(
        self, text: str, pair: str | None = None, *, max_length: int | None = None, is_split: bool = False
    ) -> Encoding:
        """One text or a pair, cut to `max_length` tokens if given; the longer of a pair loses first."""
        pairs = None if pair is None else [pair]
        return self.encode_batch([text], pairs, max_length=max_length, is_split=is_split)[0]

    def encode_batch(
        self,
        texts: Sequence[str] | Sequence[Sequence[str]],
        pairs: Sequence[str] | None = None,
        *,
        max_length: int | None = None,
        cut: Cut = "longest",
        is_split: bool = False,
    ) -> list[Encoding]:
        """Many texts; `pairs[i]`, where given, is read after `texts[i]`. With `is_split` a text is a list of words.

        `cut` says which of a pair loses tokens where both are too long: the longer, or the first alone.
        Raises InputError where the first would have to lose them all, and for what is not text.
        """
        special = self.special_count if pairs is None else self.pair_special_count
        if max_length is not None and max_length < special:
            raise InputError(f"max_length={max_length} has no room for the {special} special tokens")
        room = None if max_length is None else max_length - special
        first = self._tokenize(texts, is_split, room)
        if pairs is None:
            return [self._single(tokens, 0, len(tokens), max_length) for tokens in first]
        if len(pairs) != len(texts):
            raise InputError(
                f"{counted(len(texts), 'text')} and {counted(len(pairs), 'pair')} to them cannot be paired"
            )
        second = self._tokenize(pairs, False, room)
        if room is not None and room % 2 and cut == "longest":
            for index, (a, b) in enumerate(zip(first, second, strict=True)):
                first[index], second[index] = self._compared(a, b, texts[index], pairs[index], is_split)
        return [self._pair(a, b, max_length, cut) for a, b in zip(first, second, strict=True)]

    def windows(
        self, text: str | Sequence[str], max_length: int, stride: int, *, is_split: bool = False
    ) -> list[Window]:
        """The text in windows of at most `max_length` tokens, neighbours sharing `stride`; a short text is one."""
        tokens = self._tokenize([text], is_split)[0]
        spans = window_spans(len(tokens), max_length - self.special_count, stride)
        return [Window(self._single(tokens, start, stop, None), start, stop) for start, stop in spans]

    def pair_windows(
        self, text: str, pair: str, max_length: int, stride: int, *, over: Literal["second", "first"] = "second"
    ) -> list[Window]:
        """A pair in windows over one of its texts, the other whole in each, as question answering reads."""
        first, second = self._tokenize([text, pair], False)
        whole, long = (first, second) if over == "second" else (second, first)
        room = max_length - self.pair_special_count - len(whole)
        if room <= stride:
            raise InputError(
                f"the {'first' if over == 'second' else 'second'} text has {len(whole)} tokens, which leaves {room} of "
                f"{max_length} for the {over}: shorten it, or lower the stride of {stride}"
            )
        windows = []
        for start, stop in window_spans(len(long), room, stride):
            part = (long, start, stop)
            a, b = ((first, 0, len(first)), part) if over == "second" else (part, (second, 0, len(second)))
            windows.append(Window(self._join((Piece(*a, 0), Piece(*b, 1)), False), start, stop))
        return windows

    def _tokenize(self, texts: Sequence[Any], is_split: bool, room: int | None = None) -> list[Tokens]:
        """The tokens of each text; with `room`, of a long text no more than are sure to fill it."""
        if isinstance(texts, str):
            raise InputError("give a list of texts, or one text to `encode`")
        for index, text in enumerate(texts):
            is_words = isinstance(text, list | tuple) and all(isinstance(word, str) for word in text)
            if not (is_words if is_split else isinstance(text, str)):
                wanted = "a list of words" if is_split else "a string"
                raise InputError(f"text {index} must be {wanted}, not {short_repr(text)}")
        if room is None or self._margin is None or self.cut_left:
            return [Tokens(raw) for raw in self._read(texts, is_split)]
        return self._read_starts(texts, is_split, room, self._margin)

    def _read(self, texts: Sequence[Any], is_split: bool) -> list[tokenizers.Encoding]:
        clean = [[_utf8(word) for word in text] if is_split else _utf8(text) for text in texts]
        with library_errors("the tokenizer cannot read this text"):
            return self.backend.encode_batch(clean, is_pretokenized=is_split, add_special_tokens=False)

    def _read_starts(self, texts: Sequence[Any], is_split: bool, room: int, margin: int) -> list[Tokens]:
        """More than `room` tokens of each text that has them, without reading all of a long one.

        The start of a text has the tokens of the whole but for its last `margin` (see `find_margin`).
        """
        found: list[Tokens] = [NO_TOKENS] * len(texts)
        waiting = list(range(len(texts)))
        size = _MOST_CHARS_A_TOKEN * (room + 1 + margin)
        while waiting:
            read = self._read([texts[index][:size] for index in waiting], is_split)
            for index, raw in zip(waiting, read, strict=True):
                found[index] = Tokens(raw, None if len(texts[index]) <= size else max(0, len(raw) - margin))
            waiting = [index for index in waiting if found[index].goes_on and len(found[index]) <= room]
            size *= 4
        return found

    def _compared(self, first: Tokens, second: Tokens, text: Any, pair: str, is_split: bool) -> tuple[Tokens, Tokens]:
        """The texts of a pair, read on until it is known which is the longer: that one gets the odd token."""
        while (first.goes_on and len(first) <= len(second)) or (second.goes_on and len(second) < len(first)):
            room = 2 * max(len(first), len(second))
            (first,), (second,) = self._tokenize([text], is_split, room), self._tokenize([pair], False, room)
        return first, second

    def _single(self, tokens: Tokens, start: int, stop: int, max_length: int | None) -> Encoding:
        room = stop - start if max_length is None else max_length - self.special_count
        kept = min(stop - start, room)
        return self._join((kept_piece(tokens, start, stop, kept, 0, self.cut_left),), kept < stop - start)

    def _pair(self, first: Tokens, second: Tokens, max_length: int | None, cut: Cut) -> Encoding:
        a, b = len(first), len(second)
        if max_length is not None and (over := a + b + self.pair_special_count - max_length) > 0:
            room = a + b - over
            if cut == "first":  # "only_first" of Transformers
                if room <= b:
                    count = f"more than {room}" if second.goes_on else b
                    raise InputError(
                        f"the second text has {count} tokens, which leaves none of {max_length} for the first: "
                        "shorten it"
                    )
                a = room - b
            else:  # "longest_first" of Transformers: the shorter keeps up to half of the room
                short = min(a, b, room // 2)
                a, b = (short, room - short) if a <= b else (room - short, short)
        truncated = a < len(first) or b < len(second)
        pieces = (
            kept_piece(first, 0, len(first), a, 0, self.cut_left),
            kept_piece(second, 0, len(second), b, 1, self.cut_left),
        )
        return self._join(pieces, truncated)

    def _join(self, pieces: tuple[Piece, ...], truncated: bool) -> Encoding:
        specials = self._template.single if len(pieces) == 1 else self._template.pair
        ids = [specials[0]]
        layout: list[Piece | int] = [len(specials[0])]
        for piece, after in zip(pieces, specials[1:], strict=True):
            ids += (piece.tokens.ids[piece.start : piece.stop], after)
            layout += (piece, len(after))
        if not any(map(len, ids)):  # a model cannot read nothing
            ids, layout = [self._empty], [1]
        whole = np.concatenate(ids)
        self.check_embedded(whole)
        return Encoding(whole, truncated, tuple(layout))

    def check_embedded(self, ids: np.ndarray) -> None:
        """Raises InputError, naming the token, for an id int64 [T] that the model has no embedding of."""
        if self.embedded is not None and len(ids) and ids.max() >= self.embedded:
            worst = int(ids[ids >= self.embedded][0])
            raise InputError(
                f"a text uses {short_repr(self.token(worst))}, token {worst}, but the model embeds only the first "
                f"{self.embedded}; is the tokenizer that of another model?"
            )

    def _check_unknown(self) -> None:
        """The library finds out only when it meets an unknown word."""
        unknown = getattr(self.backend.model, "unk_token", None)
        if unknown is not None and self.backend.model.token_to_id(unknown) is None:
            raise TokenizerError(f"the vocabulary lacks {short_repr(unknown)}, which unknown words are read as")

    @property
    def _empty(self) -> np.ndarray:
        """int64 [1]: what an empty text is read as where no special tokens stand around it."""
        ids = (index for index in (self.pad_token_id, self.unk_token_id, 0) if index is not None)
        return np.array([next(ids)], np.int64)


def _utf8(text: str) -> str:
    """`text` with unpaired surrogates, which no encoding has, replaced one for one: offsets stay true."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text
