"""Text -> Encoding: ids, offsets and word ids, single texts and pairs, cut to a length or into windows.

The work is done by the `tokenizers` library; this file reads every form in which BERT tokenizers are
published, and adds the special tokens itself so that cutting and windowing are array slices.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import tokenizers
from tokenizers import normalizers, pre_tokenizers
from tokenizers.models import WordPiece

from .config import read_json
from .errors import ConfigError, InputError, TokenizerError

__all__ = ["BertTokenizer", "Cut", "Encoding", "Window"]

Cut = Literal["longest", "first"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, eq=False)
class _Piece:
    """Tokens `start` to `stop` of one text; `sequence` is 0 for the text and 1 for its pair."""

    raw: tokenizers.Encoding
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
    _layout: tuple["_Piece | int", ...]  # pieces of text, and how many special tokens between them

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def offsets(self) -> np.ndarray:
        """int64 [T, 2]: start and end of each token in its own text, in characters; (0, 0) for special tokens."""
        return np.concatenate(
            [
                np.zeros((part, 2), np.int64)
                if isinstance(part, int)
                else np.array(part.raw.offsets, np.int64).reshape(-1, 2)[part.start : part.stop]
                for part in self._layout
            ]
        )

    @cached_property
    def word_ids(self) -> np.ndarray:
        """int64 [T]: the index of each token's word in its own text; -1 for special tokens."""
        return np.concatenate(
            [
                np.full(part, -1, np.int64)
                if isinstance(part, int)
                else np.array([-1 if w is None else w for w in part.raw.word_ids[part.start : part.stop]], np.int64)
                for part in self._layout
            ]
        )

    @cached_property
    def sequence_ids(self) -> np.ndarray:
        """int8 [T]: 0 for tokens of the text, 1 for those of its pair, -1 for special tokens."""
        return np.concatenate(
            [
                np.full(part, -1, np.int8)
                if isinstance(part, int)
                else np.full(part.stop - part.start, part.sequence, np.int8)
                for part in self._layout
            ]
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

    single: tuple[tuple[int, ...], tuple[int, ...]]
    pair: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class BertTokenizer:
    """WordPiece tokenizer of BERT and DistilBERT.

    Make one with `from_file` (a vocab.txt) or `from_folder` (a model folder).

    Attributes:
        unk_token_id, pad_token_id, cls_token_id, sep_token_id, mask_token_id: None where there is none.
        max_length: what the folder says is the longest text in tokens, or None.
    """

    def __init__(self, backend: tokenizers.Tokenizer, *, special_tokens: dict[str, str] | None = None) -> None:
        names = {token.strip("[]").lower(): token for token in _SPECIAL} | (special_tokens or {})
        backend.no_truncation()
        backend.no_padding()
        self.backend = backend
        self.max_length: int | None = None
        self.mask_token = names["mask"]
        ids = {role: backend.token_to_id(token) for role, token in names.items()}
        self.pad_token_id, self.unk_token_id = ids["pad"], ids["unk"]
        self.cls_token_id, self.sep_token_id, self.mask_token_id = ids["cls"], ids["sep"], ids["mask"]
        self._template = self._probe()
        self.special_ids = frozenset(i for i in ids.values() if i is not None)

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
        path = Path(vocab)
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            raise TokenizerError(f"{path}: no such file") from None
        except OSError as error:
            raise TokenizerError(f"{path}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise TokenizerError(f"{path}: not UTF-8 text") from None
        if lines[-1] == "":
            lines.pop()
        pieces = {line.rstrip("\r"): index for index, line in enumerate(lines)}
        if lacking := [token for token in ("[UNK]", "[CLS]", "[SEP]") if token not in pieces]:
            raise TokenizerError(f"{path}: lacks {', '.join(lacking)}; is it the vocabulary of a BERT?")
        backend = tokenizers.Tokenizer(WordPiece(pieces, unk_token="[UNK]", max_input_chars_per_word=100))
        backend.normalizer = normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=chinese_chars, strip_accents=strip_accents, lowercase=lower_case
        )
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.post_processor = tokenizers.processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", pieces["[CLS]"]), ("[SEP]", pieces["[SEP]"])],
        )
        backend.decoder = tokenizers.decoders.WordPiece()
        backend.add_special_tokens([token for token in _SPECIAL if token in pieces])
        return cls(backend)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """From a model folder: tokenizer.json, else vocab.txt with what tokenizer_config.json says of it.

        Raises TokenizerError naming the file.
        """
        folder = Path(folder)
        settings = _settings(folder)
        special = _special_tokens(folder, settings)
        if (path := folder / "tokenizer.json").is_file():
            try:
                backend = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
            except Exception as error:  # the library raises bare Exception
                raise TokenizerError(f"{path}: not a tokenizer that can be read ({error})") from None
            tokenizer = cls(backend, special_tokens=special)
        elif (path := folder / "vocab.txt").is_file():
            tokenizer = cls.from_file(
                path,
                lower_case=_flag(settings, "do_lower_case", True, folder),
                strip_accents=_flag(settings, "strip_accents", None, folder),
                chinese_chars=_flag(settings, "tokenize_chinese_chars", True, folder),
            )
        else:
            raise TokenizerError(f"{folder}: no tokenizer.json and no vocab.txt; bring along the model's tokenizer")
        if tokenizer.unk_token_id is None:
            raise TokenizerError(f"{path}: lacks the unknown token {special.get('unk', '[UNK]')}")
        length = settings.get("model_max_length")
        if isinstance(length, int) and 0 < length < 2**31:
            tokenizer.max_length = length
        return tokenizer

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
        """The text of token ids, pieces joined."""
        return self.backend.decode([int(i) for i in ids], skip_special_tokens=skip_special_tokens)

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
        Raises InputError where the first would have to lose them all.
        """
        first = self._tokenize(texts, is_split)
        if pairs is None:
            return [self._single(raw, 0, len(raw), max_length) for raw in first]
        second = self._tokenize(pairs, False)
        return [self._pair(a, b, max_length, cut) for a, b in zip(first, second, strict=True)]

    def windows(
        self, text: str | Sequence[str], max_length: int, stride: int, *, is_split: bool = False
    ) -> list[Window]:
        """The text in windows of at most `max_length` tokens, neighbours sharing `stride`; a short text is one."""
        raw = self._tokenize([text], is_split)[0]
        spans = window_spans(len(raw), max_length - self.special_count, stride)
        return [Window(self._single(raw, start, stop, None), start, stop) for start, stop in spans]

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

    def _tokenize(self, texts: Sequence[Any], is_split: bool) -> list[tokenizers.Encoding]:
        for index, text in enumerate(texts):
            if not (isinstance(text, str) or is_split):
                raise InputError(f"text {index} must be a string, not {type(text).__name__}")
        clean = [[_utf8(word) for word in text] if is_split else _utf8(text) for text in texts]
        return self.backend.encode_batch(clean, is_pretokenized=is_split, add_special_tokens=False)

    def _single(self, raw: tokenizers.Encoding, start: int, stop: int, max_length: int | None) -> Encoding:
        room = stop - start if max_length is None else max(max_length - self.special_count, 0)
        kept = min(stop, start + room)
        return self._join((_Piece(raw, start, kept, 0),), kept < stop)

    def _pair(
        self, first: tokenizers.Encoding, second: tokenizers.Encoding, max_length: int | None, cut: Cut
    ) -> Encoding:
        a, b = len(first), len(second)
        if max_length is not None and (over := a + b + self.pair_special_count - max_length) > 0:
            room = max(a + b - over, 0)
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
        ids: list[int] = list(specials[0])
        layout: list[_Piece | int] = [len(specials[0])]
        for piece, after in zip(pieces, specials[1:], strict=True):
            ids += piece.raw.ids[piece.start : piece.stop]
            ids += after
            layout += (piece, len(after))
        return Encoding(np.array(ids, np.int64), truncated, tuple(layout))

    def _probe(self) -> _Template:
        """Read the template off the post-processor by encoding single letters with and without special tokens."""

        def parts(text: str, pair: str | None = None) -> list[tuple[int, ...]]:
            encoding = self.backend.encode(text, pair, add_special_tokens=True)
            groups: list[list[int]] = [[]]
            last: int | None = None
            for index, sequence in zip(encoding.ids, encoding.sequence_ids, strict=True):
                if sequence is None:
                    groups[-1].append(index)
                elif sequence != last:
                    last = sequence
                    groups.append([])
            return [tuple(group) for group in groups]

        single, pair = parts("a"), parts("a", "a")
        if len(single) != 2 or len(pair) != 3:
            raise TokenizerError("the tokenizer drops the letter 'a', so its special tokens cannot be found")
        return _Template((single[0], single[1]), (pair[0], pair[1], pair[2]))


def window_spans(length: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Spans of at most `room` that cover 0..length, neighbours sharing `stride`; at least one, even if empty."""
    if not 0 <= stride < room:
        raise InputError(f"a stride of {stride} does not fit windows of {room} tokens: it must be smaller")
    spans = [(0, min(room, length))]
    while spans[-1][1] < length:
        start = spans[-1][0] + room - stride
        spans.append((start, min(start + room, length)))
    return spans


def _utf8(text: str) -> str:
    """`text` with unpaired surrogates, which no encoding has, replaced one for one: offsets stay true."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    try:
        return read_json(path) if path.is_file() else {}
    except ConfigError as error:
        raise TokenizerError(str(error)) from None


def _flag(settings: dict[str, Any], key: str, default: Any, folder: Path) -> Any:
    value = settings.get(key, default)
    if value is not None and not isinstance(value, bool):
        raise TokenizerError(f"{folder / 'tokenizer_config.json'}: {key} must be true, false or null, not {value!r}")
    return default if value is None and key != "strip_accents" else value


def _special_tokens(folder: Path, settings: dict[str, Any]) -> dict[str, str]:
    """Role -> token, where tokenizer_config.json or special_tokens_map.json names another than BERT's."""
    path = folder / "special_tokens_map.json"
    try:
        named = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise TokenizerError(f"{path}: not valid JSON ({error})") from None
    found = {}
    for role in ("pad", "unk", "cls", "sep", "mask"):
        for source in (settings, named if isinstance(named, dict) else {}):
            token = source.get(f"{role}_token")
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str):
                found[role] = token
    return found
