"""The table of formats, and the search for a model's weights in a folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..diagnosis import file_name, folder_name, stand_in_name
from ..errors import CheckpointError, name_list, translated
from ..files import has_file, is_file
from ..folder.layout import (
    BESIDE_WEIGHTS,
    CHECKPOINT_INDEX,
    FLAX,
    KERAS,
    NUMPY,
    ONNX,
    PYTORCH,
    PYTORCH_SUFFIXES,
    RUST,
    SHARDS_INDEX,
    WEIGHTS,
)
from ..folder.weights import Weight, parts_name, read_shards
from . import bin as pytorch
from . import flax, keras, npz, onnx_weights, safetensors, tensorflow, torchscript

FormatName = Literal["safetensors", "bin", "ot", "npz"]


@dataclass(frozen=True)
class Format:
    """One way to keep weights in a file.

    Attributes:
        files: what the file is called in a model folder; the first name is the one written.
        suffixes: of files in this format, however they are called.
        read: a file -> its weights, by name.
        write: `(path, weights, stored_as)` writes them under the keys of `weights`; None where that is not done.
        notes: a file -> what a reader should know of it; None where there is nothing to say.
        for_rust: whether rust-bert reads it, which knows no tied weights and always puts `distilbert.` first.
    """

    files: tuple[str, ...]
    suffixes: tuple[str, ...]
    read: Callable[[Path], dict[str, Weight]]
    write: Callable[[Path, Mapping[str, Weight], str], None] | None = None
    notes: Callable[[Path], tuple[str, ...]] | None = None
    for_rust: bool = False

    @property
    def file(self) -> str:
        return self.files[0]


# a folder that holds several is read in this order
FORMATS: dict[str, Format] = {
    "safetensors": Format((WEIGHTS,), (".safetensors",), safetensors.read, safetensors.write),
    "bin": Format((PYTORCH,), PYTORCH_SUFFIXES, pytorch.read, pytorch.write, pytorch.notes),
    "ot": Format((RUST,), (".ot",), torchscript.read, torchscript.write, for_rust=True),
    "npz": Format((NUMPY,), (".npz",), npz.read, npz.write, for_rust=True),
    "keras": Format((KERAS,), (".h5",), keras.read),
    "flax": Format((FLAX,), (".msgpack",), flax.read),
    "onnx": Format(ONNX, (".onnx",), onnx_weights.read),
    "tensorflow": Format((f"bert_model.ckpt{CHECKPOINT_INDEX}",), (CHECKPOINT_INDEX,), tensorflow.read),
}
WRITTEN = tuple(name for name, form in FORMATS.items() if form.write)


def read_file(path: Path) -> dict[str, Weight]:
    """The weights of one file, or of the shards that an index names, by name; its suffix says how it is read."""
    form = format_of(path)
    with translated(OSError, CheckpointError, f"{path}: cannot be read"):
        with path.open("rb") as file:
            start = file.read(300)
        if what := stand_in_name(start):
            raise CheckpointError(f"{path}: this is {what}")
        if form is not FORMATS["safetensors"] and start[5:10] == b'\0\0\0{"':  # the length of a header, and it
            raise CheckpointError(f"{path}: this is a safetensors file; call it {WEIGHTS}")
        return read_shards(path, form.read) if path.name.endswith(SHARDS_INDEX) else form.read(path)


def notes_on(path: Path) -> tuple[str, ...]:
    """What a reader should know of a file whose weights were read."""
    form = format_of(path)
    return form.notes(path) if form.notes and not path.name.endswith(SHARDS_INDEX) else ()


def weights_file(folder: Path) -> Path:
    """The file of a model folder that holds its weights, or the index of their shards."""
    for form in FORMATS.values():
        for name in form.files:
            for path in (folder / name, folder / f"{name}{SHARDS_INDEX}"):
                if has_file(path, CheckpointError):
                    return path
    if indices := [path for path in sorted(folder.glob(f"*{CHECKPOINT_INDEX}")) if is_file(path)]:
        if len(indices) > 1:
            checkpoints = name_list([path.name for path in indices])
            raise CheckpointError(f"{folder}: has the checkpoints {checkpoints}; give one of these files as the source")
        return indices[0]
    endings = tuple(suffix for form in FORMATS.values() for suffix in form.suffixes)
    paths = [path for path in sorted((*folder.glob("*"), *folder.glob("onnx/*"))) if is_file(path)]
    named = [
        path.relative_to(folder).as_posix()
        for path in paths
        if path.name.endswith(endings) and not path.name.startswith(BESIDE_WEIGHTS)
    ]
    if parts := parts_name(folder, named):
        raise CheckpointError(f"{folder}: {parts}")
    if named:
        raise CheckpointError(f"{folder}: no weights under a name that is looked for; give {name_list(named)}")
    files = ", ".join(name for form in FORMATS.values() for name in form.files)
    raise CheckpointError(
        f"{folder}: has none of {files}, nor shards of them (this is {folder_name(folder)}); "
        "give the file itself if it has another name"
    )


def format_of(path: Path) -> Format:
    """The format of a file by its name. Raises CheckpointError, saying what it is, for one of no known format."""
    name = path.name.removesuffix(SHARDS_INDEX)
    for form in FORMATS.values():
        if name.endswith(form.suffixes):
            return form
    known = ", ".join(dict.fromkeys(suffix for form in FORMATS.values() for suffix in form.suffixes))
    what = f" (this is {what})" if (what := file_name(path)) else ""
    raise CheckpointError(f"{path}: not a file of weights that can be read here{what}; known are {known}")
