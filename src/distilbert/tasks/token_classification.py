"""Token classification: entities and other labelled spans, in texts of any length."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypedDict, Unpack, overload

import numpy as np

from ..encoding import Encoding, Window
from ..errors import InputError, short_repr
from ..fields import setting, setting_of
from ..folder.checkpoint import Head
from ..results import Entity
from .inputs import check_strings, check_word_lists, listed, several
from .label_scheme import LabelScheme
from .long_text import CutTexts, LongText, to_window
from .numbers import softmax
from .options import TaskOptions
from .spans import with_marks
from .task import Model, Task

Aggregation = Literal["none", "simple", "first", "average", "max"]
ValidSequences = bool | Literal["IOB1"]
Text = str | Sequence[str]  # a string, or its words
Read = tuple[Text, Encoding, np.ndarray]  # a text, what of it was read, and its logits [T, labels]


@dataclass(frozen=True, kw_only=True)
class EntityOptions(TaskOptions):
    """Options of a token classification."""

    aggregation: Aggregation = setting("simple", help="how tokens, or words, become entities")
    ignore_labels: Collection[str] = setting(("O",), help="labels of entities to leave out", metavar="LABEL")
    valid_sequences: ValidSequences = setting(False, help="only labels that can follow each other")
    stride: int | None = setting(
        None, least=0, help="tokens that neighbouring windows share", unset="a quarter of a window"
    )
    long_text: LongText = setting_of(TaskOptions, "long_text", "window")

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.ignore_labels, str) or not isinstance(self.ignore_labels, Collection):
            raise InputError(f"ignore_labels must be a list of labels, not {short_repr(self.ignore_labels)}")


class _WindowKeywords(TypedDict, total=False):
    """Options of the logits, for type checkers."""

    stride: int | None
    long_text: LongText


class _Keywords(_WindowKeywords, total=False):
    """All options, for type checkers."""

    aggregation: Aggregation
    ignore_labels: Collection[str]
    valid_sequences: ValidSequences


class TokenClassifier(Task):
    """Labels spans of texts. Made by `distilbert.load` from a DistilBertForTokenClassification.

    Results equal the pipeline of Transformers, but for what it gets wrong: IOBES and BILOU are read as
    such; `B-O` is not `O`, and bare labels keep their hyphens; a word with accents that the tokenizer
    strips stays a word; a text longer than the model reads is one text, not windows one by one.

    Attributes:
        scheme: what the model's labels say of spans.
        calibration: what its folder says of the way from logits to scores.
    """

    task = "token-classification"
    head = Head.TOKEN_CLASSIFICATION
    all_rows = True
    options = EntityOptions

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.scheme = LabelScheme(self.config.labels)
        self.calibration = self.config.calibration

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self, texts: str, **options: Unpack[_Keywords]
    ) -> list[Entity]: ...
    @overload
    def __call__(self, texts: Iterable[str], **options: Unpack[_Keywords]) -> list[list[Entity]]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        aggregation: Aggregation = EntityOptions.aggregation,
        ignore_labels: Collection[str] = EntityOptions.ignore_labels,
        valid_sequences: ValidSequences = EntityOptions.valid_sequences,
        stride: int | None = EntityOptions.stride,
        long_text: LongText = EntityOptions.long_text,
    ) -> list[Entity] | list[list[Entity]]:
        """The entities of one text, or of each of a list: list in, list out, in the same order.

        Args:
            texts: a string or an iterable of strings.
            aggregation: what becomes an entity. "none": each token, with its full label. "simple": tokens
                that the labels join; the score is the mean of theirs. The others label whole words, then
                join those: a word has the label of its "first" token, of the "average" of its tokens'
                probabilities, or of the token that is most certain ("max"). Words are BERT's, where each
                punctuation mark is one; where yours are others, split the text and use `from_words`.
            ignore_labels: entities to leave out, by the label of their first token ("O", "B-MISC") or by
                their type ("MISC").
            valid_sequences: take the likeliest sequence of labels that is valid in their scheme, not each
                token's likeliest label. The scheme is read off the prefixes; I- and B- mean IOB2, where an
                entity begins with B-. Say "IOB1" where it begins with I-, and B- only parts neighbours.
            stride: how many tokens neighbouring windows of a long text share, a quarter of a window by
                default. A token's logits come from the window in which it stands farthest from the edge,
                all tokens of a word from the same; entities are found after that, in the text as a whole.
            long_text: what to do with a text longer than the model reads: "window" (read it all),
                "truncate" (with a LongTextWarning) or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        options = EntityOptions(
            aggregation=aggregation,
            ignore_labels=ignore_labels,
            valid_sequences=valid_sequences,
            stride=stride,
            long_text=long_text,
        )
        results = list(self._results(listed(texts), options))
        return results[0] if isinstance(texts, str) else results

    def stream(self, texts: Iterable[str], **options: Unpack[_Keywords]) -> Iterator[list[Entity]]:
        """The same for a stream of any length, in bounded memory and in order."""
        return self._results(several(texts), EntityOptions(**options))

    def from_words(self, texts: Iterable[Sequence[str]], **options: Unpack[_Keywords]) -> list[list[Entity]]:
        """The entities of texts that are lists of words.

        `start` and `end` count words, `text` is the words with spaces between. No entity cuts a word:
        "none" gives each word its label, "simple" joins words, and both take a word's first token as
        "first" does. Words that the tokenizer drops, such as empty ones, have no label. The other
        arguments are those of a call.
        """
        return list(self._results(several(texts, "lists of words"), EntityOptions(**options), is_split=True))

    def logits(self, texts: str | Iterable[str], **options: Unpack[_WindowKeywords]) -> list[np.ndarray]:
        """The head's raw output, float32 [T_i, labels] a text, special tokens included.

        A list of one for one text. A text read in windows gives one row a token, as if it had been read at once.
        """
        return [logits for _, _, logits in self._read(listed(texts), EntityOptions(**options), is_split=False)]

    def word_logits(self, texts: Iterable[Sequence[str]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of each text that is a list of words: int64 [W], the words that the tokenizer does not drop, and the raw
        output at the first token of each, float32 [W, labels]. In bounded memory and in order.
        """
        for text, encoding, logits in self._read(several(texts, "lists of words"), EntityOptions(), is_split=True):
            inside = encoding.sequence_ids == 0
            if not inside.any():
                yield np.empty(0, np.int64), np.empty((0, self.config.num_labels), np.float32)
                continue
            rows, words, _ = _units(text, encoding, logits, inside, "first")
            yield words, rows

    def _results(
        self, texts: Iterable[Text], options: EntityOptions, *, is_split: bool = False
    ) -> Iterator[list[Entity]]:
        ignored = self.scheme.matching(options.ignore_labels)
        for read in self._read(texts, options, is_split=is_split):
            yield self._entities(read, options, ignored)

    def _read(self, texts: Iterable[Text], options: EntityOptions, *, is_split: bool) -> Iterator[Read]:
        stride = self._stride(options)
        cut_texts = CutTexts(f"{self.model.max_length} tokens")
        for start, chunk in self._chunks(texts):
            (check_word_lists if is_split else check_strings)(chunk, start)
            read = self._read_chunk(chunk, start, options.long_text, stride, is_split)
            cut_texts.count([encoding.truncated for encoding, _ in read])
            yield from ((text, *each) for text, each in zip(chunk, read, strict=True))
        cut_texts.warn()

    def _stride(self, options: EntityOptions) -> int:
        room = self.model.max_length - self.tokenizer.special_count
        if options.stride is None:
            return max(room, 0) // 4
        if options.stride >= room:
            raise InputError(f"stride must be below {room}, the tokens of a text in a window, not {options.stride}")
        return options.stride

    def _read_chunk(
        self, texts: list[Text], start: int, long_text: LongText, stride: int, is_split: bool
    ) -> list[tuple[Encoding, np.ndarray]]:
        """What of each text was read, and its logits [T, labels]."""
        limit = self.model.max_length
        encodings = self.tokenizer.encode_batch(texts, max_length=limit, is_split=is_split)
        windows: dict[int, list[Window]] = {}
        for index in to_window(encodings, long_text, limit, lambda index: f"text {start + index}"):
            windows[index] = self.tokenizer.windows(texts[index], limit, stride, is_split=is_split)
            (encodings[index],) = self.tokenizer.encode_batch([texts[index]], is_split=is_split)
        parts = [
            [window.encoding for window in windows[index]] if index in windows else [encoding]
            for index, encoding in enumerate(encodings)
        ]
        return [
            (encodings[index], self._stitched(encodings[index], windows[index], rows) if index in windows else rows[0])
            for index, rows in enumerate(self._run(parts))
        ]

    def _stitched(self, encoding: Encoding, windows: list[Window], rows: list[np.ndarray]) -> np.ndarray:
        """One row a token [T, labels], from windows whose rows are [t, labels]."""
        opening = self.tokenizer.opening_count
        seams = [0]
        for before, after in pairwise(windows):
            # the middle of what both read, moved to the front of its word
            first, middle = opening + after.start, opening + (after.start + before.stop) // 2
            words = encoding.word_ids[first : middle + 1]
            seams.append(first + int(np.argmax(words == words[-1])))
        seams.append(len(encoding))
        return np.concatenate(
            [
                logits[seam - window.start : next_seam - window.start]
                for logits, window, (seam, next_seam) in zip(rows, windows, pairwise(seams), strict=True)
            ]
        )

    def _entities(self, read: Read, options: EntityOptions, ignored: np.ndarray) -> list[Entity]:
        """`ignored` [labels] marks the labels that are left out."""
        text, encoding, logits = read
        logits = self.calibration(logits)
        # most texts have no entities, which is found out soon; an average or a valid sequence may have labels
        # that no token has by itself
        by_token = not options.valid_sequences and options.aggregation != "average"
        if by_token and ignored[logits.argmax(-1)].all():
            return []
        inside = encoding.sequence_ids == 0
        if not inside.any():
            return []
        scores, starts, ends = _units(text, encoding, softmax(logits), inside, options.aggregation)
        if options.valid_sequences:
            iob1 = options.valid_sequences == "IOB1"
            labels = self.scheme.best_sequence(np.log(np.maximum(scores, 1e-30)), iob1=iob1)
        else:
            labels = scores.argmax(-1)
        grouped = options.aggregation != "none"
        names = self.scheme.types if grouped else self.config.labels
        bounds = self.scheme.starts(labels) if grouped else np.arange(len(labels))
        counts = np.diff(bounds, append=len(labels))
        means = np.add.reduceat(scores[np.arange(len(labels)), labels], bounds) / counts
        kept = ~ignored[labels[bounds]]
        entities = []
        for first, count, mean in zip(bounds[kept].tolist(), counts[kept].tolist(), means[kept].tolist(), strict=True):
            start, end, after = int(starts[first]), int(ends[first + count - 1]), first + count
            if isinstance(text, str):
                end = with_marks(text, end, int(starts[after]) if after < len(starts) else len(text))
            found = text[start:end] if isinstance(text, str) else " ".join(text[start:end])
            entities.append(Entity(names[labels[first]], found, start, end, mean))
        return entities


def _units(
    text: Text, encoding: Encoding, scores: np.ndarray, inside: np.ndarray, aggregation: Aggregation
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is labelled, U tokens or words: probabilities [U, labels], starts [U], ends [U].

    `scores` are probabilities [T, labels], `inside` marks the tokens of the text.
    """
    scores, words = scores[inside], encoding.word_ids[inside]
    starts, ends = encoding.offsets[inside].T if isinstance(text, str) else (words, words + 1)
    if isinstance(text, str) and aggregation in ("none", "simple"):
        return scores, starts, ends
    bounds = np.flatnonzero(np.diff(words, prepend=-1))
    counts = np.diff(bounds, append=len(words))
    starts, ends = starts[bounds], ends[bounds + counts - 1]
    if aggregation == "average":
        return np.add.reduceat(scores, bounds) / counts[:, None], starts, ends
    if aggregation == "max":
        best_first = np.lexsort((-scores.max(-1), np.repeat(bounds, counts)))
        return scores[best_first[bounds]], starts, ends
    return scores[bounds], starts, ends
