"""Files: small ones read with care, all of them written whole or not at all."""

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .diagnosis import file_name, other_name, stand_in_name
from .errors import ConfigError, DistilBertError, InputError, error_text, short_repr, translated
from .links import check_read

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

Value = TypeVar("Value")

_TAKEN = "exists already; give a new or an empty folder"
_MOST_BYTES = 1 << 28  # no config, vocabulary or tokenizer comes near


def path_given(value: object, wanted: str) -> Path:
    """The path that an argument gives. Raises InputError, with what is `wanted` of it, for what cannot be one."""
    given = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(given, str):
        raise InputError(f"{wanted}, not {short_repr(value)}")
    return Path(given)


def is_file(path: Path) -> bool:
    """Whether a regular file is seen here; no, and never an exception, for any name that cannot be one."""
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered, a name too long (Python before 3.14)
        return False


def has_file(path: Path, error: type[DistilBertError] = ConfigError) -> bool:
    """Whether a file is here to be read.

    Raises `error` for a link that leads nowhere, as in a copy whose files were removed: a folder that is read without
    one of its files answers otherwise.
    """
    if os.path.islink(path) and not os.path.exists(path):  # noqa: PTH110, PTH114  # these raise for no name
        target = short_repr(str(path.readlink()))
        raise error(f"{path}: is a link to {target}, where there is nothing; bring the file along")
    return is_file(path)


def is_folder(path: Path) -> bool:
    """Whether a folder is seen here; no, and never an exception, for any name that cannot be one."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_text(value: object) -> bool:
    """Whether this is a string that can be written and printed: JSON and file names can hold unpaired surrogates."""
    try:
        str.encode(value)  # type: ignore[arg-type]
    except (TypeError, UnicodeEncodeError):
        return False
    return True


def read_text(path: Path, error: type[DistilBertError]) -> str:
    """The text of a UTF-8 file. Raises `error`, naming the file, for one that is not there or not such a text."""
    try:
        if not has_file(path, error):  # a pipe or a device would be read for ever
            raise error(f"{path}: not a file" if path.exists() else f"{path}: no such file{other_name(path)}")
        check_read(path, error)
        if path.stat().st_size > _MOST_BYTES:
            raise error(f"{path}: has more than {_MOST_BYTES >> 20} MB, which no such file has")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        what = f"this is {what}" if (what := file_name(path)) else "save it as UTF-8"
        raise error(f"{path}: not UTF-8 text; {what}") from None
    except OSError as problem:
        raise error(f"{path}: cannot be read ({error_text(problem)})") from None
    if what := stand_in_name(text[:300].encode()):
        raise error(f"{path}: this is {what}")
    return text


def read_json(path: Path, error: type[DistilBertError] = ConfigError) -> dict[str, Any]:
    """A JSON object from a file. Raises `error` naming the file and what is wrong."""
    return _read_json(path, dict, "an object", error)


def read_json_list(path: Path) -> list[Any]:
    """A JSON list from a file. Raises ConfigError naming the file and what is wrong."""
    return _read_json(path, list, "a list", ConfigError)


def _read_json(path: Path, kind: type[Value], name: str, error: type[DistilBertError]) -> Value:
    text = read_text(path, error).removeprefix("\ufeff")  # which editors on Windows put there
    if not text:
        raise error(f"{path}: not valid JSON (it is empty)")
    # bad syntax, a number of endless digits, endless nesting
    with translated((ValueError, RecursionError), error, f"{path}: not valid JSON"):
        value = json.loads(text)
    if not isinstance(value, kind):
        raise error(f"{path}: must hold {name}, not {short_repr(value)}")
    return value


def check_new_folder(out: Path) -> None:
    """Raises InputError for a place where a new folder cannot be written: before anything is computed for it."""
    check_folder_place(out)
    if is_folder(out) and any(out.iterdir()):
        raise InputError(f"{out}: {_TAKEN}")


def check_folder_place(out: Path) -> None:
    """Raises InputError where no folder can be made, or nothing be written into the one that is there."""
    with translated((OSError, ValueError), InputError, f"{short_repr(str(out))}: no folder can be here"):
        nearest = next(place for place in (out, *out.absolute().parents) if _is_there(place))
    if not is_folder(nearest):
        raise InputError(f"{out}: {_TAKEN if nearest == out else f'no folder can be here ({nearest} is a file)'}")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{out}: nothing can be written in {nearest}; choose another place, or get the right to")


def _is_there(path: Path) -> bool:
    """As `exists`, which takes a name that cannot be one for a free one."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of the file `path` if the block succeeds and is removed if not.

    It lies in a folder beside `path`. What runs that were killed have left there is removed.
    """
    with _temporary_beside(path) as folder:
        temporary = folder / path.name
        temporary.touch(exist_ok=False)
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some writers make a file its owner's alone
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all. Raises InputError where it cannot be written."""
    with translated(OSError, InputError, f"{path}: cannot be written"), written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")


def write_json(path: Path, values: object) -> None:
    """Write values as JSON, paths as text, whole or not at all. Raises OSError where they cannot be written."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, default=str) + "\n", encoding="utf-8")


@contextmanager
def written_whole_folder(path: Path, source: Path | None = None) -> Iterator[Path]:
    """The same for a folder, whose place must be free or an empty folder. Raises OSError where it cannot be written.

    An error of this package in the block names the folder by the place that it would have taken, or as `source`, which
    it is made of.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary_beside(path) as folder:
        temporary = folder / path.name
        temporary.mkdir()
        try:
            yield temporary
        except DistilBertError as error:
            raise type(error)(str(error).replace(str(temporary), str(source or path))) from None
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
        if path.is_dir():
            path.rmdir()  # fails unless it is still empty
        temporary.rename(path)


@contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    """A folder `.NAME.xxxxxxxx`, locked as long as this process lives, so that others see whether it is in use."""
    _remove_leftovers(path)
    while True:
        folder = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        folder.mkdir()
        lock = _lock(folder, wait=True)
        if is_folder(folder):
            break
        if lock is not None:  # another run took it for a leftover before it was locked
            os.close(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary folders for `path` of runs that were killed: those that nobody holds locked."""
    name = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}")
    with contextlib.suppress(OSError):
        for other in os.scandir(path.parent):
            if name.fullmatch(other.name) and other.is_dir(follow_symlinks=False):
                lock = _lock(Path(other.path))
                if lock is not None:
                    shutil.rmtree(other.path, ignore_errors=True)
                    os.close(lock)


def _lock(folder: Path, *, wait: bool = False) -> int | None:
    """Lock a folder until the descriptor is closed, by the end of the process at the latest; None if that fails."""
    if fcntl is None:  # Windows: leftovers stay
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
