"""Starter models: `starter/NAME` -> a folder of the distribution `distilbert-starter`, which is data alone."""

from importlib.util import find_spec
from pathlib import Path

from ..errors import HubError, MissingExtraError, printable_name
from .layout import CONFIG

PREFIX = "starter/"
_PACKAGE = "distilbert_starter"
# name -> the starter model whose folder it is as well, opened for another task than that folder's own
_SHARED = {"zero-shot": ("embed", "zero-shot-classification")}


def starters() -> dict[str, Path]:
    """The folders of the starter models by their names, such as "starter/embed"; none where they are not installed."""
    spec = find_spec(_PACKAGE)  # found, not imported
    places = (spec and spec.submodule_search_locations) or ()
    found = {config.parent.name: config.parent for place in places for config in Path(place).glob(f"*/{CONFIG}")}
    found |= {name: found[model] for name, (model, _) in _SHARED.items() if model in found}
    return {PREFIX + name: found[name] for name in sorted(found)}


def starter_folder(name: str) -> Path:
    """The folder of a starter model.

    Raises MissingExtraError where they are not installed, HubError for a name that is none of theirs.
    """
    folders = starters()
    if not folders:
        raise MissingExtraError(
            f"{printable_name(name)}: the starter models are not installed: pip install 'distilbert[starter]', or in a "
            "clone pip install ./starter"
        )
    if name not in folders:
        raise HubError(f"{printable_name(name)}: no such starter model; there are {', '.join(folders)}")
    return folders[name]


def starter_task(name: str) -> str | None:
    """The task that a starter model is opened for where its folder alone does not say it."""
    _, task = _SHARED.get(name.removeprefix(PREFIX), ("", None))
    return task if name.startswith(PREFIX) else None
