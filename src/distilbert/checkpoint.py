"""A model folder <-> config and weights.

`open_checkpoint(folder)` reads config.json and the *headers* of the safetensors files, checks every
name, shape and dtype against the key table, and returns a `Checkpoint` whose tensors are places in
files: nothing is read until an engine maps it. `save_checkpoint` writes the same, whole or not at all.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .config import DistilBertConfig, read_json
from .errors import CheckpointError, ConfigError

__all__ = ["Checkpoint", "Head", "Tensor", "key_table", "open_checkpoint", "save_checkpoint", "written_whole"]

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PREFIX = "distilbert."
_MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors format
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "F64": np.dtype("<f8"),
    "BF16": np.dtype("<u2"),
}


class Head(Enum):
    """What stands on the encoder. The value is the architecture's name in config.json."""

    NONE = "DistilBertModel"
    MASKED_LM = "DistilBertForMaskedLM"
    SEQUENCE_CLASSIFICATION = "DistilBertForSequenceClassification"
    TOKEN_CLASSIFICATION = "DistilBertForTokenClassification"
    QUESTION_ANSWERING = "DistilBertForQuestionAnswering"
    MULTIPLE_CHOICE = "DistilBertForMultipleChoice"


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
        return self.dtype == "F32" and self.offset % 4 == 0

    def read(self) -> np.ndarray:
        """The weight as float32 of its shape: a view of the mapped file where it is float32 already."""
        stored: np.ndarray = np.memmap(self.path, np.dtype(_DTYPES[self.dtype]), "r", self.offset, self.shape)
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
    def parameters(self) -> int:
        """How many numbers the weights hold, a tied projector counted once."""
        return sum(int(np.prod(tensor.shape)) for tensor in self.tensors.values())


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
    found = {_modern_name(name): tensor for name, tensor in _stored_tensors(folder).items()}
    if f"{PREFIX}embeddings.word_embeddings.weight" not in found:  # saved from a bare DistilBertModel
        found = {name if name.split(".")[0] in _HEAD_KEYS else PREFIX + name: t for name, t in found.items()}
    head = _recognise(config, found, folder)
    table = key_table(config, head)
    tied = head is Head.MASKED_LM and config.tie_word_embeddings
    missing = [name for name in table if name not in found and not (tied and name == "vocab_projector.weight")]
    if missing:
        raise CheckpointError(f"{folder}: weights lack {_some(missing)} of a {head.value}")
    # heads of another task, such as the masked-LM head that the published base models keep, are left unread
    unexpected = [name for name in found if name not in table and name.split(".")[0] not in _HEAD_KEYS]
    if unexpected:
        raise CheckpointError(f"{folder}: weights hold {_some(unexpected)}, which a {head.value} does not have")
    tensors = {name: found[name] for name in table if name in found}
    for name, tensor in tensors.items():
        _check_tensor(tensor, table[name], config, folder)
    return Checkpoint(folder, config, head, tensors)


def save_checkpoint(folder: str | Path, config: DistilBertConfig, weights: Mapping[str, np.ndarray]) -> None:
    """Write config.json and model.safetensors into `folder`, each whole or not at all.

    `weights` are float arrays under the names of the key table. The config goes last, so that a
    folder with a config is complete. Raises CheckpointError if they do not fit the config's head.
    """
    folder = Path(folder)
    head = Head(config.architectures[0]) if config.architectures else Head.NONE
    table = key_table(config, head)
    if config.tie_word_embeddings and "vocab_projector.weight" not in weights:
        table.pop("vocab_projector.weight", None)
    wrong = [name for name in {*table, *weights} if name not in weights or weights[name].shape != table.get(name)]
    if wrong:
        raise CheckpointError(f"{folder}: cannot save {_some(sorted(wrong))}: not of the shape of a {head.value}")
    folder.mkdir(parents=True, exist_ok=True)
    strip = len(PREFIX) if head is Head.NONE else 0  # as Transformers: the bare model has no prefix
    arrays = {name[strip:]: np.ascontiguousarray(weights[name]) for name in table}
    with written_whole(folder / WEIGHTS) as path:
        save_file(arrays, path, metadata={"format": "pt"})
    with written_whole(folder / "config.json") as path:
        path.write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if the block succeeds and is removed if not."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


_HEAD_KEYS = frozenset(
    {"vocab_transform", "vocab_layer_norm", "vocab_projector", "pre_classifier", "classifier", "qa_outputs"}
)


def _recognise(config: DistilBertConfig, found: Mapping[str, Tensor], folder: Path) -> Head:
    """The head that the keys show; the config decides only between heads with the same keys."""
    declared = next((head for head in Head if head.value in config.architectures), None)
    keys = {name.split(".")[0] for name in found} & _HEAD_KEYS
    if "pre_classifier" in keys and "classifier" in keys:
        shown = {Head.SEQUENCE_CLASSIFICATION, Head.MULTIPLE_CHOICE}
    elif "qa_outputs" in keys:
        shown = {Head.QUESTION_ANSWERING}
    elif "classifier" in keys:
        shown = {Head.TOKEN_CLASSIFICATION}
    elif "vocab_transform" in keys:
        shown = {Head.MASKED_LM}
    else:
        shown = {Head.NONE}
    if declared in shown or declared is Head.NONE:
        return declared
    if declared is None:
        return next(head for head in Head if head in shown)
    lacking = sorted({name.split(".")[0] for name in key_table(config, declared)} - keys - {"distilbert"})
    raise CheckpointError(f"{folder}: config.json says {declared.value}, but the weights lack {_some(lacking)}")


def _modern_name(name: str) -> str:
    """TensorFlow's old names of LayerNorm's weights, still in some published files -> today's."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _stored_tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor of the folder's one file or of its shards, by its name in the file."""
    if (folder / WEIGHTS).is_file():
        tensors = read_header(folder / WEIGHTS)
    elif (folder / INDEX).is_file():
        tensors = _sharded(folder)
    else:
        other = next((p.name for p in sorted(folder.glob("*")) if p.suffix in (".bin", ".ot", ".npz")), None)
        way = f"it has {other}: `distilbert convert {folder} OUT` makes one" if other else "is it a model folder?"
        raise CheckpointError(f"{folder}: no {WEIGHTS}; {way}")
    # buffers that old versions of Transformers saved; they hold no weights
    return {name: tensor for name, tensor in tensors.items() if not name.endswith("embeddings.position_ids")}


def _sharded(folder: Path) -> dict[str, Tensor]:
    try:
        weight_map = read_json(folder / INDEX).get("weight_map")
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
    if not isinstance(weight_map, dict) or not all(isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(f"{folder / INDEX}: weight_map must map names to files")
    tensors: dict[str, Tensor] = {}
    for file in sorted(set(weight_map.values())):
        if Path(file).name != file or file in ("", ".", ".."):
            raise CheckpointError(f"{folder / INDEX}: {file!r} points outside the folder")
        if not (folder / file).is_file():
            raise CheckpointError(f"{folder / INDEX}: names {file!r}, which is not in the folder")
        shard = read_header(folder / file)
        if twice := sorted(tensors.keys() & shard.keys()):
            raise CheckpointError(f"{folder}: {_some(twice)} stands in two shards")
        tensors.update(shard)
    if wrong := sorted(weight_map.keys() ^ tensors.keys()):
        raise CheckpointError(f"{folder / INDEX}: {_some(wrong)} is listed or stored, but not both")
    return tensors


def read_header(path: Path) -> dict[str, Tensor]:
    """The places of all tensors of one safetensors file. The library checks that they tile the file."""
    try:
        with safe_open(path, framework="numpy"), path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header: dict[str, Any] = json.loads(file.read(length)) if length <= _MAX_HEADER else {}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error})") from None
    header.pop("__metadata__", None)
    real = Path(os.path.realpath(path))  # the hub's cache keeps links to files elsewhere
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


def _check_tensor(tensor: Tensor, shape: tuple[int, ...], config: DistilBertConfig, folder: Path) -> None:
    if tensor.shape != shape:
        hint = ""
        if tensor.name.startswith("classifier."):
            hint = f" (config.json names {config.num_labels} labels)"
        raise CheckpointError(
            f"{folder}: {tensor.name} has shape {list(tensor.shape)}, but config.json asks for {list(shape)}{hint}"
        )
    if tensor.dtype not in _DTYPES:
        raise CheckpointError(f"{folder}: {tensor.name} is stored as {tensor.dtype}; use one of {', '.join(_DTYPES)}")


def _some(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
