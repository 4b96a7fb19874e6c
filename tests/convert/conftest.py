"""A folder to convert."""

from pathlib import Path

import pytest

from distilbert.folder.checkpoint import Head
from helpers.weight_files import write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A masked-LM folder with a projector of its own, in which every weight has numbers that no format rounds."""
    return write(tmp_path / "source", Head.MASKED_LM)
