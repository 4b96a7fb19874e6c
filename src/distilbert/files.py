"""Files: small ones read with care, all of them written whole or not at all."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .diagnosis import file_name, stand_in_name
from .errors import ConfigError, DistilBertError, error_text, short_repr

Value = TypeVar("Value")

_MOST_BYTES = 1 << 28  # no config, vocabulary or tokenizer comes near


def is_file(path: Path) -> bool:
    """Whether a regular file is seen here; no, and never an exception, for any name that cannot be one."""
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered, a name too long (Python before 3.14)
        return False


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
        if not path.is_file():  # a pipe or a device would be read for ever
            raise error(f"{path}: not a file" if path.exists() else f"{path}: no such file")
        if path.stat().st_size > _MOST_BYTES:
            raise error(f"{path}: has more than {_MOST_BYTES >> 20} MB, which no such file has")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise error(f"{path}: not UTF-8 text" + (f"; this is {what}" if (what := file_name(path)) else "")) from None
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror})") from None
    if what := stand_in_name(text[:300].encode()):
        raise error(f"{path}: this is {what}")
    return text


def read_json(path: Path, error: type[DistilBertError] = ConfigError) -> dict[str, Any]:
    """A JSON object from a file. Raises `error` naming the file and what is wrong."""
    return _read_json(path, dict, "an object", error)


def read_json_list(path: Path, error: type[DistilBertError] = ConfigError) -> list[Any]:
    """A JSON list from a file. Raises `error` naming the file and what is wrong."""
    return _read_json(path, list, "a list", error)


def _read_json(path: Path, kind: type[Value], name: str, error: type[DistilBertError]) -> Value:
    text = read_text(path, error)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:  # bad syntax, a number of endless digits, endless nesting
        raise error(f"{path}: not valid JSON ({error_text(problem)})") from None
    if not isinstance(value, kind):
        raise error(f"{path}: must hold {name}, not {short_repr(value)}")
    return value


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if the block succeeds and is removed if not."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.touch(exist_ok=False)
    mode = temporary.stat().st_mode
    try:
        yield temporary
        temporary.chmod(mode)  # some writers make a file its owner's alone
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
