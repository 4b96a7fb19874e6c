"""A model folder <-> config and weights.

`open_checkpoint(folder)` reads config.json and the *headers* of the safetensors files, checks every
name, shape and dtype against the key table, and returns a `Checkpoint` whose tensors are places in
files: nothing is read until an engine maps it. `save_checkpoint` writes the same, whole or not at all.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .. import int8
from ..config import DistilBertConfig
from ..errors import CheckpointError, error_text, name_list, short_repr
from ..files import is_file, is_text, read_json, written_whole

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PREFIX = "distilbert."
_FOREIGN = (".bin", ".h5", ".msgpack", ".npz", ".ot", ".pt")  # what `distilbert convert` may make safetensors of
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "F64": np.dtype("<f8"),
    "BF16": np.dtype("<u2"),
}
_NOT_FLOAT = "is stored as {}; use one of " + ", ".join(_DTYPES)


class Head(Enum):
    """What stands on the encoder. The value is the architecture's name in config.json."""

    NONE = "DistilBertModel"
    MASKED_LM = "DistilBertForMaskedLM"
    SEQUENCE_CLASSIFICATION = "DistilBertForSequenceClassification"
    TOKEN_CLASSIFICATION = "DistilBertForTokenClassification"
    QUESTION_ANSWERING = "DistilBertForQuestionAnswering"
    MULTIPLE_CHOICE = "DistilBertForMultipleChoice"


# the first part of the names of a head's weights
_PARTS: dict[Head, frozenset[str]] = {
    Head.SEQUENCE_CLASSIFICATION: frozenset({"pre_classifier", "classifier"}),
    Head.MULTIPLE_CHOICE: frozenset({"pre_classifier", "classifier"}),
    Head.QUESTION_ANSWERING: frozenset({"qa_outputs"}),
    Head.TOKEN_CLASSIFICATION: frozenset({"classifier"}),
    Head.MASKED_LM: frozenset({"vocab_transform", "vocab_layer_norm", "vocab_projector"}),
    Head.NONE: frozenset(),
}
_HEAD_KEYS = frozenset().union(*_PARTS.values())


@dataclass(frozen=True, eq=False)
class Tensor:
    """Where one weight lies: `nbytes` bytes of `dtype` at `offset` in `path`."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    path: Path
    offset: int
    nbytes: int

    @property
    def mappable(self) -> bool:
        """Whether a runtime can use the bytes where they lie."""
        return self.dtype == "I8" or (self.dtype == "F32" and self.offset % 4 == 0)

    def stored(self) -> np.ndarray:
        """A view of the mapped file, in the dtype of the file (bfloat16 as uint16)."""
        dtype = np.dtype(np.int8) if self.dtype == "I8" else _DTYPES[self.dtype]
        return np.memmap(self.path, dtype, "r", self.offset, self.shape)

    def read(self) -> np.ndarray:
        """The weight as float32 of its shape: a view of the mapped file where it is float32 already.

        Raises CheckpointError for a dtype that is not floating-point.
        """
        if self.dtype not in _DTYPES:
            raise CheckpointError(f"{self.path}: {self.name} {_NOT_FLOAT.format(self.dtype)}")
        stored = self.stored()
        if self.dtype == "F32":
            return stored
        if self.dtype == "BF16":  # the upper half of a float32
            return (stored.astype(np.uint32) << 16).view(np.float32)
        return stored.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A folder that was checked: every tensor of the key table is there, with the right shape.

    Attributes:
        folder: where it lies.
        config: its configuration.
        head: what stands on the encoder.
        tensors: by the names of the key table (base weights always with the `distilbert.` prefix).
    """

    folder: Path
    config: DistilBertConfig
    head: Head
    tensors: Mapping[str, Tensor]

    @property
    def weights_folder(self) -> Path:
        """The folder that all files of the weights lie in."""
        return Path(os.path.commonpath({tensor.path.parent for tensor in self.tensors.values()}))

    @property
    def bits(self) -> int | None:
        """Of the weights of a quantised folder (see int8.py), None where they are floating-point."""
        return _bits(self.config)

    @property
    def parameters(self) -> int:
        """How many numbers the weights hold, a tied projector counted once, scales not counted."""
        return sum(int(np.prod(tensor.shape)) for name, tensor in self.tensors.items() if not name.endswith(".scale"))


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

    table[f"{PREFIX}embeddings.word_embeddings.weight"] = (config.vocab_size, d)
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
    if head is Head.MASKED_LM:
        linear("vocab_transform", d, d)
        norm("vocab_layer_norm")
        linear("vocab_projector", config.vocab_size, d)
    elif head is Head.SEQUENCE_CLASSIFICATION or head is Head.MULTIPLE_CHOICE:
        linear("pre_classifier", d, d)
        linear("classifier", 1 if head is Head.MULTIPLE_CHOICE else config.num_labels, d)
    elif head is Head.TOKEN_CLASSIFICATION:
        linear("classifier", config.num_labels, d)
    elif head is Head.QUESTION_ANSWERING:
        linear("qa_outputs", 2, d)
    return table


def open_checkpoint(folder: str | Path) -> Checkpoint:
    """Check the folder's config and weights against the key table, reading headers only.

    Raises ConfigError or CheckpointError naming the file and the key.
    """
    folder = Path(folder)
    config = DistilBertConfig.from_file(folder / "config.json")
    head, tensors = fit_weights(config, _stored_tensors(folder), folder)
    return Checkpoint(folder, config, head, tensors)


class Stored(Protocol):
    """What is known of a weight before it is read."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...


AnyStored = TypeVar("AnyStored", bound=Stored)


def fit_weights(
    config: DistilBertConfig, stored: Mapping[str, AnyStored], place: Path
) -> tuple[Head, dict[str, AnyStored]]:
    """Stored weights by name -> the head that they show, and the weights of the key table, in its order.

    Old names become today's. Weights of another head, such as the masked-LM head that the published
    base models keep, are left out. Raises CheckpointError naming `place` for all else that does not fit.
    """
    # buffers that old versions of Transformers saved hold no weights
    found = {modern_name(name): x for name, x in stored.items() if not name.endswith("embeddings.position_ids")}
    if not any(name.startswith(PREFIX) for name in found):  # saved from a bare DistilBertModel
        found = {name if name.split(".")[0] in _HEAD_KEYS else PREFIX + name: x for name, x in found.items()}
    head = _recognise(config, found, place)
    table = key_table(config, head)
    if _bits(config):
        table = int8.table(table)
    tied = ("vocab_projector.weight", "vocab_projector.int8", "vocab_projector.scale")
    optional = tied if head is Head.MASKED_LM and config.tie_word_embeddings else ()
    missing = [name for name in table if name not in found and name not in optional]
    if missing:
        raise CheckpointError(f"{place}: weights lack {name_list(missing)} of a {head.value}")
    unexpected = [name for name in found if name not in table and name.split(".")[0] not in _HEAD_KEYS]
    if unexpected:
        raise CheckpointError(f"{place}: weights hold {name_list(unexpected)}, which a {head.value} does not have")
    weights = {name: found[name] for name in table if name in found}
    for name, weight in weights.items():
        _check_weight(name, weight, table[name], config, place)
    return head, weights


def save_checkpoint(folder: str | Path, config: DistilBertConfig, weights: Mapping[str, np.ndarray]) -> None:
    """Write config.json and model.safetensors into `folder`, both or neither.

    `weights` are float arrays under the names of the key table. Raises CheckpointError if they do not
    fit the config's head, or cannot be written.
    """
    folder = Path(folder)
    head = _declared(config) or Head.NONE
    table = key_table(config, head)
    if config.tie_word_embeddings and "vocab_projector.weight" not in weights:
        table.pop("vocab_projector.weight", None)
    if wrong := [name for name in {*table, *weights} if name not in weights or weights[name].shape != table.get(name)]:
        raise CheckpointError(f"{folder}: cannot save {name_list(wrong)}: not of the shape of a {head.value}")
    if wrong := [name for name in table if weights[name].dtype.type not in (np.float16, np.float32, np.float64)]:
        raise CheckpointError(f"{folder}: cannot save {name_list(wrong)}: not of float16, float32 or float64")
    strip = len(PREFIX) if head is Head.NONE else 0  # as Transformers: the bare model has no prefix
    arrays = {name[strip:]: np.ascontiguousarray(weights[name]) for name in table}
    values = config.to_dict()
    for key in ("dtype", "torch_dtype"):  # of the file that the config came from; Transformers would cast to it
        values.pop(key, None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(folder / "config.json") as config_path, written_whole(folder / WEIGHTS) as path:
            save_file(arrays, path, metadata={"format": "pt"})
            config_path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: cannot be written ({error_text(error)}); nothing in it was changed") from None


def _recognise(config: DistilBertConfig, found: Mapping[str, object], place: Path) -> Head:
    """The head that config.json names, if its weights are there; where it names none, the first that they show."""
    parts = {name.split(".")[0] for name in found} & _HEAD_KEYS
    declared = _declared(config)
    if declared is None:
        return next(head for head in _PARTS if _PARTS[head] <= parts)
    if lacking := _PARTS[declared] - parts:
        raise CheckpointError(f"{place}: config.json says {declared.value}, but the weights lack {name_list(lacking)}")
    if declared is Head.TOKEN_CLASSIFICATION and "pre_classifier" in parts:
        raise CheckpointError(f"{place}: config.json says {declared.value}, but the weights hold pre_classifier")
    return declared


def _declared(config: DistilBertConfig) -> Head | None:
    return next((head for head in Head if head.value in config.architectures), None)


def modern_name(name: str) -> str:
    """TensorFlow's old names of LayerNorm's weights, still in some published files -> today's."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _stored_tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor of the folder's one file or of its shards, by its name in the file."""
    if is_file(folder / WEIGHTS):
        return read_header(folder / WEIGHTS)
    if is_file(folder / INDEX):
        return read_shards(folder / INDEX, read_header)
    other = next((path.name for path in sorted(folder.glob("*")) if path.suffix in _FOREIGN), None)
    way = f"it has {other}: `distilbert convert {folder} OUT` makes one" if other else "is it a model folder?"
    raise CheckpointError(f"{folder}: no {WEIGHTS}; {way}")


def read_shards(index: Path, read: Callable[[Path], dict[str, AnyStored]]) -> dict[str, AnyStored]:
    """All that the shards named by an index hold, each read by `read`; index and shards must agree."""
    weight_map = read_json(index, CheckpointError).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(f"{index}: weight_map must map names to files")
    files = sorted(set(weight_map.values()))
    for file in files:
        if Path(file).name != file or file in ("", ".", ".."):
            raise CheckpointError(f"{index}: {short_repr(file)} points outside the folder")
        if not is_file(index.parent / file):
            raise CheckpointError(f"{index}: names {short_repr(file)}, which is not in the folder")
    stored: dict[str, AnyStored] = {}
    for file in files:
        shard = read(index.parent / file)
        if wrong := shard.keys() ^ {name for name in weight_map if weight_map[name] == file}:
            raise CheckpointError(f"{index}: {name_list(wrong)} must be listed for {short_repr(file)} and stored in it")
        stored |= shard
    return stored


def read_header(path: Path) -> dict[str, Tensor]:
    """The places of all tensors of one safetensors file. The library checks that they tile the file."""
    try:
        with path.open("rb") as file, safe_open(path, framework="numpy"):
            length = int.from_bytes(file.read(8), "little")
            header: dict[str, Any] = json.loads(file.read(length))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error_text(error)})") from None
    header.pop("__metadata__", None)
    real = Path(os.path.realpath(path))  # the hub's cache keeps links to files elsewhere
    if not is_text(str(real)):
        raise CheckpointError(
            f"{short_repr(str(real))}: the runtime opens only paths that are valid Unicode; rename it"
        )
    return {
        name: Tensor(
            name,
            tuple(entry["shape"]),
            entry["dtype"],
            real,
            8 + length + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
    }


def _check_weight(name: str, weight: Stored, shape: tuple[int, ...], config: DistilBertConfig, place: Path) -> None:
    if weight.shape != shape:
        hint = ""
        if name.startswith("classifier."):
            hint = f" (config.json names {config.num_labels} labels)"
        raise CheckpointError(
            f"{place}: {name} has shape {list(weight.shape)}, but config.json asks for {list(shape)}{hint}"
        )
    if _bits(config) and name.endswith((".int8", ".scale")):
        expected = "I8" if name.endswith(".int8") else "F32"
        if weight.dtype != expected:
            raise CheckpointError(f"{place}: {name} is stored as {weight.dtype}, not as {expected}")
    elif weight.dtype not in _DTYPES:
        raise CheckpointError(f"{place}: {name} {_NOT_FLOAT.format(weight.dtype)}")


def _bits(config: DistilBertConfig) -> int | None:
    scheme = config.extra.get(int8.KEY)
    return None if scheme is None else int8.check_scheme(scheme)
