"""A model's name -> a local folder. Nothing goes over the network that is already here.

In this order: an existing folder, a starter model of the package, the hub's local cache, the hub.
"""

import json
from pathlib import Path

from .checkpoint import INDEX, WEIGHTS
from .errors import HubError

__all__ = ["resolve"]

STARTERS = Path(__file__).parent / "starter"
# what a model folder needs; the same weights in other formats (.bin, .h5, .onnx) are not fetched
_FILES = ["*.json", "*.txt", "*.safetensors", "*/config.json", "*/model.safetensors"]


def resolve(name: str | Path, revision: str | None = None) -> Path:
    """The folder of the model called `name`.

    `revision` is a branch, tag or commit of a hub repository. A cached copy is used without asking the
    hub whether it is the newest. Raises HubError if `name` leads nowhere or the hub cannot be reached.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise HubError(f"{folder}: is a file; give the model's folder")
    name = str(name)
    if name.startswith("starter/"):
        return _starter(name)
    # a hub's name is OWNER/MODEL or MODEL: anything else was meant as a path
    if name.startswith((".", "~")) or folder.is_absolute() or name.count("/") > 1 or not name.strip():
        raise HubError(f"{name}: no such folder")
    return _fetch(name, revision)


def _starter(name: str) -> Path:
    folder = STARTERS / name.removeprefix("starter/")
    if folder.parent == STARTERS and (folder / "config.json").is_file():
        return folder
    names = sorted(f"starter/{path.parent.name}" for path in STARTERS.glob("*/config.json"))
    have = f"there are {', '.join(names)}" if names else "this version ships none"
    raise HubError(f"{name}: no such starter model; {have}")


def _fetch(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
        if _is_whole(folder):
            return folder
    except HFValidationError:
        raise HubError(f"{name}: neither a folder here nor a name that a hub repository can have") from None
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_FILES))
    except RevisionNotFoundError:
        raise HubError(f"{name}: the hub has no revision {revision!r} of it") from None
    except RepositoryNotFoundError:
        raise HubError(
            f"{name}: no such folder here, and no such public model on the hub (private? set HF_TOKEN)"
        ) from None
    except OfflineModeIsEnabled:
        raise HubError(f"{name}: no such folder here, not in the hub's cache, and HF_HUB_OFFLINE is set") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise HubError(
            f"{name}: no such folder here, and the hub cannot be reached ({reason}); give a local folder, or try again"
        ) from None


def _is_whole(folder: Path) -> bool:
    """Whether a cached snapshot has all that a model folder needs: another program may have fetched only a part."""
    if not (folder / "config.json").is_file():
        return False
    if not ((folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file()):
        return False
    if (folder / WEIGHTS).is_file():
        return True
    try:
        shards = set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    return all((folder / shard).is_file() for shard in shards)
