"""A model's name -> a local folder. Nothing goes over the network that is already here.

In this order: an existing folder, a starter model, the hub's local cache, the hub.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from ..diagnosis import file_name, listing_name
from ..errors import ConfigError, DistilBertError, HubError, error_text, name_list, printable_name, short_repr
from ..files import is_file, is_folder, path_given, read_json
from .layout import (
    CONFIG,
    FIRST_PART,
    FOREIGN,
    HUB_FILES,
    HUB_FOREIGN_FILES,
    HUB_REPOSITORY,
    HUB_SNAPSHOTS,
    INDEX,
    ONNX,
    PARTS,
    PARTS_WITH_WEIGHTS,
    PYTORCH,
    SHARDS_INDEX,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
)
from .starters import PREFIX, starter_folder

# of a model's page, or of one of its files
_ADDRESS = re.compile(r"(?:(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/|hf://)([^/]+/[^/?#]+)(?:[/?#].*)?")
_MOST_COPIES = 200  # that a message looks at


@dataclass(frozen=True)
class HubAccess:
    """How the hub is asked.

    Attributes:
        token: of an account, for private and gated models; True for the one that is stored on this machine, False for
            none. By default HF_TOKEN, or the stored one.
        cache_dir: where copies are kept; by default the hub client's own folder (HF_HUB_CACHE).
        local_files_only: take a copy from there, and ask nobody.
    """

    token: str | bool | None = field(default=None, repr=False)
    cache_dir: str | Path | None = None
    local_files_only: bool = False


DEFAULT_ACCESS = HubAccess()


def resolve(
    name: str | Path, revision: str | None = None, *, foreign: bool = False, access: HubAccess = DEFAULT_ACCESS
) -> Path:
    """The folder of the model called `name`.

    `revision` is a branch, tag or commit of a hub repository. A cached copy is used without asking the
    hub whether it is the newest. `foreign` takes a repository without weights in safetensors too, with those in the
    first other format that it has. Raises HubError if `name` leads nowhere or the hub cannot be reached, InputError for
    what is no name, MissingExtraError for a starter model where none are installed.
    """
    if not isinstance(name, str):
        name = str(path_given(name, "a model is told by its folder or its name on the hub"))
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  # Path's own raises for an unknown user
    if not name.strip():
        raise HubError(f"{name!r} is no model's name; give a folder or a name on the hub")
    if is_folder(folder):
        return folder
    if is_file(folder):
        what = file_name(folder)
        raise HubError(f"{folder}: is a file{f', {what}' if what else ''}; give the model's folder")
    if name.startswith(PREFIX):
        return starter_folder(name)
    # a hub's name is OWNER/MODEL or MODEL: anything else was meant as a path
    if name.startswith((".", "~")) or folder.is_absolute() or name.count("/") > 1:
        raise HubError(f"{printable_name(name)}: no such folder{_written_otherwise(name)}")
    return _fetch(name, revision, foreign, access)


def _written_otherwise(name: str) -> str:
    """The next step for a model that was named as other programs name it; "" where it was not."""
    if address := _ADDRESS.fullmatch(name):
        return f"; give its name alone, {printable_name(address[1])}"
    if "://" in name:
        return "; give a folder's path, or a name on the hub"
    return "; give the revision apart" if "@" in name else ""


def _fetch(name: str, revision: str | None, foreign: bool, access: HubAccess) -> Path:
    folder = _cached(name, revision, access)
    if folder and (is_whole(folder) or (foreign and _has_foreign(folder))):
        return folder
    if access.local_files_only:
        raise HubError(
            f"{name}: no such folder here, and no whole copy in the hub's cache (local_files_only)"
            f"{_at_hand(access)}; give a local folder, or leave local_files_only out"
        )
    folder = _download(name, revision, HUB_FILES, access)
    if not (lacking := _lacking(folder)):
        return folder
    try:
        there = _listed(name, revision, access)
    except HubError:  # the hub has gone meanwhile
        there = [lacking]
    if foreign and lacking.endswith(WEIGHTS):
        for files in HUB_FOREIGN_FILES:
            wanted = [pattern for pattern in files if lacking == WEIGHTS or pattern.startswith(PARTS)]
            if any(fnmatch(file, pattern) for file in there for pattern in wanted) and _has_foreign(
                _download(name, revision, wanted, access)
            ):
                return folder
    if lacking in there:
        raise HubError(f"{name}: its copy in the hub's cache lacks {lacking}, and the hub gives no more of it")
    raise HubError(f"{name}: the hub's repository of it has no {lacking}; this is {listing_name(there)}")


def _cached(name: str, revision: str | None, access: HubAccess) -> Path | None:
    """What the hub's cache has of a repository, None for nothing; the network is not asked."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=[*HUB_FILES],
                cache_dir=access.cache_dir,
                local_files_only=True,
            )
        )
    except HFValidationError:
        raise HubError(
            f"{printable_name(name)}: neither a folder here nor a name that a hub repository can have"
            f"{_written_otherwise(name)}"
        ) from None
    except LocalEntryNotFoundError:
        return None


def _download(name: str, revision: str | None, files: Sequence[str], access: HubAccess) -> Path:
    """The snapshot of a repository, with its files of these names. Raises HubError where it cannot be had."""
    from huggingface_hub import snapshot_download

    with _hub_errors(name, revision, access):
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=[*files], cache_dir=access.cache_dir, token=access.token
            )
        )


def _listed(name: str, revision: str | None, access: HubAccess) -> list[str]:
    """The names of all files of a repository. Raises HubError where they cannot be had."""
    from huggingface_hub import model_info  # which tries once, where list_repo_files goes on for half a minute

    with _hub_errors(name, revision, access):
        files = model_info(name, revision=revision, token=access.token).siblings or []
        return [file.rfilename for file in files]


@contextmanager
def _hub_errors(name: str, revision: str | None, access: HubAccess) -> Iterator[None]:
    """What the client raises in the block, as HubError."""
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except RevisionNotFoundError:
        raise HubError(f"{name}: the hub has no revision {short_repr(revision)} of it") from None
    except RepositoryNotFoundError:
        raise HubError(
            f"{name}: no such folder here, and no such public model on the hub "
            "(private or gated? give token, or set HF_TOKEN)"
        ) from None
    except Exception as error:  # the client's errors and those of the network below it have no common base
        cause = error.__cause__ or error
        reason = (
            "HF_HUB_OFFLINE is set"
            if isinstance(cause, OfflineModeIsEnabled)
            else f"the hub gives none ({error_text(cause)})"
        )
        raise HubError(
            f"{name}: no such folder here, no whole copy in the hub's cache, and {reason}"
            f"{_at_hand(access)}; give a local folder, or try again"
        ) from None


def is_whole(folder: Path) -> bool:
    """Whether a folder has all that a model needs, its weights in safetensors."""
    return not _lacking(folder)


def _has_foreign(folder: Path) -> bool:
    """Whether a snapshot lacks nothing but weights in safetensors, and has them in another format."""
    inner, lacking = _encoder_of(folder), _lacking(folder)
    if lacking.endswith(f"/{WEIGHTS}"):
        return is_file((folder / lacking).with_name(PYTORCH))
    there = any(is_file(inner / name) or is_file(inner / f"{name}{SHARDS_INDEX}") for name in FOREIGN)
    return lacking == WEIGHTS and (there or any(is_file(folder / name) for name in ONNX))


def _lacking(folder: Path) -> str:
    """What a cached snapshot lacks of a model folder ("" for nothing): other programs fetch parts of one."""
    inner = _encoder_of(folder)
    if not is_file(inner / CONFIG):
        return CONFIG
    if not is_file(inner / TOKENIZER) and not is_file(inner / VOCABULARY):
        return f"{TOKENIZER} or {VOCABULARY}"
    shards = {WEIGHTS}
    if not is_file(inner / WEIGHTS):
        try:
            shards = set(read_json(inner / INDEX)["weight_map"].values())
        except (ConfigError, KeyError, AttributeError, TypeError):
            return WEIGHTS
    if missing := next((str(shard) for shard in shards if not is_file(inner / str(shard))), ""):
        return missing
    parts = (path.parent for pattern in PARTS_WITH_WEIGHTS for path in sorted(folder.glob(f"{pattern}/{CONFIG}")))
    return next((f"{part.name}/{WEIGHTS}" for part in parts if not is_file(part / WEIGHTS)), "")


def _encoder_of(folder: Path) -> Path:
    """Where config and weights lie: the first sentence-transformers kept them in a folder of their own."""
    return next(folder.glob(FIRST_PART), folder)


def _at_hand(access: HubAccess) -> str:
    """The DistilBERTs in the cache, which need no hub, for a message; "" where there are none."""
    from huggingface_hub import constants

    cache = Path(access.cache_dir or constants.HF_HUB_CACHE)
    copies = islice(sorted(cache.glob(f"{HUB_REPOSITORY}*/{HUB_SNAPSHOTS}/*")), _MOST_COPIES)
    names = dict.fromkeys(
        copy.parts[-3].removeprefix(HUB_REPOSITORY).replace("--", "/") for copy in copies if _is_distilbert(copy)
    )
    return f" (at hand: {name_list(list(names), 10)})" if names else ""


def _is_distilbert(copy: Path) -> bool:
    """Whether a cached snapshot is a DistilBERT that can be loaded."""
    try:
        return not _lacking(copy) and read_json(_encoder_of(copy) / CONFIG).get("model_type") == "distilbert"
    except (DistilBertError, OSError, AttributeError):
        return False
