"""What tests of folders start from."""

from pathlib import Path

import pytest

from conftest import Maker
from distilbert.folder.checkpoint import Head
from helpers.sentence_folders import write_sentence_folder


@pytest.fixture
def folder(make_checkpoint: Maker) -> Path:
    """One of sentence-transformers."""
    return write_sentence_folder(make_checkpoint)


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> dict[Head, str]:
    """Folders that sentence-transformers wraps and saves; they are only read."""
    from helpers.saved_by_sentence_transformers import write_encoders  # skips where it is not installed

    return write_encoders(tmp_path_factory, vocab)
