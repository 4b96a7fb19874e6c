"""DistilBertClassifier: text classification as scikit-learn has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ..arguments import ClassWeights, LoopArguments
from ..data.examples import Data, LabelledText
from ..errors import InputError
from ..tasks.numbers import softmax
from ..tasks.text_classification import TextClassifier
from .loop import open_accelerator, run
from .objectives import make_objective
from .opened import open_trainable

Texts = Sequence[str] | Sequence[tuple[str, str]] | np.ndarray


class DistilBertClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Fine-tunes a model on texts and their classes; goes into `cross_val_score`, `GridSearchCV` and pipelines.

    Args:
        model: a folder, `starter/NAME`, or a name on the hub.
        class_weight: "balanced", or the weight of each class whose weight is not 1.
        max_length: the longest text in tokens; 0: all that the model reads.
        The others are those of `LoopArguments`.

    Attributes:
        classes_: the classes, in the order of the columns of `predict_proba`.
        classifier_: the task that runs the trained model, a `TextClassifier`.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        epochs: float = 3.0,
        batch_size: int = 32,
        learning_rate: float = 5e-5,
        layer_decay: float = 1.0,
        class_weight: ClassWeights | None = None,
        max_length: int = 0,
        seed: int = 0,
        threads: int = 0,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.layer_decay = layer_decay
        self.class_weight = class_weight
        self.max_length = max_length
        self.seed = seed
        self.threads = threads

    def fit(self, X: Texts, y: Any) -> Self:  # noqa: N803  # scikit-learn's names
        """Train a fresh copy of the model on texts (or pairs) and their classes, of two kinds at least."""
        texts = _texts(X)
        self.classes_, targets = np.unique(np.asarray(y), return_inverse=True)
        if len(texts) != len(targets):
            raise InputError(f"there are {len(texts)} texts and {len(targets)} classes; give one for each")
        if len(self.classes_) < 2:
            raise InputError("the texts are all of one class, or none; there is nothing to tell apart")
        labels = tuple(str(label) for label in self.classes_.tolist())
        examples = [LabelledText(text, labels[target]) for text, target in zip(texts, targets, strict=True)]
        data = Data("X", examples, labels, "single-label")
        arguments = LoopArguments(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            layer_decay=self.layer_decay,
            seed=self.seed,
            threads=self.threads,
        )
        weights = self.class_weight
        if weights is not None and weights != "balanced":
            weights = {str(label): weight for label, weight in weights.items()}
        accelerator = open_accelerator(arguments)
        opened = open_trainable("text-classification", self.model, data, max_length=self.max_length, seed=self.seed)
        objective = make_objective(
            "text-classification", data, opened.tokenizer, opened.max_length, class_weights=weights
        )
        run(opened.model, objective, arguments, accelerator, quiet=True)
        assert isinstance(opened.live, TextClassifier)
        self.classifier_ = opened.live
        return self

    def predict_proba(self, X: Texts) -> np.ndarray:  # noqa: N803
        """float64 [B, classes]."""
        check_is_fitted(self)
        return softmax(self.classifier_.logits(_texts(X)).astype(np.float64))

    def predict(self, X: Texts) -> np.ndarray:  # noqa: N803
        """The likeliest class of each text."""
        best: np.ndarray = self.classes_[self.predict_proba(X).argmax(-1)]
        return best


def _texts(given: Texts) -> list[Any]:
    """A list of strings or of pairs, also from an array [B] or [B, 2]."""
    values = given.tolist() if isinstance(given, np.ndarray) else list(given)
    return [tuple(value) if isinstance(value, list) else value for value in values]
