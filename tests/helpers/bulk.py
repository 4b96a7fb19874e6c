"""What tests of bulk runs share."""

from pathlib import Path
from typing import Any, Protocol

KILLER = "this row ends the process"
PLANTED = f"""
import os, signal, sys

if any("spawn_main" in word or "default_worker" in word for word in sys.orig_argv):
    from distilbert.bulk import annotate

    plain = annotate.run_rows

    def deadly(task, rows, options, errors):
        if any({KILLER!r} in row for row in rows):
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(task, rows, options, errors)

    annotate.run_rows = deadly
"""


class Runner(Protocol):
    """Runs `distilbert.bulk.run` in this process, with parts of 90 rows unless other settings are said."""

    def __call__(self, given: Any, output: Any = None, task: str = ..., **settings: Any) -> Any: ...


def contents(folder: Path) -> dict[str, bytes]:
    """The files of the parts of a run."""
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}


def planted(folder: Path) -> Path:
    """A folder on whose path workers (of the local pool, Ray and Dask) die with the row KILLER."""
    (folder / "sitecustomize.py").write_text(PLANTED)
    return folder
