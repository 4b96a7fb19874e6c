"""Small tables as files, and what is read of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distilbert.data.reading import read_data


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Line ends stay as they are."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def json_lines(folder: Path, rows: Sequence[Any], name: str = "a.jsonl") -> Path:
    return write(folder, name, "\n".join(map(json.dumps, rows)))


def read(folder: Path, name: str, content: str | bytes, task: str = "text-classification", **options: Any) -> Any:
    return read_data(write(folder, name, content), task, **options)


def labels_of(data: Any) -> list[Any]:
    return [example.label for example in data.examples]
