"""A model folder <-> config and weights.

`open_checkpoint(folder)` reads config.json and the *headers* of the safetensors files, checks every
name, shape and dtype against the key table, and returns a `Checkpoint` whose weights are places in
files: nothing is read until an engine maps it. `save_checkpoint` writes the same, whole or not at all.
"""

import json
import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from .. import int8
from ..config import DistilBertConfig
from ..diagnosis import folder_name, other_name
from ..errors import (
    CheckpointError,
    CheckpointWarning,
    ConfigError,
    name_list,
    naming,
    short_repr,
    translated,
)
from ..files import has_file, is_folder, written_whole
from ..labels import MOST_LABELS
from .layout import CONFIG, WEIGHTS
from .other_weights import refuse_other_kinds
from .weight_names import PREFIX, PROJECTOR, WORDS, by_table_name, changes_answers, common_prefix, is_buffer, nearest
from .weights import FLOATS, NOT_FLOAT, Weight, read_weights


class Head(Enum):
    """What stands on the encoder. The value is the architecture's name in config.json."""

    NONE = "DistilBertModel"
    MASKED_LM = "DistilBertForMaskedLM"
    SEQUENCE_CLASSIFICATION = "DistilBertForSequenceClassification"
    TOKEN_CLASSIFICATION = "DistilBertForTokenClassification"
    QUESTION_ANSWERING = "DistilBertForQuestionAnswering"
    MULTIPLE_CHOICE = "DistilBertForMultipleChoice"


NORM = "vocab_layer_norm"  # the one layer of a head that is not linear
# a head's layers in the order of the forward pass; names of their weights begin with them
HEAD_LAYERS: dict[Head, tuple[str, ...]] = {
    Head.SEQUENCE_CLASSIFICATION: ("pre_classifier", "classifier"),
    Head.MULTIPLE_CHOICE: ("pre_classifier", "classifier"),
    Head.QUESTION_ANSWERING: ("qa_outputs",),
    Head.TOKEN_CLASSIFICATION: ("classifier",),
    Head.MASKED_LM: ("vocab_transform", NORM, "vocab_projector"),
    Head.NONE: (),
}
_HEAD_KEYS = frozenset().union(*HEAD_LAYERS.values())


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A folder that was checked: every tensor of the key table is there, with the right shape.

    Attributes:
        folder: where it lies.
        config: its configuration.
        head: what stands on the encoder.
        tensors: by the names of the key table (base weights always with the `distilbert.` prefix).
        unread: the names, in the file, of weights that no answer depends on.
    """

    folder: Path
    config: DistilBertConfig
    head: Head
    tensors: Mapping[str, Weight]
    unread: tuple[str, ...] = ()

    def leaves_unread(self, head: Head) -> bool:
        """Whether a head's weights are there, but config.json names another class."""
        return bool(HEAD_LAYERS[head]) and {name.split(".")[0] for name in self.unread}.issuperset(HEAD_LAYERS[head])

    @property
    def weights_folder(self) -> Path:
        """The folder that all files of the weights lie in."""
        return Path(os.path.commonpath({path.parent for path in self.weights_files}))

    @property
    def weights_files(self) -> list[Path]:
        """The files that the weights lie in, links resolved."""
        return sorted({tensor.path for tensor in self.tensors.values()})

    @property
    def bits(self) -> int | None:
        """Of the matrices of a quantised folder (see int8.py), None where they are floating-point."""
        return self.scheme.bits if self.scheme else None

    @cached_property
    def scheme(self) -> int8.Scheme | None:
        """How the weights of a quantised folder are stored, None where they are floating-point."""
        return _scheme(self.config)

    def int8_weight(self, name: str, bits: int) -> tuple[np.ndarray, np.ndarray]:
        """A matrix in int8 of at most `bits` bits, and its scales, as int8.py lays them out.

        `name` is that of the key table in float32, whether the folder is quantised or not.
        """
        if self.bits is None:
            quantized = int8.quantize(name, self.tensors[name].read(), 8 if int8.is_embedding(name) else bits)
            return int8.shortened(*quantized, bits)
        base = name.removesuffix(".weight")
        if packed := self.tensors.get(f"{base}.int4"):
            return int8.unpack_rows(packed.stored(), self.config.dim), self.tensors[f"{base}.row_scale"].read()
        return int8.shortened(self.tensors[f"{base}.int8"].stored(), self.tensors[f"{base}.scale"].read(), bits)

    def float_weight(self, name: str) -> np.ndarray:
        """A weight in float32 by its name in the key table; of a quantised one what its integers stand for."""
        if name in self.tensors:
            return self.tensors[name].read()
        weight = int8.dequantize(name, *self.int8_weight(name, 8))
        smoothing = self.tensors.get(int8.smoothing_of(name.removesuffix(".weight")) or "")
        return weight * smoothing.read() if smoothing else weight

    @property
    def parameters(self) -> int:
        """How many numbers the weights hold, a tied projector counted once, those of a quantisation not counted."""
        stored = {name.removesuffix(end) for name in self.tensors for end in (".weight", ".int8", ".int4")}
        table = key_table(self.config, self.head)
        return sum(math.prod(shape) for name, shape in table.items() if name.removesuffix(".weight") in stored)


def outputs_of(head: Head, config: DistilBertConfig) -> int:
    """How many numbers a head gives for a row; the width where there is none."""
    wide = {Head.MULTIPLE_CHOICE: 1, Head.QUESTION_ANSWERING: 2, Head.MASKED_LM: config.vocab_size}
    return config.dim if head is Head.NONE else wide.get(head, config.num_labels)


def key_table(config: DistilBertConfig, head: Head) -> dict[str, tuple[int, ...]]:
    """Every weight's name in Transformers -> its shape, in the order of the forward pass.

    `vocab_projector.weight` is listed although a tied checkpoint may leave it out.
    """
    d, f = config.dim, config.hidden_dim
    table: dict[str, tuple[int, ...]] = {}

    def linear(name: str, wide: int, into: int) -> None:
        table[f"{name}.weight"] = (wide, into)
        table[f"{name}.bias"] = (wide,)

    def norm(name: str) -> None:
        table[f"{name}.weight"] = table[f"{name}.bias"] = (d,)

    table[WORDS] = (config.vocab_size, d)
    table[f"{PREFIX}embeddings.position_embeddings.weight"] = (config.max_position_embeddings, d)
    norm(f"{PREFIX}embeddings.LayerNorm")
    for index in range(config.n_layers):
        layer = f"{PREFIX}transformer.layer.{index}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            linear(f"{layer}.attention.{part}", d, d)
        norm(f"{layer}.sa_layer_norm")
        linear(f"{layer}.ffn.lin1", f, d)
        linear(f"{layer}.ffn.lin2", d, f)
        norm(f"{layer}.output_layer_norm")
    for name in HEAD_LAYERS[head]:
        if name == NORM:
            norm(name)
        else:
            linear(name, outputs_of(head, config) if name == HEAD_LAYERS[head][-1] else d, d)
    return table


def open_checkpoint(folder: str | Path) -> Checkpoint:
    """Check the folder's config and weights against the key table, reading headers only.

    Raises ConfigError or CheckpointError naming the file and the key.
    """
    folder = Path(folder)
    check_config_is_there(folder)
    config = DistilBertConfig.from_file(folder / CONFIG)
    fitted = fit_weights(config, read_weights(folder), folder)
    for note in fitted.notes:
        warnings.warn(f"{folder}: {note}", CheckpointWarning, stacklevel=3)
    return Checkpoint(folder, fitted.config, fitted.head, fitted.weights, tuple(fitted.unread))


def check_config_is_there(folder: Path, *, beside: str = "") -> None:
    """Raises ConfigError saying what lies in a folder that has no config.json, or that it belongs beside a file."""
    path = folder / CONFIG
    has_file(path)
    if is_folder(path):
        raise ConfigError(f"{path}: is a folder, not a file")
    try:
        path.stat()
    except FileNotFoundError:
        if is_folder(folder):
            what = f"put that of the model beside {beside}" if beside else f"this is {folder_name(folder)}"
            raise ConfigError(f"{path}: no such file{other_name(path)}; {what}") from None
    except (OSError, ValueError):  # whoever reads the file says what is wrong
        pass


class Fitted(NamedTuple):
    """Stored weights as the key table has them.

    Attributes:
        config: with the labels that the head has.
        weights: by the names of the key table, in its order.
        unread: by their names in the file, those that no answer depends on.
        notes: what was done to make them fit, or left undone, that a person should know.
    """

    config: DistilBertConfig
    head: Head
    weights: dict[str, Weight]
    unread: dict[str, Weight]
    notes: tuple[str, ...]


def fit_weights(config: DistilBertConfig, stored: Mapping[str, Weight], place: Path) -> Fitted:
    """Stored weights by name -> the head that they show, and the weights of the key table.

    Old names become today's, and one prefix of all names is taken off. Weights of another head, of a loss and buffers
    are left unread. Raises CheckpointError naming `place` for all that is missing, has another shape, or shows another
    architecture, and ConfigError where the head has other labels than config.json.
    """
    refuse_other_kinds(stored, config.extra, place)
    prefix = common_prefix(stored, _HEAD_KEYS)
    found = by_table_name(stored, prefix, place)
    head = _recognise(config, found, place)
    config = _with_labels(config, head, found, place)
    table = key_table(config, head)
    if scheme := _scheme(config):
        with naming(place / CONFIG):
            table = int8.table(table, scheme)
    tied = head is Head.MASKED_LM and config.tie_word_embeddings
    optional = [f"vocab_projector.{part}" for part in ("weight", "int8", "scale")] if tied else []
    if tied and PROJECTOR in found:  # of two that are one, a program may keep either
        found.setdefault(WORDS, found[PROJECTOR])
    missing = [name for name in table if name not in found and name not in optional]
    others = [name for name in found if name not in table]
    if missing:
        near = nearest(missing[0], others)
        raise CheckpointError(f"{place}: weights lack {name_list(missing)} of a {head.value}{near}")
    if unexpected := [name for name in others if name.split(".")[0] not in _HEAD_KEYS and changes_answers(name)]:
        near = nearest(unexpected[0], table)
        raise CheckpointError(
            f"{place}: weights hold {name_list(unexpected)}, which a {head.value} of this config does not have{near}"
        )
    weights = {name: found[name] for name in table if name in found}
    for name, weight in weights.items():
        _check_weight(name, weight, table[name], config, place)
    used = {id(weight) for weight in weights.values()}
    unread = {name: weight for name, weight in stored.items() if id(weight) not in used}
    notes = [f"the names of all weights begin with {short_repr(prefix)}, which was taken off"] if prefix else []
    if config.extra.get(int8.KEY) is not None and not scheme:
        notes.append(f"{int8.KEY} of config.json is another program's, and the weights are in float: it is left unread")
        config = config.unquantized()
    return Fitted(config, head, weights, unread, tuple(notes))


def why_unread(name: str) -> str:
    """Why `fit_weights` left a weight unread, for the account of a conversion."""
    if is_buffer(name):
        return "a buffer, not a weight"
    return "belongs to the head of another task" if name.split(".")[0] in _HEAD_KEYS else "no answer depends on it"


def _with_labels(config: DistilBertConfig, head: Head, found: Mapping[str, Weight], place: Path) -> DistilBertConfig:
    """The config with the labels of the head's own shape, where it is a head of labels."""
    classifier = found.get("classifier.weight")
    if head not in (Head.SEQUENCE_CLASSIFICATION, Head.TOKEN_CLASSIFICATION) or classifier is None:
        return config
    if classifier.shape[1:] != (config.dim,) or not 1 <= classifier.shape[0] <= MOST_LABELS:
        return config  # a wrong shape, found out later
    with naming(place / CONFIG):
        return config.for_head(classifier.shape[0])


def save_checkpoint(folder: str | Path, config: DistilBertConfig, weights: Mapping[str, np.ndarray]) -> None:
    """Write config.json and model.safetensors into `folder`, both or neither.

    `weights` are float arrays under the names of the key table. Raises CheckpointError if they do not
    fit the config's head, or cannot be written.
    """
    folder = Path(folder)
    head = _declared(config) or Head.NONE
    table = key_table(config, head)
    if config.tie_word_embeddings and PROJECTOR not in weights:
        table.pop(PROJECTOR, None)
    if wrong := [name for name in {*table, *weights} if name not in weights or weights[name].shape != table.get(name)]:
        raise CheckpointError(f"{folder}: cannot save {name_list(wrong)}: not of the shape of a {head.value}")
    if wrong := [name for name in table if weights[name].dtype.type not in (np.float16, np.float32, np.float64)]:
        raise CheckpointError(f"{folder}: cannot save {name_list(wrong)}: not of float16, float32 or float64")
    strip = len(PREFIX) if head is Head.NONE else 0  # as Transformers: the bare model has no prefix
    arrays = {name[strip:]: np.ascontiguousarray(weights[name]) for name in table}
    values = config.without_dtype().to_dict()
    way = "; nothing in it was changed"
    with translated((OSError, SafetensorError), CheckpointError, f"{folder}: cannot be written", way):
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(folder / CONFIG) as config_path, written_whole(folder / WEIGHTS) as path:
            save_file(arrays, path, metadata={"format": "pt"})
            config_path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _recognise(config: DistilBertConfig, found: Mapping[str, object], place: Path) -> Head:
    """The head that config.json names, if its weights are there; where it names none, the first that they show."""
    parts = {name.split(".")[0] for name in found} & _HEAD_KEYS
    declared = _declared(config)
    if declared is None:
        return next(head for head, layers in HEAD_LAYERS.items() if parts.issuperset(layers))
    ours = {*HEAD_LAYERS[declared]}
    others = (head for head, layers in HEAD_LAYERS.items() if parts.issuperset(layers) and not ours.issuperset(layers))
    way = next((f"; if this is a {head.value}, say so in its architectures" for head in others), "")
    if lacking := ours - parts:
        beside = sorted({name for name in found if not name.startswith(PREFIX)})
        have = f"; beside the encoder they hold {name_list(beside)}" if beside else ""
        raise CheckpointError(
            f"{place}: config.json says {declared.value}, but the weights lack {name_list(lacking)}{have}{way}"
        )
    if declared is Head.TOKEN_CLASSIFICATION and "pre_classifier" in parts:
        raise CheckpointError(f"{place}: config.json says {declared.value}, but the weights hold pre_classifier{way}")
    return declared


def _declared(config: DistilBertConfig) -> Head | None:
    return next((head for head in Head if head.value in config.architectures), None)


def _check_weight(name: str, weight: Weight, shape: tuple[int, ...], config: DistilBertConfig, place: Path) -> None:
    if weight.shape != shape:
        pruned = "; its heads were pruned, which is not supported" if config.extra.get("pruned_heads") else ""
        raise CheckpointError(
            f"{place}: {name} has shape {list(weight.shape)}, but config.json asks for {list(shape)}{pruned}"
        )
    if _scheme(config) and (expected := int8.STORED_AS.get(name.rpartition(".")[2])):
        if weight.dtype != expected:
            raise CheckpointError(f"{place}: {name} is stored as {weight.dtype}, not as {expected}")
    elif weight.dtype not in FLOATS:
        raise CheckpointError(f"{place}: {name} {NOT_FLOAT.format(weight.dtype)}")


def _scheme(config: DistilBertConfig) -> int8.Scheme | None:
    scheme = config.extra.get(int8.KEY)
    return int8.read_scheme(scheme) if int8.is_ours(scheme) else None
