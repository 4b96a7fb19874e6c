"""Labelled text vectors -> a linear head, and that head in the form of a DistilBERT's classifier."""

import numpy as np

from ..data.examples import Data, LabelledText
from ..data.summary import rare_classes
from ..errors import InputError
from ..folder.weight_names import PREFIX
from .logistic import LinearHead, Loss, best_strength, fit, sigmoid_loss, softmax_loss, squared_loss


def fit_head(
    vectors: np.ndarray, data: Data[LabelledText], *, balanced: bool | None = None, seed: int = 0
) -> LinearHead:
    """The head that labels the vectors float [n, D] of the examples; how strongly it fits them, cross-validation says.

    `balanced`: whether all classes count the same; None: where they are uneven. Raises InputError for labels that are
    all the same.
    """
    targets, loss = _targets(data)
    if loss is softmax_loss and targets.any(0).sum() < 2:
        raise InputError(f"{data.source}: all labels are {data.examples[0].label!r}; there is nothing to tell apart")
    weights = None
    if loss is softmax_loss and (balanced or (balanced is None and rare_classes(data))):
        counts = targets.sum(0)
        weights = targets @ np.where(counts > 0, len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 0)
    centre = vectors.mean(0, dtype=np.float64)
    spread = float(np.sqrt(((vectors - centre) ** 2).sum(1).mean())) or 1.0
    scaled = (vectors - centre) / spread
    strength = best_strength(scaled, targets, loss, weights=weights, seed=seed)
    head = fit(scaled, targets, loss, strength=strength, weights=weights)
    weight = head.weight / spread
    return LinearHead(weight, head.bias - weight @ centre)


def _targets(data: Data[LabelledText]) -> tuple[np.ndarray, Loss]:
    """float64 [n, C], and the loss that they are for."""
    labels = [example.label for example in data.examples]
    if data.problem == "regression":
        return np.array(labels, np.float64)[:, None], squared_loss
    if data.problem == "multi_label_classification":
        return np.array([[name in (label or ()) for name in data.labels] for label in labels], np.float64), sigmoid_loss  # type: ignore[operator]
    return np.array([[name == label for name in data.labels] for label in labels], np.float64), softmax_loss


def as_classifier(head: LinearHead, last_norm: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of a DistilBERT's classifier that computes the linear head of each token's state.

    Its first layer is the identity, moved so far up that its ReLU changes nothing: a state is a LayerNorm's output,
    whose numbers are at most |gain| · sqrt(D - 1) + |bias|. `last_norm` is that LayerNorm's gain and bias [D].
    """
    gain, bias = (values.astype(np.float64) for values in last_norm)
    lift = np.abs(gain) * np.sqrt(len(gain) - 1) + np.abs(bias)
    arrays = {
        "pre_classifier.weight": np.eye(len(gain)),
        "pre_classifier.bias": lift,
        "classifier.weight": head.weight,
        "classifier.bias": head.bias - head.weight @ lift,
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def last_norm_names(layers: int) -> tuple[str, str]:
    """The names of the gain and the bias of the encoder's last LayerNorm."""
    name = f"{PREFIX}transformer.layer.{layers - 1}.output_layer_norm"
    return f"{name}.weight", f"{name}.bias"
