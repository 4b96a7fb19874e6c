"""The names that TensorFlow, Keras and Flax give to weights -> PyTorch's, which Transformers' safetensors have.

They differ in the last part of a name, in how layers are numbered, and in the places of the heads of Google's own
BERTs. A `kernel` is stored as [inputs, outputs], PyTorch's `weight` as [outputs, inputs].
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import CheckpointError, short_repr
from ..folder.weights import Weight

_LAST = {"kernel": "weight", "gamma": "weight", "scale": "weight", "embeddings": "weight", "embedding": "weight"}
_LAST |= {"beta": "bias"}
_LAYER = re.compile(r"layer_(?:\._)?(\d+)")  # layer_0 (Google), layer_._0 (Keras)
# of Google's checkpoints and of Transformers' classes in TensorFlow, after the parts above were translated
_WHOLE = {
    "cls.predictions.output_bias": "cls.predictions.bias",
    "cls.seq_relationship.output_weights": "cls.seq_relationship.weight",
    "cls.seq_relationship.output_bias": "cls.seq_relationship.bias",
    "cls.squad.output_weights": "qa_outputs.weight",
    "cls.squad.output_bias": "qa_outputs.bias",
    "output_weights": "classifier.weight",
    "output_bias": "classifier.bias",
}
_TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")


def torch_name(parts: tuple[str, ...]) -> str:
    """PyTorch's name of the weight whose name has these parts: ("layer_._0", "ffn", "lin1", "kernel")."""
    parts = tuple(part for whole in parts for part in whole.split("___"))  # Keras: mlm___cls, nsp___cls
    parts = tuple(part for part in parts if part not in ("mlm", "nsp"))
    *modules, last = (_LAYER.sub(r"layer.\1", part) for part in parts)
    if last in _TABLES:  # Google's tables are no modules
        modules, last = [*modules, last], "weight"
    name = ".".join((*modules, _LAST.get(last, last)))
    return _WHOLE.get(name, name)


def in_torch_form(path: Path, stored: Mapping[tuple[str, ...], Weight]) -> dict[str, Weight]:
    """Weights by the parts of their names -> by PyTorch's names, kernels transposed.

    Raises CheckpointError, naming `path`, where two have one name.
    """
    weights: dict[str, Weight] = {}
    for parts, weight in stored.items():
        name = torch_name(parts)
        if name in weights:
            raise CheckpointError(f"{path}: holds {short_repr(name)} twice, as {weights[name].name} and {weight.name}")
        weights[name] = transposed(weight) if parts[-1] == "kernel" and len(weight.shape) == 2 else weight
    return weights


def transposed(weight: Weight) -> Weight:
    """A matrix [inputs, outputs] as [outputs, inputs]."""
    return replace(weight, shape=weight.shape[::-1], stored=lambda: weight.stored().T, offset=None)
