"""The folder that the package keeps things of its own in, and whether what lies there may be trusted."""

import os
import stat
from pathlib import Path


def cache_folder() -> Path | None:
    """DISTILBERT_CACHE, or else `distilbert` in the user's cache folder; None where nothing shall or can be kept."""
    named = os.environ.get("DISTILBERT_CACHE")
    if named is not None:
        return Path(named) if named else None
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "distilbert"
    except RuntimeError:  # a user without a home
        return None


def is_trusted(state: os.stat_result) -> bool:
    """Whether a file or folder is the user's own, and nobody else may write to it."""
    if not hasattr(os, "geteuid"):  # Windows says it otherwise
        return True
    return state.st_uid == os.geteuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
