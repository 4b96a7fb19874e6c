"""A smaller DistilBERT whose weights are parts of its teacher's.

Every axis of a weight is of one kind, and what the student keeps of each kind is chosen once: layers at even
distances, as the paper does; heads, hidden units and numbers of the width by how much they carry.
"""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..arguments import Shape
from ..config import DistilBertConfig
from ..errors import InputError
from ..folder.weight_names import PREFIX
from ..tasks.numbers import largest
from ..train.objective import AnyModel

_LAYER = re.compile(r"layer\.(\d+)\.")
# the axes of a weight by the end of its name: V vocabulary, P positions, D width, A width by heads, F hidden, C classes
_AXES = {
    "word_embeddings.weight": "VD",
    "position_embeddings.weight": "PD",
    "q_lin.weight": "AD",
    "q_lin.bias": "A",
    "k_lin.weight": "AD",
    "k_lin.bias": "A",
    "v_lin.weight": "AD",
    "v_lin.bias": "A",
    "out_lin.weight": "DA",
    "lin1.weight": "FD",
    "lin1.bias": "F",
    "lin2.weight": "DF",
    "vocab_transform.weight": "DD",
    "vocab_projector.weight": "VD",
    "vocab_projector.bias": "V",
    "pre_classifier.weight": "DD",
    "classifier.weight": "CD",
    "classifier.bias": "C",
    "qa_outputs.weight": "CD",
    "qa_outputs.bias": "C",
}


def student_config(teacher: DistilBertConfig, shape: Shape, vocab_size: int) -> DistilBertConfig:
    """The config of a student. Raises InputError for one larger than its teacher, ConfigError for other faults."""
    layers = shape.layers or max(1, teacher.n_layers // 2)
    dim = shape.dim or teacher.dim
    for name, wanted, most in (("layers", layers, teacher.n_layers), ("dim", dim, teacher.dim)):
        if wanted > most:
            raise InputError(f"{name}={wanted} is more than the teacher's {most}")
    heads = shape.heads or max(1, dim // teacher.head_dim)
    if not shape.heads and dim % heads:
        heads = math.gcd(dim, teacher.n_heads)
    hidden = shape.hidden_dim or max(1, teacher.hidden_dim * dim // teacher.dim)
    # extra: settings of other programs, which may not fit the student
    return dataclasses.replace(
        teacher, n_layers=layers, dim=dim, n_heads=heads, hidden_dim=hidden, vocab_size=vocab_size, extra={}
    )


def chosen_layers(teacher: int, student: int) -> list[int]:
    """Of the teacher's layers, those that the student begins with: 12 and 6 give 0, 2, 4, 7, 9, 11, as in the paper."""
    if student == 1:
        return [0]
    return [round(index * (teacher - 1) / (student - 1)) for index in range(student)]


def shrink(
    student: AnyModel,
    weights: Mapping[str, Tensor],
    teacher: DistilBertConfig,
    pieces: np.ndarray,
    layers: Sequence[int],
) -> np.ndarray:
    """Put parts of the teacher's weights into the student, in place; what has no counterpart keeps its fresh values.

    Args:
        student: a model of `distilbert.nn`.
        weights: the teacher's, by the names of the key table.
        pieces: int64 [V], the teacher's id of each of the student's pieces.
        layers: which of the teacher's layers it takes, one for each of its own.

    Returns:
        int64 [D]: which of the teacher's D numbers the student's are.
    """
    config: DistilBertConfig = student.config
    kept = {
        "V": pieces,
        "D": np.sort(largest(_energy(weights), config.dim)),
        "P": np.arange(teacher.max_position_embeddings),
    }
    by_layer = {place: _kept_of_layer(weights, teacher, config, layer) for place, layer in enumerate(layers)}
    with torch.no_grad():
        for name, parameter in student.by_table_name().items():
            found = _LAYER.search(name)
            kept_here = kept | by_layer[int(found[1])] if found else kept
            source = weights.get(_LAYER.sub(f"layer.{layers[int(found[1])]}.", name) if found else name)
            if source is None:
                continue
            axes = next((axes for end, axes in _AXES.items() if name.endswith("." + end) or name == end), "D")
            for axis, kind in enumerate(axes):
                if kind in kept_here:
                    source = source.index_select(axis, torch.from_numpy(kept_here[kind]))
            if source.shape == parameter.shape:
                parameter.copy_(source)
    return kept["D"]


def _energy(weights: Mapping[str, Tensor]) -> np.ndarray:
    """float [D]: the mean square that LayerNorms give to each number of a state: gain² + bias², over all of them."""
    gains = [name for name in weights if name.lower().endswith("norm.weight") and name.startswith(PREFIX)]
    squares = [weights[name] ** 2 + weights[name.removesuffix("weight") + "bias"] ** 2 for name in gains]
    return torch.stack(squares).sum(0).numpy()


def _kept_of_layer(
    weights: Mapping[str, Tensor], teacher: DistilBertConfig, config: DistilBertConfig, layer: int
) -> dict[str, np.ndarray]:
    """Hidden units and heads, by the product of the norms of what leads in and out."""
    name = f"{PREFIX}transformer.layer.{layer}"
    into, out = weights[f"{name}.ffn.lin1.weight"], weights[f"{name}.ffn.lin2.weight"]
    kept = {"F": np.sort(largest((into.norm(dim=1) * out.norm(dim=0)).numpy(), config.hidden_dim))}
    width = teacher.head_dim
    if config.head_dim == width and config.n_heads <= teacher.n_heads:
        value, leave = weights[f"{name}.attention.v_lin.weight"], weights[f"{name}.attention.out_lin.weight"]
        begins = value.view(-1, width, teacher.dim).norm(dim=(1, 2))
        ends = leave.view(teacher.dim, -1, width).norm(dim=(0, 2))
        heads = np.sort(largest((begins * ends).numpy(), config.n_heads))
        kept["A"] = (heads[:, None] * width + np.arange(width)).ravel()
    return kept
