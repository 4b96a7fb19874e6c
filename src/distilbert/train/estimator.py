"""DistilBertClassifier: text classification as scikit-learn has it."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ..arguments import ClassWeights, LoopArguments
from ..data.examples import Data, LabelledText
from ..errors import CheckpointError, ConfigError, InputError, name_list, short_repr, translated
from ..fetching import fetch
from ..files import is_file, read_json, written_whole_folder
from ..folder.opened import open_folder
from ..loading import open_model
from ..nn.engine import TorchEngine
from ..nn.heads import DistilBertForSequenceClassification
from ..tasks.inputs import check_strings_or_pairs, kind, several
from ..tasks.numbers import softmax
from ..tasks.task import Model
from ..tasks.text_classification import TextClassifier
from .defaults import with_defaults
from .loop import open_accelerator, run
from .opened import open_trainable
from .precision import with_precision

Texts = Sequence[str] | Sequence[tuple[str, str]] | np.ndarray

_ESTIMATOR = "estimator.json"  # of a saved folder: the settings, and the classes as values of their own type


class DistilBertClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Fine-tunes a model on texts and their classes; goes into `cross_val_score`, `GridSearchCV` and pipelines.

    Args:
        model: a folder, or a name on the hub.
        class_weight: "balanced", or the weight of each class whose weight is not 1.
        max_length: the longest text in tokens; 0: all that the model reads.
        The others are those of `LoopArguments`.

    Attributes:
        classes_: the classes, in the order of the columns of `predict_proba`.
        classifier_: the task that runs the trained model, a `TextClassifier`.
        module_: the trained model itself, of `distilbert.nn`.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        epochs: float = 0.0,
        batch_size: int = 0,
        learning_rate: float = 0.0,
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, True, False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: the trained model itself, which lies in no folder."""
        state: dict[str, Any] = super().__getstate__()
        if "classifier_" in state:
            state = state | {"classifier_": state["classifier_"].model}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if isinstance(model := state.get("classifier_"), Model):
            self.classifier_ = TextClassifier(model)

    def fit(self, X: Texts, y: Any) -> Self:  # noqa: N803  # scikit-learn's names
        """Train a fresh copy of the model on texts (or pairs) and their classes, of two kinds at least.

        Raises InputError for what is no list of texts, and for anything else in `y` than one class for each: texts,
        whole numbers, or True and False.
        """
        texts = _texts(X)
        self.classes_, targets = _classes(y)
        if len(texts) != len(targets):
            raise InputError(f"there are {len(texts)} texts and {len(targets)} classes; give one for each")
        if len(self.classes_) < 2:
            raise InputError("the texts are all of one class, or none; there is nothing to tell apart")
        labels = tuple(str(label) for label in self.classes_.tolist())
        examples = [LabelledText(text, labels[target]) for text, target in zip(texts, targets, strict=True)]
        data = Data("X", examples, labels, "single_label_classification")
        known = {field.name for field in dataclasses.fields(LoopArguments)}
        arguments = LoopArguments(**{name: value for name, value in self.get_params().items() if name in known})
        weights = self.class_weight
        if weights is not None and not isinstance(weights, str):
            weights = {str(label): weight for label, weight in weights.items()}
        accelerator = open_accelerator(arguments)
        opened = open_trainable("text-classification", self.model, data, max_length=self.max_length, seed=self.seed)
        objective = opened.objective(data, weights)
        settled = with_defaults(
            arguments, "text-classification", len(texts), opened.model.config.dim, fresh_head=opened.fresh_head
        )
        run(opened.model, objective, with_precision(settled), accelerator, quiet=True)
        assert isinstance(opened.live, TextClassifier)
        assert isinstance(opened.model, DistilBertForSequenceClassification)
        self.classifier_, self.module_ = opened.live, opened.model
        return self

    def save(self, folder: str | Path) -> None:
        """Write the trained model as a model folder, which `distilbert.load` and all commands read, and `load` here.

        The tokenizer's files are those of the folder that training began with. Raises CheckpointError for a place that
        cannot be written or has files, NotFittedError before `fit`, and what `distilbert.load` raises of that folder.
        """
        check_is_fitted(self)
        source = open_folder(self.classifier_.model.folder, vectors=False)
        about = {"settings": self.get_params() | {"model": str(self.model)}, "classes": self.classes_.tolist()}
        text = json.dumps(about | {"dtype": self.classes_.dtype.str}, indent=2, default=_plain) + "\n"
        way = "; give a new or an empty folder"
        with (
            translated(OSError, CheckpointError, f"{folder}: cannot be written", way),
            written_whole_folder(Path(folder)) as temporary,
        ):
            self.module_.save_pretrained(temporary)
            source.copy_companions(temporary, parts=False)
            (temporary / _ESTIMATOR).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What `save` wrote; of another model folder for text classification the classes are its labels.

        Raises what `distilbert.load` raises, and ConfigError for an estimator.json that does not fit.
        """
        opened = open_folder(fetch(folder), vectors=False)
        module = DistilBertForSequenceClassification.from_checkpoint(opened.checkpoint)
        path, labels = opened.root / _ESTIMATOR, opened.config.labels
        made, classes = cls(folder), np.array(labels)
        if is_file(path):
            about = read_json(path)
            settings, values = about.get("settings"), about.get("classes")
            if not isinstance(settings, dict) or not set(settings) <= set(made.get_params()):
                raise ConfigError(f"{path}: settings must be those of {cls.__name__}, not {short_repr(settings)}")
            made.set_params(**settings)
            try:
                classes = np.array(values, about.get("dtype"))
            except (TypeError, ValueError):
                raise ConfigError(f"{path}: classes {short_repr(values)} are not of their dtype") from None
            if tuple(map(str, classes.tolist())) != labels:
                raise ConfigError(f"{path}: classes are not the labels of the model: {name_list(labels, 10)}")
        model = open_model(opened, TorchEngine(module))
        made.classes_, made.module_ = classes, module
        made.classifier_ = TextClassifier(dataclasses.replace(model, max_length=made.max_length or model.max_length))
        return made

    def predict_proba(self, X: Texts) -> np.ndarray:  # noqa: N803
        """float64 [B, classes]."""
        check_is_fitted(self)
        logits = self.classifier_.logits(_texts(X)).astype(np.float64)
        return softmax(self.classifier_.calibration(logits))

    def predict(self, X: Texts) -> np.ndarray:  # noqa: N803
        """The likeliest class of each text."""
        check_is_fitted(self)
        best: np.ndarray = self.classes_[self.predict_proba(X).argmax(-1)]
        return best


def _texts(given: Texts) -> list[Any]:
    """A list of strings or of pairs, also from an array [B] or [B, 2]. Raises InputError for anything else."""
    several(given, "texts or pairs")
    values = given.tolist() if isinstance(given, np.ndarray) else list(given)
    texts = [tuple(value) if isinstance(value, list) else value for value in values]
    check_strings_or_pairs(texts, 0)
    return texts


def _classes(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """The classes in order, and the index of each text's. Raises InputError for what holds no classes.

    The words "requires y to be passed" and "Unknown label type" are those that scikit-learn's own checks look for.
    """
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None: give the class of each text")
    try:
        values = np.asarray(y)
    except ValueError:
        raise InputError("y must be one class for each text, not lists of unequal length") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        shape = "a table" if values.ndim == 2 else f"an array of {values.ndim} dimensions"
        raise InputError(
            f"y must be one class for each text, not {shape}; `finetune` with problem='multi-label' learns several "
            "labels a text"
        )
    for index, value in enumerate(values.tolist()):
        if value is None or type(value).__name__ == "NAType" or value != value:
            raise InputError(f"y holds no class for text {index} but {value}: leave such texts out")
        if not isinstance(value, str | bool | int | float):
            raise InputError(f"classes are texts, whole numbers, or True and False; text {index} has {kind(value)}")
        if isinstance(value, float) and not value.is_integer():
            raise InputError(
                f"Unknown label type: text {index} has {value}, which is no class; `finetune` with "
                "problem='regression' learns numbers"
            )
    try:
        classes, indices = np.unique(values, return_inverse=True)
    except TypeError:
        raise InputError("y mixes texts and numbers: write all classes the same way") from None
    return classes, indices


def _plain(value: Any) -> Any:
    """NumPy's numbers as JSON's, anything else as text."""
    return value.item() if isinstance(value, np.generic) else str(value)
