"""The JSON files of a model's folder: written and changed."""

import json
from pathlib import Path


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def edit(path: Path, /, **changes: object) -> None:
    """Give the file's object these keys; a file that is not there begins empty."""
    write(path, (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}) | changes)
