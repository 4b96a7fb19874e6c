"""A small folder of sentence-transformers, and its parts rewritten."""

import json
from pathlib import Path
from typing import Any

import numpy as np

import distilbert
from conftest import Maker
from distilbert import Embedder
from distilbert.folder.checkpoint import Head
from helpers.json_files import write

MODES = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
OLD_FLAGS = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
NEW = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Dense": "sentence_transformers.base.modules.dense.Dense",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    "Dropout": "sentence_transformers.sentence_transformer.modules.dropout.Dropout",
}
OLD = "sentence_transformers.models"
TEXTS = ["A charming and often affecting journey.", "no", "", "the film , the whole film , and nothing but the film"]


def compose(folder: Path, kinds: dict[str, str]) -> None:
    """modules.json of {path: kind}."""
    write(folder / "modules.json", [
        {"idx": idx, "name": str(idx), "path": path, "type": NEW.get(kind, kind)}
        for idx, (path, kind) in enumerate(kinds.items())
    ])  # fmt: skip


def write_sentence_folder(make_checkpoint: Maker) -> Path:
    """An encoder with mean pooling, in the new spelling."""
    folder = make_checkpoint(Head.NONE, max_position_embeddings=64)
    compose(folder, {"": "Transformer", "1_Pooling": "Pooling"})
    write(folder / "1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": True})
    return folder


def embed(folder: Path, **options: Any) -> np.ndarray:
    embedder = distilbert.load(folder)
    assert isinstance(embedder, Embedder)
    return embedder(TEXTS, **options)


def in_old_spelling(folder: Path) -> None:
    """Rewrites a folder as versions up to 5 wrote it."""
    modules = json.loads((folder / "modules.json").read_text())
    for each in modules:
        each["type"] = "sentence_transformers.models." + each["type"].rpartition(".")[2]
    write(folder / "modules.json", modules)
    (path,) = folder.glob("*_Pooling/config.json")
    pooling = json.loads(path.read_text())
    modes = pooling["pooling_mode"]
    flags = {flag: mode in ([modes] if isinstance(modes, str) else modes) for mode, flag in OLD_FLAGS.items()}
    old = {"word_embedding_dimension": 32, "include_prompt": pooling["include_prompt"]} | flags
    write(path, old)
