"""The graphs of models that were opened before, so that the next start needs neither to build them nor to import onnx.

A graph is some 50 kB, for the weights stay in their own files. It is kept under a name that follows from all that it is
made of, behind a digest of that name and its own bytes: what is damaged, cut off or of another version is not used. The
folder is DISTILBERT_CACHE, or else `distilbert` in the user's cache folder; where it cannot be written, or
DISTILBERT_CACHE is empty, nothing is kept. Whoever can write a graph chooses what the model answers: folder and entry
must be the user's own, and nobody else's to write, or they are not used.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from .. import int8
from ..cache import cache_folder, keep, kept_name, open_kept
from ..folder.checkpoint import Checkpoint, Head

_MOST = 64  # graphs that are kept
_MOST_BYTES = 1 << 26  # of one; that of a thousand layers has a fifth of it
_DIGEST = hashlib.sha256().digest_size
_SOURCES = ("engine/graph.py", "int8.py", "activations.py", "config.py", "__init__.py")


@dataclass(frozen=True, eq=False)
class Graph:
    """A model for ONNX Runtime and the weights that it does not find in the file as they are.

    Attributes:
        model: serialised ModelProto. Its external data are files in `folder`.
        folder: where the files of the weights lie, links resolved.
        converted: weights by name that the file does not hold as the graph needs them.
    """

    model: bytes
    folder: Path
    converted: dict[str, np.ndarray]


def open_graph(checkpoint: Checkpoint, head: Head, *, all_rows: bool, precision: str) -> Graph:
    """What `build_graph` gives, from the cache where it is there."""
    place = cache_folder()
    path = place and place / f"{_name(checkpoint, head, all_rows, precision)}.onnx"
    if path and (model := _read(path)):
        return Graph(model, checkpoint.weights_folder, {})
    from .graph import build_graph  # it imports onnx

    model, converted = build_graph(checkpoint, head, all_rows=all_rows, precision=precision)
    if path and not converted:
        keep(path, lambda temporary: _write(temporary, model), _MOST)
    return Graph(model, checkpoint.weights_folder, converted)


def _name(checkpoint: Checkpoint, head: Head, all_rows: bool, precision: str) -> str:
    """Of all that a graph is made of."""
    folder = checkpoint.weights_folder
    tensors = [
        (name, tensor.shape, tensor.dtype, tensor.path.relative_to(folder).as_posix(), tensor.offset, tensor.nbytes)
        for name, tensor in sorted(checkpoint.tensors.items())
    ]
    parts = (checkpoint.config.to_dict(), head.value, all_rows, precision, int8.fitting_bits(), tensors)
    return kept_name([onnxruntime.__version__, *parts], _SOURCES)


def _read(path: Path) -> bytes | None:
    file = open_kept(path)
    if file is None:
        return None
    try:
        with file:
            content = file.read(_MOST_BYTES + 1)
    except OSError:
        return None
    digest, model = content[:_DIGEST], content[_DIGEST:]
    return model if len(content) <= _MOST_BYTES and model and _digest(path, model) == digest else None


def _digest(path: Path, model: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + model).digest()


def _write(path: Path, model: bytes) -> None:
    path.write_bytes(_digest(path, model) + model)
