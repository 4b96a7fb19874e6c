"""What all tasks share: an opened model, and the way from texts to output rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np

from ..batch import in_chunks, run_batched
from ..config import DistilBertConfig
from ..encoding import Encoding
from ..engine.seam import Engine
from ..errors import InputError
from ..folder.checkpoint import Head
from ..folder.sentence import SentenceFolder
from ..hint_arguments import ARGUMENTS
from ..hint_attributes import ATTRIBUTES
from ..hints import Hinted, hinting, unknown_attribute
from ..progress import with_bar
from ..tokenizer import BertTokenizer
from .inputs import TextOrPair, characters, check_strings, check_strings_or_pairs, encoded
from .long_text import CutTexts, LongText, to_window
from .options import TaskOptions
from .origin import Origin, reopen

Item = TypeVar("Item")
AnyTask = TypeVar("AnyTask", bound="Task")

FIRST = np.zeros(1, np.int64)  # the row of [CLS]
_CALLS = ("__call__", "stream", "logits", "from_words")
_CHUNK_BATCHES = 16  # a stream is read this many batches ahead, so that texts of like length meet


@dataclass(frozen=True, eq=False)
class Model:
    """An opened model: all that a task needs.

    Attributes:
        folder: where it was loaded from.
        max_length: the longest text in tokens, special tokens included.
        max_batch_tokens: the token budget of a batch.
        origin: how it was opened; None for a model that is in memory alone.
        sentence: what the folder says of making vectors, if it is one of sentence-transformers.
        progress: whether long work shows a bar.
    """

    folder: Path
    config: DistilBertConfig
    tokenizer: BertTokenizer
    engine: Engine
    max_length: int
    max_batch_tokens: int
    origin: Origin | None = None
    sentence: SentenceFolder | None = None
    progress: bool = False


class _Hinting(type):
    """Of a task's class, too, what it does not have is told with what does the same here: `from_pretrained`."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> object:
            raise AttributeError(unknown_attribute(cls.__name__, name, ATTRIBUTES))


class Task(Hinted, metaclass=_Hinting):
    """Base of the tasks. A subclass says which head it runs, which rows of a text that head reads, its options,
    whether it makes the vectors that sentence-transformers' files are about, and whether it pools rows into one.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {**ARGUMENTS, **ATTRIBUTES}
    task: ClassVar[str]
    head: ClassVar[Head]
    all_rows: ClassVar[bool] = False
    options: ClassVar[type[TaskOptions]]
    makes_vectors: ClassVar[bool] = False
    pools: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Calls tell what does the same here as an argument of another library."""
        super().__init_subclass__()
        for name in _CALLS:
            if name in vars(cls):
                setattr(cls, name, hinting(vars(cls)[name], getattr(cls, "options", TaskOptions)))

    def __init__(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise InputError(f"a {type(self).__name__} is made by distilbert.load({model!r}, {self.task!r})")
        self.model = model
        self.config = model.config
        self.tokenizer = model.tokenizer

    def __setattr__(self, name: str, value: object) -> None:
        """Raises AttributeError for another library's attribute, which would be set to no effect."""
        if name in ATTRIBUTES and not hasattr(type(self), name):
            raise AttributeError(unknown_attribute(type(self).__name__, name, self.elsewhere))
        super().__setattr__(name, value)

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

    def _chunks(
        self, texts: Iterable[Item], size: Callable[[Item], int] = characters
    ) -> Iterator[tuple[int, list[Item]]]:
        """A stream cut into lists of bounded size, each with the number of its first text."""
        start = 0
        chunks = in_chunks(texts, size, 4 * self._chunk_tokens)  # a token has some four letters
        if self.model.progress:
            chunks = with_bar(chunks, len(texts) if isinstance(texts, Sized) else None)
        for chunk in chunks:
            yield start, chunk
            start += len(chunk)

    def _run(
        self, texts: Sequence[Sequence[Encoding]], rows_of: Callable[[Encoding], np.ndarray] | None = None
    ) -> list[list[np.ndarray]]:
        """The output rows [K, …] of each text's encodings, of which a text in windows has several.

        `rows_of` chooses the rows [K] of an encoding, for an engine that was opened for chosen rows.
        """
        encodings = [encoding for parts in texts for encoding in parts]
        ids = [encoding.ids for encoding in encodings]
        rows = [rows_of(encoding) for encoding in encodings] if rows_of else None
        outputs = iter(run_batched(self.model.engine.run, ids, rows, self.model.max_batch_tokens))
        return [list(islice(outputs, len(parts))) for parts in texts]

    def _run_classifier(self, texts: Sequence[Sequence[Encoding]]) -> list[list[np.ndarray]]:
        """A classifier's logits [labels] of each text's encodings: of [CLS], or the mean over all tokens, as
        config.json says.
        """
        if self.config.classifier_pooling == "cls":
            return [[rows[0] for rows in parts] for parts in self._run(texts, lambda _: FIRST)]
        every = self._run(texts, lambda encoding: np.arange(len(encoding)))
        return [[rows.mean(0) for rows in parts] for parts in every]

    def _encode(
        self,
        texts: Sequence[TextOrPair],
        long_text: LongText,
        start: int,
        name: Callable[[int], str] = "text {}".format,
    ) -> list[list[Encoding]]:
        """The encodings of each text: one, or its windows where it is too long and windows are asked for.

        `start` is the first text's number in the caller's input, and `name` what it is called, for messages.
        """
        check_strings_or_pairs(texts, start)
        limit = self.model.max_length
        encodings = encoded(self.tokenizer, texts, limit)
        parts = [[encoding] for encoding in encodings]
        for index in to_window(encodings, long_text, limit, lambda index: name(start + index)):
            parts[index] = self._windows(texts[index])
        return parts

    def _encoded(self, texts: Iterable[str], long_text: LongText, prefix: str) -> Iterator[list[list[Encoding]]]:
        """The encodings of a stream, each text behind `prefix`, chunk by chunk; at its end a warning of texts that were
        cut.
        """
        cut_texts = CutTexts(f"{self.model.max_length} tokens")
        for start, chunk in self._chunks(texts):
            check_strings(chunk, start)
            parts = self._encode([prefix + text for text in chunk], long_text, start)
            cut_texts.count([encodings[0].truncated for encodings in parts])
            yield parts
        cut_texts.warn()

    def _windows(self, text: TextOrPair) -> list[Encoding]:
        limit = self.model.max_length
        if isinstance(text, str):
            windows = self.tokenizer.windows(text, limit, stride=0)
        else:
            windows = self.tokenizer.pair_windows(*text, limit, stride=0)
        return [window.encoding for window in windows]
