"""Text -> Encoding: ids, offsets and word ids, single texts and pairs, cut to a length or into windows.

The work is done by the `tokenizers` library; this file reads every form in which BERT tokenizers are
published, and adds the special tokens itself so that cutting and windowing are array slices.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import tokenizers
from tokenizers import AddedToken, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from .errors import InputError, TokenizerError, error_text, short_repr
from .files import is_file, is_text, read_json, read_text

Cut = Literal["longest", "first"]

_SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_ADDED_OPTIONS = ("lstrip", "normalized", "rstrip", "single_word", "special")
# keys of tokenizer_config.json -> attributes of the normalizer
_NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


class _Tokens:
    """The tokens of one text, no special ones around them. Arrays are made once, when they are asked for."""

    def __init__(self, raw: tokenizers.Encoding) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return len(self._raw)

    @cached_property
    def ids(self) -> np.ndarray:
        return np.array(self._raw.ids, np.int64)

    @cached_property
    def offsets(self) -> np.ndarray:
        return np.array(self._raw.offsets, np.int64).reshape(-1, 2)

    @cached_property
    def word_ids(self) -> np.ndarray:
        return np.array([-1 if word is None else word for word in self._raw.word_ids], np.int64)


@dataclass(frozen=True, eq=False)
class _Piece:
    """Tokens `start` to `stop` of one text; `sequence` is 0 for the text and 1 for its pair."""

    tokens: _Tokens
    start: int
    stop: int
    sequence: int


@dataclass(frozen=True, eq=False)
class Encoding:
    """One text, or a pair, as the model reads it. T is its number of tokens.

    Attributes:
        ids: int64 [T], special tokens included.
        truncated: whether tokens of the text were left out.
    """

    ids: np.ndarray
    truncated: bool
    _layout: tuple[_Piece | int, ...]  # pieces of text, and how many special tokens between them

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

    def _spread(self, special: np.ndarray, rows: Callable[[_Piece], np.ndarray]) -> np.ndarray:
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


@dataclass(frozen=True)
class _Template:
    """The special tokens' ids around and between texts, as the tokenizer's own post-processor puts them."""

    single: tuple[np.ndarray, ...]  # before the text, behind it
    pair: tuple[np.ndarray, ...]  # before the first, between the two, behind the second


class BertTokenizer:
    """WordPiece tokenizer of BERT and DistilBERT.

    Make one with `from_file` (a vocab.txt) or `from_folder` (a model folder).

    Attributes:
        unk_token_id, pad_token_id, cls_token_id, sep_token_id, mask_token_id: None where there is none.
        max_length: what the folder says is the longest text in tokens, or None.
    """

    def __init__(self, backend: tokenizers.Tokenizer, *, special_tokens: Mapping[str, str] = _SPECIAL) -> None:
        backend.no_truncation()
        backend.no_padding()
        self.backend = backend
        self.max_length: int | None = None
        self.mask_token = special_tokens["mask"]
        ids = {role: backend.token_to_id(token) for role, token in special_tokens.items()}
        self.pad_token_id, self.unk_token_id = ids["pad"], ids["unk"]
        self.cls_token_id, self.sep_token_id, self.mask_token_id = ids["cls"], ids["sep"], ids["mask"]
        self.special_ids = frozenset(index for index in ids.values() if index is not None)
        self._check_unknown()
        self._template = self._probe()

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
        backend = _from_vocab(Path(vocab), _SPECIAL)
        backend.normalizer = normalizers.BertNormalizer(
            lowercase=lower_case, strip_accents=strip_accents, handle_chinese_chars=chinese_chars
        )
        return cls(backend)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """From a model folder: tokenizer.json, else vocab.txt; tokenizer_config.json has the last word on case.

        Raises TokenizerError naming the file.
        """
        folder = Path(folder)
        config = folder / "tokenizer_config.json"
        settings = _optional(config)
        special = _SPECIAL | _named_tokens(settings, config)
        named = folder / "special_tokens_map.json"
        special |= _named_tokens(_optional(named), named)
        if is_file(path := folder / "tokenizer.json"):
            try:
                backend = tokenizers.Tokenizer.from_str(read_text(path, TokenizerError))
            except Exception as error:  # the library raises bare Exception
                raise TokenizerError(f"{path}: not a tokenizer that can be read ({error_text(error)})") from None
        elif is_file(path := folder / "vocab.txt"):
            backend = _from_vocab(path, special)
            _add_tokens(backend, settings, folder)
        else:
            raise TokenizerError(f"{folder}: no tokenizer.json and no vocab.txt; bring along the model's tokenizer")
        _set_normalizer(backend.normalizer, settings, config)
        try:
            tokenizer = cls(backend, special_tokens=special)
        except TokenizerError as error:
            raise TokenizerError(f"{path}: {error}") from None
        tokenizer.max_length = _max_length(settings, config)
        return tokenizer

    def lower_case_first(self) -> None:
        """From now on lower-case texts before all else, as `do_lower_case` of a sentence-transformers folder asks."""
        own = self.backend.normalizer
        first = normalizers.Lowercase()
        self.backend.normalizer = normalizers.Sequence([first, own]) if own else first

    @property
    def vocab_size(self) -> int:
        return int(self.backend.get_vocab_size(with_added_tokens=True))

    def token(self, index: int) -> str:
        """The piece with this id. Raises InputError for an id outside the vocabulary."""
        piece = self.backend.id_to_token(index) if 0 <= index < 2**32 else None
        if piece is None:
            raise InputError(f"token id {index} is not in the vocabulary of {self.vocab_size}")
        return piece

    def token_id(self, piece: str) -> int | None:
        """The id of a piece, None if the vocabulary has no such piece."""
        return self.backend.token_to_id(piece)

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = True) -> str:
        """The text of token ids, pieces joined. Raises InputError for what cannot be an id."""
        ids = [int(index) for index in ids]
        if ids and not 0 <= min(ids) <= max(ids) < 2**32:
            raise InputError(f"token ids are whole numbers from 0 on, not {short_repr(ids)}")
        return self.backend.decode(ids, skip_special_tokens=skip_special_tokens)

    @property
    def special_count(self) -> int:
        """How many special tokens stand around a single text."""
        return sum(map(len, self._template.single))

    @property
    def closing_count(self) -> int:
        """How many special tokens stand behind a single text."""
        return len(self._template.single[1])

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
        first = self._tokenize(texts, is_split)
        if pairs is None:
            return [self._single(tokens, 0, len(tokens), max_length) for tokens in first]
        if len(pairs) != len(texts):
            raise InputError(f"there are {len(texts)} texts and {len(pairs)} pairs to them")
        second = self._tokenize(pairs, False)
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
            windows.append(Window(self._join((_Piece(*a, 0), _Piece(*b, 1)), False), start, stop))
        return windows

    def _tokenize(self, texts: Sequence[Any], is_split: bool) -> list[_Tokens]:
        if isinstance(texts, str):
            raise InputError("give a list of texts, or one text to `encode`")
        for index, text in enumerate(texts):
            if is_split:
                wanted, right = "a list of words", isinstance(text, list | tuple) and all(map(_is_string, text))
            else:
                wanted, right = "a string", isinstance(text, str)
            if not right:
                raise InputError(f"text {index} must be {wanted}, not {short_repr(text)}")
        clean = [[_utf8(word) for word in text] if is_split else _utf8(text) for text in texts]
        try:
            read = self.backend.encode_batch(clean, is_pretokenized=is_split, add_special_tokens=False)
        except Exception as error:  # the library raises bare Exception
            raise TokenizerError(f"the tokenizer cannot read this text ({error_text(error)})") from None
        return [_Tokens(raw) for raw in read]

    def _single(self, tokens: _Tokens, start: int, stop: int, max_length: int | None) -> Encoding:
        room = stop - start if max_length is None else max_length - self.special_count
        kept = min(stop, start + room)
        return self._join((_Piece(tokens, start, kept, 0),), kept < stop)

    def _pair(self, first: _Tokens, second: _Tokens, max_length: int | None, cut: Cut) -> Encoding:
        a, b = len(first), len(second)
        if max_length is not None and (over := a + b + self.pair_special_count - max_length) > 0:
            room = a + b - over
            if cut == "first":  # "only_first" of Transformers
                if room <= b:
                    raise InputError(
                        f"the second text has {b} tokens, which leaves none of {max_length} for the first: shorten it"
                    )
                a = room - b
            else:  # "longest_first" of Transformers: the shorter keeps up to half of the room
                short = min(a, b, room // 2)
                a, b = (short, room - short) if a <= b else (room - short, short)
        truncated = a < len(first) or b < len(second)
        return self._join((_Piece(first, 0, a, 0), _Piece(second, 0, b, 1)), truncated)

    def _join(self, pieces: tuple[_Piece, ...], truncated: bool) -> Encoding:
        specials = self._template.single if len(pieces) == 1 else self._template.pair
        ids = [specials[0]]
        layout: list[_Piece | int] = [len(specials[0])]
        for piece, after in zip(pieces, specials[1:], strict=True):
            ids += (piece.tokens.ids[piece.start : piece.stop], after)
            layout += (piece, len(after))
        return Encoding(np.concatenate(ids), truncated, tuple(layout))

    def _check_unknown(self) -> None:
        """The library finds out only when it meets an unknown word."""
        unknown = getattr(self.backend.model, "unk_token", None)
        if unknown is not None and self.backend.model.token_to_id(unknown) is None:
            raise TokenizerError(f"the vocabulary lacks {short_repr(unknown)}, which unknown words are read as")

    def _probe(self) -> _Template:
        """Read the template off the post-processor by encoding single letters with special tokens."""

        def parts(text: str, pair: str | None = None) -> tuple[np.ndarray, ...]:
            try:
                encoding = self.backend.encode(text, pair)
            except Exception as error:  # the library raises bare Exception
                raise TokenizerError(f"the tokenizer cannot read a letter ({error_text(error)})") from None
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

        return _Template(parts("a"), parts("a", "a"))


def window_spans(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Spans of at most `room` that cover 0..length, neighbours sharing `stride`; at least one, even if empty."""
    if not 0 <= stride < room:
        raise InputError(f"a stride of {stride} does not fit windows of {room} tokens: it must be smaller")
    spans = [(0, min(room, length))]
    while spans[-1][1] < length:
        start = spans[-1][0] + room - stride
        spans.append((start, min(start + room, length)))
    return spans


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _utf8(text: str) -> str:
    """`text` with unpaired surrogates, which no encoding has, replaced one for one: offsets stay true."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path, TokenizerError) if is_file(path) else {}


def _from_vocab(path: Path, special: Mapping[str, str]) -> tokenizers.Tokenizer:
    """BERT's own tokenizer over the pieces of a vocab.txt."""
    lines = read_text(path, TokenizerError).split("\n")
    if lines[-1] == "":
        lines.pop()
    pieces = {piece: index for index, piece in enumerate(lines)}
    cls, sep, unk = special["cls"], special["sep"], special["unk"]
    if lacking := [token for token in (unk, cls, sep) if token not in pieces]:
        raise TokenizerError(f"{path}: lacks {', '.join(map(short_repr, lacking))}; is it the vocabulary of a BERT?")
    backend = tokenizers.Tokenizer(WordPiece(pieces, unk_token=unk, max_input_chars_per_word=100))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing((sep, pieces[sep]), (cls, pieces[cls]))
    backend.decoder = decoders.WordPiece()
    backend.add_special_tokens([token for token in special.values() if token in pieces])
    return backend


def _add_tokens(backend: tokenizers.Tokenizer, settings: Mapping[str, Any], folder: Path) -> None:
    """Tokens that were added to a vocab.txt, by tokenizer_config.json or the older added_tokens.json."""
    path = folder / "tokenizer_config.json"
    listed = settings.get("added_tokens_decoder")
    if listed is None:
        path = folder / "added_tokens.json"
        listed = {index: {"content": token} for token, index in _optional(path).items()}
    try:
        tokens = sorted((int(index), _added_token(fields)) for index, fields in listed.items())
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TokenizerError(f"{path}: added tokens must each have an index and a content") from None
    backend.add_tokens([token for _, token in tokens])
    if wrong := [token.content for index, token in tokens if backend.token_to_id(token.content) != index]:
        raise TokenizerError(f"{path}: added tokens {short_repr(wrong)} do not follow vocab.txt with their index")


def _added_token(fields: Mapping[str, Any]) -> AddedToken:
    return AddedToken(fields["content"], **{name: fields[name] for name in _ADDED_OPTIONS if name in fields})


def _set_normalizer(normalizer: normalizers.Normalizer | None, settings: Mapping[str, Any], path: Path) -> None:
    """What tokenizer_config.json says of case, accents and Chinese wins over tokenizer.json, as in Transformers."""
    for key, attribute in _NORMALIZER.items():
        value = settings.get(key)
        if value is not None and not isinstance(value, bool):
            raise TokenizerError(f"{path}: {key} must be true, false or null, not {short_repr(value)}")
        stated = value is not None or (
            key in settings and key == "strip_accents"
        )  # there null means: when lower-casing
        if stated and isinstance(normalizer, normalizers.BertNormalizer):
            setattr(normalizer, attribute, value)


def _named_tokens(settings: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Role -> special token, as far as a file names them."""
    found = {}
    for role in _SPECIAL:
        token = settings.get(f"{role}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if token is not None and not (is_text(token) and token):
            raise TokenizerError(f"{path}: {role}_token must be text, not {short_repr(token)}")
        if token is not None:
            found[role] = token
    return found


def _max_length(settings: Mapping[str, Any], path: Path) -> int | None:
    length = settings.get("model_max_length")
    if length is None:
        return None
    if type(length) not in (int, float) or not length >= 1:
        raise TokenizerError(f"{path}: model_max_length must be a number of at least 1, not {short_repr(length)}")
    return int(length) if length < 2**31 else None  # Transformers writes 1e30 for "no limit"
