"""A model's name -> a folder that this package reads: what the hub has in another format alone is converted once."""

import stat
import warnings
from pathlib import Path

from .cache import cache_folder, is_trusted
from .config import DistilBertConfig
from .errors import CheckpointError, CheckpointWarning, HubError, InputError, translated
from .files import is_folder
from .folder.companions import encoder_folder
from .folder.hub import DEFAULT_ACCESS, HubAccess, is_whole, resolve
from .folder.layout import HUB_REPOSITORY

_VERSION = 1  # of what a conversion writes: another one makes them all anew


def fetch(name: str | Path, revision: str | None = None, access: HubAccess = DEFAULT_ACCESS) -> Path:
    """The folder of the model called `name`, as `resolve` finds it, with weights in safetensors.

    A repository on the hub that has none is converted into the package's cache, which a warning says; a local folder
    is left as it is. Raises HubError where it cannot be converted, ConfigError for what is no DistilBERT.
    """
    folder = resolve(name, revision, foreign=True, access=access)
    if is_folder(Path(name).expanduser()) or is_whole(folder):
        return folder
    DistilBertConfig.from_file(encoder_folder(folder))  # a BERT is folded where that is asked for alone
    way = f"`distilbert convert {name} OUT` makes a folder of it"
    cache = cache_folder()
    if cache is None:
        raise HubError(f"{name}: has no weights in safetensors, and there is no cache to convert them into; {way}")
    kept = cache / "converted"
    repository, _, commit = folder.parts[-3:]  # models--OWNER--NAME/snapshots/COMMIT
    target = kept / f"{repository.removeprefix(HUB_REPOSITORY)}-{commit}-{_VERSION}"
    with translated(OSError, HubError, f"{name}: cannot be converted into {target}", f"; {way}"):
        for place in (cache, kept):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_trusted(place.stat()):
                raise HubError(f"{place}: others may write to it, so nothing is kept there; {way}")
        if _is_own_folder(target):
            return target
        _convert(folder, target)
    warnings.warn(f"{name}: has no weights in safetensors; converted, and kept in {target}", CheckpointWarning, 3)
    return target


def _is_own_folder(folder: Path) -> bool:
    try:
        state = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(state.st_mode) and is_whole(folder)


def _convert(source: Path, target: Path) -> None:
    from .convert.conversion import convert  # not at the top: a leaf

    try:
        convert(source, target)
    except (CheckpointError, InputError):
        if not _is_own_folder(target):  # another process may have been faster
            raise
