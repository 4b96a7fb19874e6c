"""The table of formats, and the search for a model's weights in a folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import CheckpointError
from ..files import is_file
from ..folder.layout import NUMPY, PYTORCH, RUST, WEIGHTS
from ..folder.weights import Weight, read_header, read_shards
from . import bin as pytorch
from . import npz, safetensors, torchscript

FormatName = Literal["safetensors", "bin", "ot", "npz"]


@dataclass(frozen=True)
class Format:
    """One way to keep weights in a file.

    Attributes:
        file: what the file is called in a model folder.
        suffixes: of files in this format.
        read: a file -> its weights, by name.
        write: `(path, weights, stored_as)` writes them under the keys of `weights`.
        for_rust: whether rust-bert reads it, which knows no tied weights and always puts `distilbert.` first.
    """

    file: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], dict[str, Weight]]
    write: Callable[[Path, Mapping[str, Weight], str], None]
    for_rust: bool = False


# a folder that holds several is read in this order
FORMATS: dict[FormatName, Format] = {
    "safetensors": Format(WEIGHTS, (".safetensors",), read_header, safetensors.write),
    "bin": Format(PYTORCH, (".bin", ".pt", ".pth"), pytorch.read, pytorch.write),
    "ot": Format(RUST, (".ot",), torchscript.read, torchscript.write, for_rust=True),
    "npz": Format(NUMPY, (".npz",), npz.read, npz.write, for_rust=True),
}


def read_file(path: Path) -> dict[str, Weight]:
    """The weights of one file, by name; its suffix says how it is read."""
    for form in FORMATS.values():
        if path.suffix in form.suffixes:
            return _read(form, path)
    known = ", ".join(suffix for form in FORMATS.values() for suffix in form.suffixes)
    raise CheckpointError(f"{path}: not a file of weights that can be read here; known are {known}")


def read_folder(folder: Path) -> dict[str, Weight]:
    """The weights of a model folder, in one file or in shards, by name."""
    for form in FORMATS.values():
        if is_file(folder / form.file):
            return _read(form, folder / form.file)
        index = folder / f"{form.file}.index.json"
        if is_file(index):
            return read_shards(index, form.read)
    files = ", ".join(form.file for form in FORMATS.values())
    raise CheckpointError(
        f"{folder}: has none of {files}, nor shards of them; give the file itself if it has another name"
    )


def _read(form: Format, path: Path) -> dict[str, Weight]:
    try:
        return form.read(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
