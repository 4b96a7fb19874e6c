"""The native int8 engine of the package `distilbert`: a shared library behind a C interface, loaded by ctypes."""

from pathlib import Path


def library() -> Path:
    """Where the shared library lies."""
    return next(Path(__file__).parent.glob("libdistilbert_native.*"))
