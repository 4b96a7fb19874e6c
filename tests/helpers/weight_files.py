"""Weights that no format rounds, in a folder, and those of a file of any format."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from conftest import random_weights, small_config
from distilbert.convert.formats import read_file
from distilbert.folder.checkpoint import Head
from distilbert.folder.layout import WEIGHTS


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The floating-point tensors of a file."""
    return {name: weight.read() for name, weight in read_file(path).items() if weight.dtype != "I64"}


def edit_weights(folder: Path, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Path:
    """The same folder with other arrays in its model.safetensors."""
    save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS)
    return folder


def write(folder: Path, head: Head, **changes: object) -> Path:
    config = small_config(head, vocab_size=50, max_position_embeddings=16, dim=8, hidden_dim=16, **changes)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    rng = np.random.default_rng(0)
    weights = {
        name: rng.integers(-128, 128, array.shape).astype(np.float32) / 64
        for name, array in random_weights(config, head).items()
    }
    save_file(weights, folder / "model.safetensors")
    return folder
