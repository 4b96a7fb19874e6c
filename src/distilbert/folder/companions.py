"""What belongs to a model beside its config and weights, copied so that the new folder opens again.

The new folder is flat: its encoder lies at the root, wherever that of the source did, so that Transformers and
sentence-transformers find it.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import ConfigError
from ..files import is_file, read_json_list, written_whole
from .layout import MODULES, PART_FILES, SENTENCE_CONFIG, TOKENIZER_FILES, TOKENIZER_VERSIONS, TRANSFORMER_CONFIGS
from .module_list import all_modules, read_modules, routes_of
from .sentence import ENCODERS
from .sentence_writing import write_json


def encoder_folder(root: Path) -> Path:
    """Where the encoder of a model folder lies: a sentence-transformers folder may keep it in a part of its own."""
    modules = all_modules(root) if is_file(root / MODULES) else []
    return next((module.folder for module in modules if module.kind in ENCODERS), root)


def copy_file(source: Path, target: Path) -> Path:
    """Copy one file, whole or not at all; returns the path of the copy."""
    with written_whole(target) as temporary:
        shutil.copyfile(source, temporary)
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
    """
    out.mkdir(parents=True, exist_ok=True)
    named = [(encoder / name, name) for name in TOKENIZER_FILES]
    named += [(path, path.name) for path in sorted(encoder.glob(TOKENIZER_VERSIONS))]
    if parts:
        named += [(encoder / name, name) for name in TRANSFORMER_CONFIGS]
        named += [(root / SENTENCE_CONFIG, SENTENCE_CONFIG)]
    brought = [copy(path, out / name) for path, name in named if is_file(path)]
    if parts and is_file(root / MODULES):
        listed = read_json_list(root / MODULES)
        if len(routes_of(root)) > 1:
            raise ConfigError(f"{root}: has a Router, whose modules cannot be copied into another folder")
        for place, (module, read) in enumerate(zip(listed, read_modules(root), strict=True)):
            kind, part = read.kind, read.folder
            if part == encoder:
                module["path"] = ""
                continue
            if part == root:  # where the encoder is now
                module["path"] = f"{place}_{kind}"
            (out / module["path"]).mkdir(parents=True, exist_ok=True)
            files = [part / name for name in PART_FILES if is_file(part / name)]
            brought += [copy(path, out / module["path"] / path.name) for path in files]
        write_json(out / MODULES, listed)
        brought.append(out / MODULES)
    return [path.relative_to(out).as_posix() for path in brought]
