"""rust-bert's `.ot` files: TorchScript archives as the Rust crate tch writes and reads them.

A module whose parameters are the weights; in their names every `.` is written as `|`, since a
parameter's name cannot hold a dot. TorchScript is code that `torch.jit.load` runs; here it is never
run: the tensors are read like those of a `.bin` file.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import CheckpointError, short_repr, translated
from ..folder.weights import Weight
from .archive import ZIP_ERRORS, open_archive, writing
from .bin import read_archive, write_storages
from .pickle_writer import Pickler

_MOST_CODE = 1 << 24  # bytes, of one file


def read(path: Path) -> dict[str, Weight]:
    """The parameters and buffers of a module and its submodules, by name.

    Raises CheckpointError naming the file and what is wrong with it.
    """
    archive = open_archive(path)
    _check_code(path)
    stored, _ = read_archive(archive)
    weights = {name.replace("|", "."): weight for name, weight in stored.items()}
    if len(weights) < len(stored):
        raise CheckpointError(f"{path}: two parameters have one name, once written with dots and once with bars")
    return weights


def _check_code(path: Path) -> None:
    """Raises CheckpointError for a module that only its own code could restore. The code is searched, and never run."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".py"):
                continue
            place = f"{path}: member {short_repr(info.filename)}"
            with translated(ZIP_ERRORS, CheckpointError, f"{place} cannot be read"), archive.open(info) as file:
                code = file.read(_MOST_CODE + 1)
            if len(code) > _MOST_CODE:
                raise CheckpointError(
                    f"{path}: member {short_repr(info.filename)} has more than {_MOST_CODE} bytes of code"
                )
            if b"__setstate__" in code:
                raise CheckpointError(
                    f"{path}: {short_repr(info.filename)} restores its module by code (__setstate__), never run here"
                )


def write(path: Path, weights: Mapping[str, Weight], stored_as: str) -> None:
    """Write an archive that tch's `VarStore::load` reads, under the keys of `weights`."""
    parameters = {name.replace(".", "|"): weight for name, weight in weights.items()}
    data, constants = Pickler(), Pickler()
    data.module(parameters, stored_as)
    constants.empty_tuple()
    with writing(path) as add:
        add("data.pkl", data.finish())
        add("code/__torch__.py", _code(list(parameters)))
        add("constants.pkl", constants.finish())
        write_storages(add, parameters, stored_as)


def _code(names: list[str]) -> bytes:
    """The class of the module: its parameters and their types, and no methods."""
    quoted = [f'"{name}"' for name in names]
    lines = ["class Module(Module):", f"  __parameters__ = [{', '.join(quoted)}, ]"]
    lines += ["  __buffers__ = []", "  __annotations__ = []"]
    lines += [f"  __annotations__[{name}] = Tensor" for name in quoted]
    return ("\n".join(lines) + "\n").encode()
