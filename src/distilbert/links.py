"""Links in a model folder: where one may lead, for its file to be read or copied."""

import os
from pathlib import Path

from .errors import ConfigError, DistilBertError
from .folder.layout import HUB_BLOBS, HUB_SNAPSHOTS


def check_read(path: Path, error: type[DistilBertError]) -> None:
    """Raises `error` for a link out of the file's folder, unless to a file of the same name, or into the hub's cache.

    It is for files without a form that only a model's have. A stranger's vocab.txt could else lead to any file of this
    machine, whose lines a tokenizer would answer with.
    """
    if not path.is_symlink():
        return
    real = Path(os.path.realpath(path))  # of a link to itself too, where `resolve` raises
    if real.name == path.name or real.is_relative_to(path.parent.resolve()) or _is_in_hub_cache(real):
        return
    raise error(f"{path}: is a link out of the folder, which is not read; put the file itself there")


def check_copied(path: Path, root: Path) -> None:
    """Raises ConfigError for a link out of the model folder `root`, unless into the hub's cache."""
    real = Path(os.path.realpath(path))  # of a link to itself too, where `resolve` raises
    if not real.is_relative_to(root.resolve()) and not _is_in_hub_cache(real):
        raise ConfigError(f"{path}: is a link out of the folder, which is not copied; put the file itself there")


def _is_in_hub_cache(real: Path) -> bool:
    """Its folders of models, in snapshots/, are made of links to files beside it in blobs/, whose names are hashes."""
    return real.parent.name == HUB_BLOBS and (real.parents[1] / HUB_SNAPSHOTS).is_dir()
