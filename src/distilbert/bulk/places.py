"""Files wherever fsspec reaches: found, read, and written whole or not at all."""

import errno
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ..errors import InputError, error_text
from ..files import written_whole

Value = TypeVar("Value")

_ATTEMPTS = 8  # at what an object store refuses now and may grant soon
_FIRST_WAIT = 0.1  # seconds; doubled each time
_FINAL = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EISDIR}


@dataclass(frozen=True)
class File:
    """A file of the input, and by what one sees that it has changed: its size, and its etag or date."""

    url: str
    size: int
    etag: str


def patiently(call: Callable[[], Value]) -> Value:
    """What the call returns; an error of the place that may pass is waited for, a few times."""
    wait = _FIRST_WAIT
    for _ in range(_ATTEMPTS - 1):
        try:
            return call()
        except OSError as error:
            if error.errno in _FINAL or isinstance(error, FileNotFoundError):
                raise
        time.sleep(wait)
        wait *= 2
    return call()


def place(url: str) -> tuple[Any, str]:
    """(file system, path in it) of a path or URL."""
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:  # a protocol that is unknown, or whose package is not installed
        raise InputError(f"{url}: {error_text(error)}") from None
    return found


def anchored(url: str) -> str:
    """The same place for processes of another working directory: a local path made absolute."""
    fs, path = place(url)
    return path if isinstance(fs, LocalFileSystem) else url


def joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


def find_files(url: str) -> list[File]:
    """The files of a path, a folder (those below it, too) or a glob, in the order of their names.

    Names that begin with "_" or "." are no data. Raises InputError where there is none.
    """
    fs, path = place(url)

    # what cannot be listed is left out otherwise; the stores of clouds list by themselves, and raise
    strictly = {} if fs.async_impl else {"on_error": "raise"}

    def listing() -> dict[str, dict[str, Any]]:
        if any(sign in path for sign in "*?["):
            return dict(fs.glob(path, detail=True, **strictly))
        return dict(fs.find(path, detail=True, **strictly))

    try:
        infos = patiently(listing)
    except FileNotFoundError:
        infos = {}
    names = [
        name
        for name, info in infos.items()
        if info["type"] == "file" and (name == path or not name.rpartition("/")[2].startswith(("_", ".")))
    ]
    if not names:
        raise InputError(f"{url}: no such file" + (", or none that matches" if "*" in url else " or an empty folder"))
    return [_file(fs, name, infos[name]) for name in sorted(names)]


def _file(fs: Any, name: str, info: dict[str, Any]) -> File:
    etag = next((info[key] for key in ("ETag", "etag", "mtime", "created") if info.get(key) is not None), "")
    return File(name if isinstance(fs, LocalFileSystem) else fs.unstrip_protocol(name), info["size"] or 0, str(etag))


def names_in(folder: str) -> set[str]:
    """The names of the files in a folder, which need not be there."""
    fs, path = place(folder)

    def listing() -> list[str]:
        fs.invalidate_cache()
        return list(fs.ls(path, detail=False))

    try:
        return {name.rstrip("/").rpartition("/")[2] for name in patiently(listing)}
    except FileNotFoundError:
        return set()


def read_bytes(url: str, start: int | None = None, stop: int | None = None) -> bytes:
    fs, path = place(url)
    return bytes(patiently(lambda: fs.cat_file(path, start=start, end=stop)))


def read_all(folder: str, names: Sequence[str]) -> dict[str, bytes]:
    """What is in files of a folder, as far as they can be read; a store of a cloud is asked for many at once."""
    fs, path = place(folder)
    found: dict[str, bytes] = fs.cat([joined(path, name) for name in names], on_error="omit") if names else {}
    there = {name.rpartition("/")[2]: data for name, data in found.items()}
    for name in names:
        if name not in there:  # the store refused
            with suppress(OSError):
                there[name] = read_bytes(joined(folder, name))
    return there


def opened(url: str) -> BinaryIO:
    fs, path = place(url)
    file: BinaryIO = patiently(lambda: fs.open(path, "rb"))
    return file


@contextmanager
def written(url: str) -> Iterator[Path]:
    """A temporary path whose file takes the URL's place if the block succeeds: renamed, or put at once."""
    fs, path = place(url)
    if isinstance(fs, LocalFileSystem):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with written_whole(Path(path)) as temporary:
            yield temporary
        return
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder, "file")
        yield temporary
        patiently(lambda: fs.put_file(str(temporary), path))  # one PUT, or several that are completed by one


def remove(folder: str, names: set[str]) -> None:
    """Remove files and folders of a folder, as far as they are there."""
    fs, path = place(folder)
    for name in names:
        with suppress(FileNotFoundError):
            patiently(lambda name=name: fs.rm(joined(path, name), recursive=True))  # type: ignore[misc]
