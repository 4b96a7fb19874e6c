"""Token classification: entities and other labelled spans, in texts of any length."""

import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, overload

import numpy as np

from ..batch import in_chunks
from ..errors import InputError, LongTextWarning
from ..folder.checkpoint import Head
from ..results import Entity
from ..tokenizer import Encoding, Window
from .label_scheme import LabelScheme
from .task import LongText, Model, Task, check_long_text, listed, softmax, with_marks

Aggregation = Literal["none", "simple", "first", "average", "max"]
Text = str | Sequence[str]  # a string, or its words


@dataclass(frozen=True)
class _Reading:
    """How logits become entities: the options of a call, checked."""

    aggregation: Aggregation
    ignore_labels: Collection[str]
    valid_sequences: bool | Literal["IOB1"]

    def __post_init__(self) -> None:
        if self.aggregation not in ("none", "simple", "first", "average", "max"):
            raise InputError(
                f'aggregation must be "none", "simple", "first", "average" or "max", not {self.aggregation!r}'
            )
        if isinstance(self.ignore_labels, str) or not isinstance(self.ignore_labels, Collection):
            raise InputError(f"ignore_labels must be a list of labels, not {self.ignore_labels!r}")
        if self.valid_sequences not in (True, False, "IOB1"):
            raise InputError(f'valid_sequences must be True, False or "IOB1", not {self.valid_sequences!r}')


class TokenClassifier(Task):
    """Labels spans of texts. Made by `distilbert.load` from a DistilBertForTokenClassification.

    Results equal the pipeline of Transformers, but for what it gets wrong: IOBES and BILOU are read as
    such; `B-O` is not `O`, and bare labels keep their hyphens; a word with accents that the tokenizer
    strips stays a word; a text longer than the model reads is one text, not windows one by one.

    Attributes:
        scheme: what the model's labels say of spans.
    """

    task = "token-classification"
    head = Head.TOKEN_CLASSIFICATION
    all_rows = True

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.scheme = LabelScheme(self.config.labels)

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self,
        texts: str,
        *,
        aggregation: Aggregation = ...,
        ignore_labels: Collection[str] = ...,
        valid_sequences: bool | Literal["IOB1"] = ...,
        stride: int | None = ...,
        long_text: LongText = ...,
    ) -> list[Entity]: ...
    @overload
    def __call__(
        self,
        texts: Iterable[str],
        *,
        aggregation: Aggregation = ...,
        ignore_labels: Collection[str] = ...,
        valid_sequences: bool | Literal["IOB1"] = ...,
        stride: int | None = ...,
        long_text: LongText = ...,
    ) -> list[list[Entity]]: ...
    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        aggregation: Aggregation = "simple",
        ignore_labels: Collection[str] = ("O",),
        valid_sequences: bool | Literal["IOB1"] = False,
        stride: int | None = None,
        long_text: LongText = "window",
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
        results = list(
            self.stream(
                listed(texts),
                aggregation=aggregation,
                ignore_labels=ignore_labels,
                valid_sequences=valid_sequences,
                stride=stride,
                long_text=long_text,
            )
        )
        return results[0] if isinstance(texts, str) else results

    def stream(
        self,
        texts: Iterable[str],
        *,
        aggregation: Aggregation = "simple",
        ignore_labels: Collection[str] = ("O",),
        valid_sequences: bool | Literal["IOB1"] = False,
        stride: int | None = None,
        long_text: LongText = "window",
    ) -> Iterator[list[Entity]]:
        """The same for a stream of any length, in bounded memory and in order."""
        reading = _Reading(aggregation, ignore_labels, valid_sequences)
        ignored = self.scheme.matching(ignore_labels)
        for text, encoding, logits in self._stream_logits(texts, stride, long_text):
            yield self._entities(text, encoding, logits, reading, ignored)

    def from_words(
        self,
        texts: Iterable[Sequence[str]],
        *,
        aggregation: Aggregation = "simple",
        ignore_labels: Collection[str] = ("O",),
        valid_sequences: bool | Literal["IOB1"] = False,
        stride: int | None = None,
        long_text: LongText = "window",
    ) -> list[list[Entity]]:
        """The entities of texts that are lists of words.

        `start` and `end` count words, `text` is the words with spaces between. No entity cuts a word:
        "none" gives each word its label, "simple" joins words, and both take a word's first token as
        "first" does. Words that the tokenizer drops, such as empty ones, have no label. The other
        arguments are those of a call.
        """
        reading = _Reading(aggregation, ignore_labels, valid_sequences)
        ignored = self.scheme.matching(ignore_labels)
        read = self._stream_logits(texts, stride, long_text, is_split=True)
        return [self._entities(text, encoding, logits, reading, ignored) for text, encoding, logits in read]

    def logits(
        self, texts: str | Iterable[str], *, stride: int | None = None, long_text: LongText = "window"
    ) -> list[np.ndarray]:
        """The head's raw output, float32 [T_i, labels] a text, special tokens included.

        A list of one for one text. A text read in windows gives one row a token, as if it had been read at once.
        """
        return [logits for _, _, logits in self._stream_logits(listed(texts), stride, long_text)]

    def _stream_logits(
        self, texts: Iterable[Text], stride: int | None, long_text: LongText, *, is_split: bool = False
    ) -> Iterator[tuple[Text, Encoding, np.ndarray]]:
        """Each text, what of it was read, and its logits [T_i, labels]."""
        check_long_text(long_text)
        limit = self.model.max_length
        if stride is None:
            stride = max(limit - self.tokenizer.special_count, 0) // 4
        elif type(stride) is not int or not 0 <= stride < limit - self.tokenizer.special_count:
            raise InputError(f"stride must be from 0 to below the model's {limit} tokens, not {stride!r}")
        start = cut = 0
        for chunk in in_chunks(_checked(texts, is_split), _characters, self._chunk_characters):
            read = self.tokenizer.encode_batch(chunk, max_length=limit, is_split=is_split)
            windows = [[Window(encoding, 0, len(encoding))] for encoding in read]
            for index, encoding in enumerate(read):
                if encoding.truncated and long_text == "error":
                    raise InputError(
                        f"text {start + index} is longer than the {limit} tokens that the model reads; "
                        'shorten it, or choose long_text="window" or "truncate"'
                    )
                if encoding.truncated and long_text == "window":
                    (read[index],) = self.tokenizer.encode_batch([chunk[index]], is_split=is_split)
                    windows[index] = self.tokenizer.windows(chunk[index], limit, stride, is_split=is_split)
            start += len(chunk)
            cut += sum(encoding.truncated for encoding in read)
            rows = iter(self._run([window.encoding for own in windows for window in own]))
            for text, encoding, own in zip(chunk, read, windows, strict=True):
                yield text, encoding, self._stitched(encoding, own, [next(rows) for _ in own])
        if cut:
            message = f"{cut} of {start} texts are longer than {limit} tokens and were cut; see long_text"
            warnings.warn(message, LongTextWarning, stacklevel=4)

    def _stitched(self, encoding: Encoding, windows: list[Window], rows: list[np.ndarray]) -> np.ndarray:
        """One row a token [T, labels], from windows whose rows are [t, labels]."""
        if len(windows) == 1:
            return rows[0]
        opening = self.tokenizer.special_count - self.tokenizer.closing_count
        seams = [0]
        for before, after in pairwise(windows):
            # the middle of what both read, moved to the front of its word
            first, middle = opening + after.start, opening + (after.start + before.stop) // 2
            words = encoding.word_ids[first : middle + 1]
            seams.append(first + int(np.argmax(words == words[-1])))
        seams.append(len(encoding))
        return np.concatenate(
            [
                own[seam - window.start : next_seam - window.start]
                for own, window, (seam, next_seam) in zip(rows, windows, pairwise(seams), strict=True)
            ]
        )

    def _entities(
        self, text: Text, encoding: Encoding, logits: np.ndarray, reading: _Reading, ignored: np.ndarray
    ) -> list[Entity]:
        """`ignored` [labels] marks the labels that are left out."""
        # most texts have no entities, and are quickly told; averages and valid sequences may find what no token says
        by_token = not reading.valid_sequences and reading.aggregation != "average"
        if by_token and ignored[logits.argmax(-1)].all():
            return []
        inside = encoding.sequence_ids == 0
        if not inside.any():
            return []
        scores, starts, ends = _units(text, encoding, softmax(logits), inside, reading.aggregation)
        if reading.valid_sequences:
            iob1 = reading.valid_sequences == "IOB1"
            labels = self.scheme.best_sequence(np.log(np.maximum(scores, 1e-30)), iob1=iob1)
        else:
            labels = scores.argmax(-1)
        grouped = reading.aggregation != "none"
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


def _checked(texts: Iterable[Text], is_split: bool) -> Iterator[Text]:
    """The texts, each of the right type. Raises InputError naming the first that is not."""
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise InputError(f"give a list of texts, not {type(texts).__name__}")
    for index, text in enumerate(texts):
        if is_split:
            if not isinstance(text, list | tuple) or not all(isinstance(word, str) for word in text):
                raise InputError(f"text {index} must be a list of words, not {type(text).__name__}")
        elif not isinstance(text, str):
            raise InputError(f"text {index} must be a string, not {type(text).__name__}")
        yield text


def _characters(text: Text) -> int:
    return 1 + sum(1 + len(part) for part in ([text] if isinstance(text, str) else text))
