"""The table of formats, and the search for a model's weights in a folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..diagnosis import folder_name, stand_in_name
from ..errors import CheckpointError, name_list
from ..files import is_file
from ..folder.layout import CHECKPOINT_INDEX, FLAX, KERAS, NUMPY, ONNX, PYTORCH, RUST, WEIGHTS
from ..folder.weights import Weight, read_header, read_shards
from . import bin as pytorch
from . import flax, keras, npz, onnx_weights, safetensors, tensorflow, torchscript

FormatName = Literal["safetensors", "bin", "ot", "npz"]


@dataclass(frozen=True)
class Format:
    """One way to keep weights in a file.

    Attributes:
        files: what the file is called in a model folder; the first name is the one written.
        suffixes: of files in this format.
        read: a file -> its weights, by name.
        write: `(path, weights, stored_as)` writes them under the keys of `weights`; None where that is not done.
        for_rust: whether rust-bert reads it, which knows no tied weights and always puts `distilbert.` first.
    """

    files: tuple[str, ...]
    suffixes: tuple[str, ...]
    read: Callable[[Path], dict[str, Weight]]
    write: Callable[[Path, Mapping[str, Weight], str], None] | None = None
    for_rust: bool = False

    @property
    def file(self) -> str:
        return self.files[0]


# a folder that holds several is read in this order
FORMATS: dict[str, Format] = {
    "safetensors": Format((WEIGHTS,), (".safetensors",), read_header, safetensors.write),
    "bin": Format((PYTORCH,), (".bin", ".pt", ".pth"), pytorch.read, pytorch.write),
    "ot": Format((RUST,), (".ot",), torchscript.read, torchscript.write, for_rust=True),
    "npz": Format((NUMPY,), (".npz",), npz.read, npz.write, for_rust=True),
    "keras": Format((KERAS,), (".h5",), keras.read),
    "flax": Format((FLAX,), (".msgpack",), flax.read),
    "onnx": Format(ONNX, (".onnx",), onnx_weights.read),
    "tensorflow": Format((f"bert_model.ckpt{CHECKPOINT_INDEX}",), (CHECKPOINT_INDEX,), tensorflow.read),
}
WRITTEN = tuple(name for name, form in FORMATS.items() if form.write)


def read_file(path: Path) -> dict[str, Weight]:
    """The weights of one file, by name; its suffix says how it is read."""
    for form in FORMATS.values():
        if path.suffix in form.suffixes:
            return _read(form, path)
    known = ", ".join(dict.fromkeys(suffix for form in FORMATS.values() for suffix in form.suffixes))
    raise CheckpointError(f"{path}: not a file of weights that can be read here; known are {known}")


def read_folder(folder: Path) -> dict[str, Weight]:
    """The weights of a model folder, in one file or in shards, by name."""
    for form in FORMATS.values():
        for name in form.files:
            if is_file(folder / name):
                return _read(form, folder / name)
            if is_file(index := folder / f"{name}.index.json"):
                return read_shards(index, form.read)
    if indices := [path for path in sorted(folder.glob(f"*{CHECKPOINT_INDEX}")) if is_file(path)]:
        if len(indices) > 1:
            names = name_list([path.name for path in indices])
            raise CheckpointError(f"{folder}: has the checkpoints {names}; give one of these files as the source")
        return _read(FORMATS["tensorflow"], indices[0])
    files = ", ".join(name for form in FORMATS.values() for name in form.files)
    raise CheckpointError(
        f"{folder}: has none of {files}, nor shards of them (this is {folder_name(folder)}); "
        "give the file itself if it has another name"
    )


def _read(form: Format, path: Path) -> dict[str, Weight]:
    try:
        with path.open("rb") as file:
            what = stand_in_name(file.read(300))
        if what:
            raise CheckpointError(f"{path}: this is {what}")
        return form.read(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
