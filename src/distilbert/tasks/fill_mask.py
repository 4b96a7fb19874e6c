"""Fill-mask: the pieces of the vocabulary, or the words of the caller's, that fit a text's masks."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Unpack, overload

import numpy as np

from ..batch import in_chunks, run_each
from ..encoding import Encoding
from ..errors import InputError, TokenizerError, short_repr
from ..fields import setting, setting_of
from ..folder.checkpoint import Head
from ..results import MaskFill
from .inputs import check_strings, listed, several
from .long_text import CutTexts, LongText, too_long
from .numbers import largest
from .options import LongTextKeyword, TaskOptions
from .task import Model, Task

Fills = list[MaskFill] | list[list[MaskFill]]
Scores = tuple[np.ndarray, np.ndarray]  # pieces, and the logarithms of their probabilities


@dataclass(frozen=True, kw_only=True)
class MaskOptions(TaskOptions):
    """Options of filling masks."""

    top_k: int | None = setting(5, least=1, help="how many results a mask, best first")
    targets: str | Iterable[str] | None = setting(None, help="score these words only", metavar="WORD")
    long_text: LongText = setting_of(TaskOptions, "long_text", "window")


class _Keywords(LongTextKeyword, total=False):
    """The same as keywords, for type checkers."""

    top_k: int | None
    targets: str | Iterable[str] | None


class _Slot(NamedTuple):
    """A mask taken for `length` masks, the first of which are filled with `known` pieces; the next one is read."""

    length: int = 1
    known: tuple[int, ...] = ()


class _Word(NamedTuple):
    """A target word: its name in the results, and its pieces."""

    token: str
    ids: tuple[int, ...]

    @property
    def steps(self) -> list[tuple[_Slot, int]]:
        """What to read, and which piece's probability to take there."""
        return [(_Slot(len(self.ids), self.ids[:place]), piece) for place, piece in enumerate(self.ids)]


class _Pass(NamedTuple):
    """A text as the model reads it, and the rows of those of its masks that are read in it."""

    text: int
    slot: _Slot
    ids: np.ndarray
    rows: np.ndarray
    masks: Sequence[int]


class MaskFiller(Task):
    """Fills masks. Made by `distilbert.load` from a DistilBertForMaskedLM."""

    task = "fill-mask"
    head = Head.MASKED_LM
    options = MaskOptions

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        if self.tokenizer.mask_token_id is None:
            raise TokenizerError(
                f"{model.folder}: the vocabulary lacks the mask {short_repr(self.tokenizer.mask_token)}"
            )

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self, texts: str, **options: Unpack[_Keywords]
    ) -> Fills: ...
    @overload
    def __call__(self, texts: Iterable[str], **options: Unpack[_Keywords]) -> list[Fills]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        top_k: int | None = MaskOptions.top_k,
        targets: str | Iterable[str] | None = MaskOptions.targets,
        long_text: LongText = MaskOptions.long_text,
    ) -> Fills | list[Fills]:
        """What fits the mask of a text, best first; a list of such lists, in order, where it has several.

        Several masks are filled each by itself, the others staying masks. A result's text is the
        caller's own with that one mask replaced, and a `##piece` joined to the word before it.

        Args:
            texts: a string or an iterable of strings, each with the tokenizer's mask in it.
            top_k: how many results a mask; None for all.
            targets: score these words only. A word of one piece has that piece's probability. A word of
                n pieces is put in the place of n masks and has the product of its pieces'
                probabilities, each read with those before it filled in and those after it masked (the
                word-wise left-to-right score of Kauf and Ivanova 2023, arXiv 2305.10588); its
                `token_id` is None. Scores are probabilities as they are, not made to add up to 1.
            long_text: what to do with a text longer than the model reads: "window" (each mask is read
                with as much of the text on both sides as fits), "truncate" (with a LongTextWarning; it
                is an error if a mask is cut off) or "error".

        Raises:
            InputError: for anything else than texts, a text without a mask, a target that the
                vocabulary cannot spell, and options outside their range.
        """
        options = MaskOptions(top_k=top_k, targets=targets, long_text=long_text)
        results = list(self._results(listed(texts), options))
        return results[0] if isinstance(texts, str) else results

    def stream(self, texts: Iterable[str], **options: Unpack[_Keywords]) -> Iterator[Fills]:
        """The same for a stream of any length, in bounded memory and in order."""
        return self._results(several(texts), MaskOptions(**options))

    def logits(self, texts: str | Iterable[str], **options: Unpack[LongTextKeyword]) -> list[np.ndarray]:
        """The head's raw output for the masks, float32 [masks, V] a text; a list of one for one text."""
        long_text = MaskOptions(**options).long_text
        logits: list[np.ndarray] = []
        for start, chunk in self._chunks(listed(texts)):
            encodings = self._encode_masked(chunk, start)
            read: list[list[np.ndarray]] = [[] for _ in chunk]
            # a text's masks come in order where each is in a pass of its own
            for each, rows in sorted(
                self._passes(encodings, [_Slot()], long_text, start), key=lambda done: done[0].masks[0]
            ):
                read[each.text] += list(rows)
            logits += [np.stack(rows) for rows in read]
        return logits

    def _results(self, texts: Iterable[str], options: MaskOptions) -> Iterator[Fills]:
        words = None if options.targets is None else self._words(options.targets)
        slots = _slots(words)
        cut_texts = CutTexts(f"{self.model.max_length} tokens")
        for start, chunk in self._chunks(texts):
            encodings = self._encode_masked(chunk, start)
            if options.long_text == "truncate":
                cut_texts.count([len(encoding) > self.model.max_length for encoding in encodings])
            scores: dict[tuple[int, int, _Slot], Scores] = {}
            for each, rows in self._passes(encodings, slots, options.long_text, start):
                for mask, row in zip(each.masks, rows, strict=True):
                    pieces = largest(row, options.top_k) if words is None else slots[each.slot]
                    scores[each.text, mask, each.slot] = pieces, _log_probabilities(row, pieces)
            for index, (text, encoding) in enumerate(zip(chunk, encodings, strict=True)):
                fills = []
                for mask, span in enumerate(encoding.offsets[encoding.ids == self.tokenizer.mask_token_id].tolist()):
                    ranked = self._ranked(words, {slot: scores[index, mask, slot] for slot in slots}, options.top_k)
                    fills.append([MaskFill(*each, _filled(text, span, each[0])) for each in ranked])
                yield fills[0] if len(fills) == 1 else fills
        cut_texts.warn()

    def _words(self, targets: str | Iterable[str]) -> list[_Word]:
        words: dict[tuple[int, ...], _Word] = {}
        most = (self.model.max_length - self.tokenizer.special_count) // 2
        for target in listed(targets):
            if not isinstance(target, str):
                raise InputError(f"a target must be a string, not {type(target).__name__}")
            piece = self.tokenizer.token_id(target)  # as it stands, so that "##s" can be asked for
            spelled = [piece] if piece is not None else self.tokenizer.body(self.tokenizer.encode(target).ids).tolist()
            ids = tuple(spelled)
            self.tokenizer.check_embedded(np.array(ids, np.int64))
            if not ids or (piece is None and self.tokenizer.unk_token_id in ids):
                raise InputError(f"target {short_repr(target)} cannot be spelled with the pieces of the vocabulary")
            if len(ids) > most:
                raise InputError(f"target {short_repr(target)} has {len(ids)} pieces; the model has room for {most}")
            words.setdefault(ids, _Word(self._token(ids[0]) if len(ids) == 1 else target, ids))
        if not words:
            raise InputError("give at least one target, or None for the whole vocabulary")
        return list(words.values())

    def _encode_masked(self, texts: list[str], start: int) -> list[Encoding]:
        check_strings(texts, start)
        encodings = self.tokenizer.encode_batch(texts)
        for index, encoding in enumerate(encodings):
            if self.tokenizer.mask_token_id not in encoding.ids:
                mask = self.tokenizer.mask_token
                raise InputError(
                    f'text {start + index} has no mask; write one as in "Paris is the {mask[:99]} of France."'
                )
        return encodings

    def _passes(
        self, encodings: Sequence[Encoding], slots: Iterable[_Slot], long_text: LongText, start: int
    ) -> Iterator[tuple[_Pass, np.ndarray]]:
        """Every pass that the slots of the texts' masks need, with its logits [rows, V], as batches are done."""
        passes = (
            each
            for index, encoding in enumerate(encodings)
            for slot in slots
            for ids, rows, masks in self._edits(encoding.ids, slot)
            for each in self._fitted(_Pass(index, slot, ids, rows, masks), long_text, start)
        )
        for group in in_chunks(passes, lambda each: len(each.ids), self._chunk_tokens):
            ids, rows = [each.ids for each in group], [each.rows for each in group]
            for index, logits in run_each(self.model.engine.run, ids, rows, self.model.max_batch_tokens):
                yield group[index], logits

    def _edits(self, ids: np.ndarray, slot: _Slot) -> Iterator[tuple[np.ndarray, np.ndarray, Sequence[int]]]:
        """The text's ids as the slot wants them, the rows to read, and the masks that these are."""
        places = np.flatnonzero(ids == self.tokenizer.mask_token_id)
        if slot.length == 1:
            yield ids, places, range(len(places))
            return
        fill = np.full(slot.length, self.tokenizer.mask_token_id, np.int64)
        fill[: len(slot.known)] = slot.known
        for mask, place in enumerate(places):
            edited = np.concatenate([ids[:place], fill, ids[place + 1 :]])
            yield edited, np.array([place + len(slot.known)]), [mask]

    def _fitted(self, whole: _Pass, long_text: LongText, start: int) -> Iterator[_Pass]:
        """The pass as it is if the model can read it all; else what the policy makes of it."""
        limit = self.model.max_length
        ids, rows = whole.ids, whole.rows
        over = len(ids) - limit
        if over <= 0:
            yield whole
        elif long_text == "window":
            for mask, row in zip(whole.masks, rows.tolist(), strict=True):
                skip = min(max(row - limit // 2, 0), over)
                yield whole._replace(ids=self._part(ids, skip), rows=np.array([row - skip]), masks=[mask])
        elif long_text == "error":
            raise too_long(f"text {start + whole.text}", limit)
        else:
            behind = whole.slot.length - len(whole.slot.known)  # masks of the same word
            if rows[-1] + behind > limit - self.tokenizer.closing_count:
                raise InputError(
                    f"text {start + whole.text} has a mask beyond the {limit} tokens that the model reads; "
                    'shorten it, or choose long_text="window"'
                )
            yield whole._replace(ids=self._part(ids, 0))

    def _part(self, ids: np.ndarray, skip: int) -> np.ndarray:
        """As many ids as the model reads, without the first `skip` of the text; special tokens stay around."""
        body = self.tokenizer.body(ids)[skip : skip + self.model.max_length - self.tokenizer.special_count]
        closing = ids[len(ids) - self.tokenizer.closing_count :]
        return np.concatenate([ids[: self.tokenizer.opening_count], body, closing])

    def _token(self, piece: int) -> str:
        """A piece as it is shown; "" for a row of the projector that the vocabulary does not use."""
        return self.tokenizer.decode([piece], skip_special_tokens=False)

    def _ranked(
        self, words: list[_Word] | None, scores: dict[_Slot, Scores], top_k: int | None
    ) -> list[tuple[str, int | None, float]]:
        """(token, its id, its probability) of a mask, best first, from the scores at each slot."""
        logs = {slot: dict(zip(pieces.tolist(), row.tolist(), strict=True)) for slot, (pieces, row) in scores.items()}
        if words is None:
            return [(self._token(piece), piece, math.exp(log)) for piece, log in logs[_Slot()].items()]
        scored = [
            (
                word.token,
                word.ids[0] if len(word.ids) == 1 else None,
                math.exp(sum(logs[slot][piece] for slot, piece in word.steps)),
            )
            for word in words
        ]
        return sorted(scored, key=lambda each: -each[2])[:top_k]


def _slots(words: list[_Word] | None) -> dict[_Slot, np.ndarray]:
    """All that is to be read at a mask, and the pieces whose probabilities are taken there."""
    if words is None:
        return {_Slot(): np.empty(0, np.int64)}
    pieces: dict[_Slot, set[int]] = {}
    for word in words:
        for slot, piece in word.steps:
            pieces.setdefault(slot, set()).add(piece)
    return {slot: np.array(sorted(wanted)) for slot, wanted in pieces.items()}


def _log_probabilities(row: np.ndarray, places: np.ndarray) -> np.ndarray:
    """log softmax of a row [V] at some places."""
    most = row.max()
    return row[places] - (most + np.log(np.exp(row - most).sum()))


def _filled(text: str, span: list[int], token: str) -> str:
    """The text with `token` in place of the mask at `span`; a continuation joins the word before it."""
    before, after = text[: span[0]], text[span[1] :]
    return before.rstrip() + token[2:] + after if token.startswith("##") else before + token + after
