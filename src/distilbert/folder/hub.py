"""A model's name -> a local folder. Nothing goes over the network that is already here.

In this order: an existing folder, a starter model of the package, the hub's local cache, the hub.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from ..diagnosis import file_name
from ..errors import ConfigError, HubError, error_text, short_repr
from ..files import is_file, is_folder, read_json
from .layout import CONFIG, FOREIGN, HUB_FILES, HUB_FOREIGN_FILES, INDEX, TOKENIZER, VOCABULARY, WEIGHTS

STARTERS = Path(__file__).parent / "starter"


def resolve(name: str | Path, revision: str | None = None, *, foreign: bool = False) -> Path:
    """The folder of the model called `name`.

    `revision` is a branch, tag or commit of a hub repository. A cached copy is used without asking the
    hub whether it is the newest. `foreign` takes a repository without weights in safetensors too, with those in the
    first other format that it has. Raises HubError if `name` leads nowhere or the hub cannot be reached.
    """
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  # Path's own raises for an unknown user
    name = str(name)
    if not name.strip():
        raise HubError(f"{name!r} is no model's name; give a folder or a name on the hub")
    if is_folder(folder):
        return folder
    if is_file(folder):
        what = file_name(folder)
        raise HubError(f"{folder}: is a file{f', {what}' if what else ''}; give the model's folder")
    if name.startswith("starter/"):
        return _starter(name)
    # a hub's name is OWNER/MODEL or MODEL: anything else was meant as a path
    if name.startswith((".", "~")) or folder.is_absolute() or name.count("/") > 1:
        raise HubError(f"{_printable(name)}: no such folder")
    return _fetch(name, revision, foreign)


def _starter(name: str) -> Path:
    folder = STARTERS / name.removeprefix("starter/")
    if folder.parent == STARTERS and is_file(folder / CONFIG):
        return folder
    names = sorted(f"starter/{path.parent.name}" for path in STARTERS.glob("*/config.json"))
    have = f"there are {', '.join(names)}" if names else "this version ships none"
    raise HubError(f"{_printable(name)}: no such starter model; {have}")


def _fetch(name: str, revision: str | None, foreign: bool) -> Path:
    folder = _cached(name, revision)
    if folder and (is_whole(folder) or (foreign and _has_foreign(folder))):
        return folder
    folder = _download(name, revision, HUB_FILES)
    lacking = _lacking(folder)
    if lacking == WEIGHTS and foreign:
        for files in HUB_FOREIGN_FILES:
            if _has_foreign(_download(name, revision, files)):
                return folder
    if lacking == WEIGHTS:
        raise HubError(
            f"{name}: its copy in the hub's cache lacks {lacking}, and the hub gives no more of it; of weights in "
            f"another format `distilbert convert {name} OUT` makes a folder"
        )
    if lacking:
        raise HubError(f"{name}: its copy in the hub's cache lacks {lacking}, and the hub gives no more of it")
    return folder


def _cached(name: str, revision: str | None) -> Path | None:
    """What the hub's cache has of a repository, None for nothing; the network is not asked."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*HUB_FILES], local_files_only=True))
    except HFValidationError:
        raise HubError(f"{_printable(name)}: neither a folder here nor a name that a hub repository can have") from None
    except LocalEntryNotFoundError:
        return None


def _download(name: str, revision: str | None, files: Sequence[str]) -> Path:
    """The snapshot of a repository, with its files of these names. Raises HubError where it cannot be had."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*files]))
    except RevisionNotFoundError:
        raise HubError(f"{name}: the hub has no revision {short_repr(revision)} of it") from None
    except RepositoryNotFoundError:
        raise HubError(
            f"{name}: no such folder here, and no such public model on the hub (private or gated? set HF_TOKEN)"
        ) from None
    except Exception as error:  # the client's errors and those of the network below it have no common base
        cause = error.__cause__ or error
        reason = (
            "HF_HUB_OFFLINE is set"
            if isinstance(cause, OfflineModeIsEnabled)
            else f"the hub gives none ({error_text(cause)})"
        )
        raise HubError(
            f"{name}: no such folder here, no whole copy in the hub's cache, and {reason}; "
            "give a local folder, or try again"
        ) from None


def is_whole(folder: Path) -> bool:
    """Whether a folder has all that a model needs, its weights in safetensors."""
    return not _lacking(folder)


def _has_foreign(folder: Path) -> bool:
    """Whether a snapshot lacks nothing but weights in safetensors, and has them in another format."""
    inner = next(folder.glob("0_*"), folder)
    there = any(is_file(inner / name) or is_file(inner / f"{name}.index.json") for name in FOREIGN)
    return _lacking(folder) == WEIGHTS and there


def _lacking(folder: Path) -> str:
    """What a cached snapshot lacks of a model folder ("" for nothing): other programs fetch parts of one."""
    inner = next(folder.glob("0_*"), folder)  # where the first sentence-transformers kept the encoder
    if not is_file(inner / CONFIG):
        return CONFIG
    if not is_file(inner / TOKENIZER) and not is_file(inner / VOCABULARY):
        return f"{TOKENIZER} or {VOCABULARY}"
    if is_file(inner / WEIGHTS):
        return ""
    try:
        shards = set(read_json(inner / INDEX)["weight_map"].values())
    except (ConfigError, KeyError, AttributeError, TypeError):
        return WEIGHTS
    return next((str(shard) for shard in shards if not is_file(inner / str(shard))), "")


def _printable(name: str) -> str:
    return name if name.isprintable() and len(name) < 200 else short_repr(name)
