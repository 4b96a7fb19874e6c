"""Text classification: single label, multi-label and regression, of texts and pairs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypedDict, Unpack, overload

import numpy as np

from ..encoding import Encoding
from ..errors import InputError
from ..fields import setting
from ..folder.checkpoint import Head
from ..results import Classification
from .inputs import TextOrPair, is_one, several
from .long_text import LongText
from .numbers import largest, logistic, softmax, weighted_mean
from .options import LongTextKeyword, TaskOptions
from .task import Model, Task

Function = Literal["softmax", "sigmoid", "none"]
_FUNCTIONS = {"softmax": softmax, "sigmoid": logistic}
_STACKED = 1 << 12  # rows: an array has more to it than a few numbers
Labels = Classification | list[Classification]


@dataclass(frozen=True, kw_only=True)
class ClassifierOptions(TaskOptions):
    """Options of a text classification."""

    top_k: int | None = setting(1, least=1, help="how many labels, best first")
    threshold: float | None = setting(None, help="every label whose score is at least this")
    function: Function | None = setting(None, help="from logits to scores", unset="as the model was trained")


class _Best(TypedDict, total=False):
    """Options with which a text gives one label, for type checkers."""

    top_k: Literal[1]
    threshold: None
    function: Function | None
    long_text: LongText


class _Several(TypedDict, total=False):
    """Options with which it gives a list."""

    top_k: int | None
    threshold: float | None
    function: Function | None
    long_text: LongText


class TextClassifier(Task):
    """Labels texts. Made by `distilbert.load` from a DistilBertForSequenceClassification.

    Attributes:
        calibration: what its folder says of the way from logits to scores.
    """

    task = "text-classification"
    head = Head.SEQUENCE_CLASSIFICATION
    options = ClassifierOptions

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.calibration = self.config.calibration

    # a string is an iterable of strings too, hence the overlaps
    @overload
    def __call__(self, texts: TextOrPair, **options: Unpack[_Best]) -> Classification: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, texts: TextOrPair, **options: Unpack[_Several]) -> list[Classification]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, texts: Iterable[TextOrPair], **options: Unpack[_Best]) -> list[Classification]: ...
    @overload
    def __call__(self, texts: Iterable[TextOrPair], **options: Unpack[_Several]) -> list[list[Classification]]: ...
    def __call__(
        self,
        texts: TextOrPair | Iterable[TextOrPair],
        *,
        top_k: int | None = ClassifierOptions.top_k,
        threshold: float | None = ClassifierOptions.threshold,
        function: Function | None = ClassifierOptions.function,
        long_text: LongText = ClassifierOptions.long_text,
    ) -> Any:
        """Label one text or pair, or a list of them: list in, list out, in the same order.

        Args:
            texts: a string, a `(text, pair)` tuple, or an iterable of these.
            top_k: how many labels, best first; None for all. Other than 1, each text gives a list.
            threshold: every label whose score is at least this, perhaps none; each text gives a list,
                at most `top_k` long where `top_k` is more than 1.
            function: "softmax", "sigmoid" or "none", from logits to scores. By default what the model
                was trained for, as in Transformers: none for a regression, the sigmoid for several
                labels at once or a single output, softmax otherwise. The two are of the logits as the folder's
                calibration has them, "none" of the raw ones.
            long_text: what to do with a text longer than the model reads: "truncate" (marked in the
                result), "window" (read it all in windows; the logits are the mean over windows, weighted
                by their tokens), or "error".

        Raises:
            InputError: for anything else than texts, and for options outside their range.
        """
        options = ClassifierOptions(top_k=top_k, threshold=threshold, function=function, long_text=long_text)
        one = is_one(texts)
        given: Any = [texts] if one else texts
        results = list(self._results(given, options))
        return results[0] if one else results

    @overload
    def stream(self, texts: Iterable[TextOrPair], **options: Unpack[_Best]) -> Iterator[Classification]: ...
    @overload
    def stream(self, texts: Iterable[TextOrPair], **options: Unpack[_Several]) -> Iterator[list[Classification]]: ...
    def stream(self, texts: Iterable[TextOrPair], **options: Unpack[_Several]) -> Iterator[Any]:
        """The same for a stream of any length, in bounded memory and in order."""
        return self._results(several(texts), ClassifierOptions(**options))

    def logits(self, texts: TextOrPair | Iterable[TextOrPair], **options: Unpack[LongTextKeyword]) -> np.ndarray:
        """The head's raw output, float32 [B, labels]; [labels] for one text."""
        long_text = ClassifierOptions(**options).long_text
        one = is_one(texts)
        given: Any = [texts] if one else texts
        rows = (row for _, row in self._read(given, long_text))
        parts = [np.empty((0, self.config.num_labels), np.float32)]
        while part := list(islice(rows, _STACKED)):
            parts.append(np.stack(part))
        logits = np.concatenate(parts)
        return logits[0] if one else logits

    @property
    def function(self) -> Function:
        """From logits to scores, as the model was trained."""
        self.config.check_problem_type(self.model.folder)
        problem = self.config.problem_type
        if problem == "regression":
            return "none"
        if problem == "multi_label_classification" or self.config.num_labels == 1:
            return "sigmoid"
        return "softmax"

    def _results(self, texts: Iterable[TextOrPair], options: ClassifierOptions) -> Iterator[Labels]:
        function, threshold = options.function or self.function, options.threshold
        if threshold is not None and function != "none" and not 0 <= threshold <= 1:
            raise InputError(f"threshold must be from 0 to 1, as scores of the {function} are, not {threshold:g}")
        return (self._labels(logits, encodings, options) for encodings, logits in self._read(texts, options.long_text))

    def _read(self, texts: Iterable[TextOrPair], long_text: LongText) -> Iterator[tuple[list[Encoding], np.ndarray]]:
        """Each text's encodings, and its logits [labels]."""
        for start, chunk in self._chunks(texts):
            parts = self._encode(chunk, long_text, start)
            for encodings, logits in zip(parts, self._run_classifier(parts), strict=True):
                yield encodings, weighted_mean(logits, [len(encoding) for encoding in encodings])

    def _labels(self, logits: np.ndarray, encodings: list[Encoding], options: ClassifierOptions) -> Labels:
        function, top_k = options.function or self.function, options.top_k
        scores = logits if function == "none" else _FUNCTIONS[function](self.calibration(logits))
        tokens = sum(map(len, encodings))
        truncated = any(encoding.truncated for encoding in encodings)

        def label(index: int) -> Classification:
            return Classification(self.config.labels[index], float(scores[index]), tokens, truncated)

        if options.threshold is None:
            return label(int(scores.argmax())) if top_k == 1 else [label(i) for i in largest(scores, top_k).tolist()]
        most = None if top_k == 1 else top_k
        return [label(i) for i in largest(scores, most).tolist() if float(scores[i]) >= options.threshold]
