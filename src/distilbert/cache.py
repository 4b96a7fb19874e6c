"""The folder that the package keeps things of its own in, and whether what lies there may be trusted."""

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from .files import written_whole


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


def open_kept(path: Path) -> BinaryIO | None:
    """A file of the cache, to be read; None where it is not there, no plain file, or others may have written to it."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link; no waiting for a pipe
    try:
        file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115 - the caller closes it
    except OSError:
        return None
    with contextlib.suppress(OSError):
        state = os.fstat(file.fileno())
        if stat.S_ISREG(state.st_mode) and is_trusted(state) and is_trusted(path.parent.stat()):
            return file
    file.close()
    return None


def kept_name(made_of: Sequence[object], sources: Iterable[str]) -> str:
    """The name of a kept file: a digest of all that it is made of, the package's `sources` that make it included."""
    states = ((Path(__file__).parent / source).stat() for source in sources)
    code = [(state.st_size, state.st_mtime_ns) for state in states]
    described = json.dumps([*made_of, code], sort_keys=True, default=str)
    return hashlib.sha256(described.encode(errors="surrogatepass")).hexdigest()


def keep(path: Path, write: Callable[[Path], None], most: int) -> None:
    """Let `write` make a file of the cache; of its kind (by suffix) the `most` newest stay.

    Nothing happens where it cannot be written, or where others may write to the folder.
    """
    with contextlib.suppress(OSError):  # a cache that cannot be written is no fault
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_trusted(path.parent.stat()):
            return
        with written_whole(path) as temporary:
            write(temporary)
        path.chmod(0o600)
        oldest = sorted(path.parent.glob(f"*{path.suffix}"), key=lambda kept: kept.stat().st_mtime)[:-most]
        for kept in oldest:
            kept.unlink(missing_ok=True)
