"""How a task was opened: enough to open it again in another process, or to say that its folder is not the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, HubError
from ..files import is_folder


@dataclass(frozen=True)
class Origin:
    """What `load` was given, and what it found.

    Attributes:
        load: the function itself.
        model: a folder, or a name on the hub.
        folder: where the model lay, as an absolute path.
        options: the task and the other arguments of `load`.
        fingerprint: of config.json and the weights.
    """

    load: Callable[..., Any]
    model: str
    folder: Path
    options: Mapping[str, Any]
    fingerprint: str


def reopen(origin: Origin) -> Any:
    """The task once more. Raises what `load` raises, and HubError or CheckpointError for a folder that has changed."""
    try:
        task = origin.load(origin.folder if is_folder(origin.folder) else origin.model, **origin.options)
    except HubError as error:
        raise HubError(f"{origin.folder}: has gone since the task was opened from it, and elsewhere: {error}") from None
    if task.model.origin.fingerprint != origin.fingerprint:
        raise CheckpointError(f"{task.model.folder}: has changed since the task was opened from it; load it again")
    return task
