"""What belongs to a model beside its config and weights, copied so that the new folder opens again.

The new folder is flat: its encoder lies at the root, wherever that of the source did, so that Transformers and
sentence-transformers find it.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import ConfigError, translated
from ..files import has_file, is_file, read_json, write_json, written_whole
from ..links import check_copied
from .layout import (
    CONFIG,
    MODULES,
    PART_FILES,
    ROUTER_CONFIG,
    SENTENCE_CONFIG,
    TOKENIZER_FILES,
    TOKENIZER_VERSIONS,
    TRANSFORMER_CONFIGS,
)
from .module_list import Module, all_modules, all_modules_of, is_router, read_modules, read_rows, router_file
from .modules import TOKEN_TABLE, token_weights_file
from .sentence import ENCODERS


def encoder_folder(root: Path) -> Path:
    """Where the encoder of a model folder lies: a sentence-transformers folder may keep it in a part of its own."""
    return next((module.folder for module in all_modules(root) if module.kind in ENCODERS), root)


def check_companions(root: Path, encoder: Path, *, parts: bool = True) -> None:
    """Raises what `copy_companions` would raise, for what is to be found out before long work."""
    with tempfile.TemporaryDirectory() as temporary:
        copy_companions(root, encoder, Path(temporary), parts=parts)


def copy_file(source: Path, target: Path) -> Path:
    """Copy one file, whole or not at all; returns its path. Raises ConfigError for one that cannot be read."""
    with translated(OSError, ConfigError, f"{source}: cannot be read"):
        file = source.open("rb")
    with file, written_whole(target) as temporary, temporary.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    return target


def copy_companions(
    root: Path,
    encoder: Path,
    out: Path,
    *,
    parts: bool = True,
    copy: Callable[[Path, Path], Path] = copy_file,
) -> list[str]:
    """Copy the files of the model in `root` whose encoder lies in the folder `encoder`; returns their new names.

    Args:
        parts: whether those that make it a folder of sentence-transformers too.
        copy: copies one file, and may give it another name.

    Raises ConfigError for a link out of the folder, and for modules.json and what it names that cannot be right.
    """

    def bring(path: Path, to: Path) -> Path:
        check_copied(path, root)
        return copy(path, to)

    out.mkdir(parents=True, exist_ok=True)
    named = [(encoder / name, name) for name in TOKENIZER_FILES]
    named += [(path, path.name) for path in sorted(encoder.glob(TOKENIZER_VERSIONS))]
    if parts:
        named += [(encoder / name, name) for name in TRANSFORMER_CONFIGS]
        named += [(root / SENTENCE_CONFIG, SENTENCE_CONFIG)]
    brought = [bring(path, out / name) for path, name in named if has_file(path)]
    if is_file(encoder / CONFIG):  # of which the caller takes over all keys
        check_copied(encoder / CONFIG, root)
    if parts and (listed := read_rows(root)):
        check_copied(root / MODULES, root)
        for place, (module, read) in enumerate(zip(listed, read_modules(root), strict=True)):
            kind, part = read.kind, read.folder
            if is_router(read):
                module["path"] = "" if encoder in [each.folder for each in all_modules_of(read)] else module["path"]
                brought += _copy_router(read, root, encoder, out / module["path"], bring)
                continue
            if part == encoder:
                module["path"] = ""
                continue
            if part == root:  # where the encoder is now
                module["path"] = f"{place}_{kind}"
            brought += _copy_part(read, root, out / module["path"], bring)
        write_json(out / MODULES, listed)
        brought.append(out / MODULES)
    return [path.relative_to(out).as_posix() for path in brought]


def _copy_part(module: Module, root: Path, to: Path, copy: Callable[[Path, Path], Path]) -> list[Path]:
    to.mkdir(parents=True, exist_ok=True)
    files = [module.folder / name for name in PART_FILES]
    if module.kind == TOKEN_TABLE and (weights := token_weights_file(module.folder, root)):
        files.append(weights)
    return [copy(path, to / path.name) for path in files if has_file(path)]


def _copy_router(router: Module, root: Path, encoder: Path, to: Path, copy: Callable[[Path, Path], Path]) -> list[Path]:
    """Copy a Router's modules below `to`, the encoder's name becoming "." where it is one of them."""
    check_copied(router_file(router), root)
    settings = read_json(router_file(router))
    parts = all_modules_of(router)
    names = {name: "." if router.folder / name == encoder else name for name in settings["types"]}
    brought = []
    for name in settings["types"]:
        if names[name] != ".":
            part = next(part for part in parts if part.folder == router.folder / name)
            brought += _copy_part(part, root, to / name, copy)
    settings["types"] = {names[name]: kind for name, kind in settings["types"].items()}
    settings["structure"] = {route: [names[name] for name in listed] for route, listed in settings["structure"].items()}
    to.mkdir(parents=True, exist_ok=True)
    write_json(to / ROUTER_CONFIG, settings)
    return [*brought, to / ROUTER_CONFIG]
