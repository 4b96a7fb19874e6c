"""A DistilBERT whose every token sees only its neighbours, so that reading in windows can be held to reading at once.

A random model will not do: its every output depends on all that it reads, so a window changes it. Here attention
finds, by the sines and cosines of the positions, the token itself and those 1 before, 1 behind and 2 behind it, and
itself where there is none; two layers see 2 tokens back and 4 ahead. Each number is followed by its negative, which
keeps every mean at 0: the LayerNorms only scale, and the positions stay readable. The rest is random.
"""

from pathlib import Path

import numpy as np

from conftest import small_config
from distilbert import DistilBertConfig
from distilbert.folder.checkpoint import Head, key_table, save_checkpoint
from distilbert.folder.weight_names import PREFIX

SHIFTS = (0, -1, 1, 2)  # one a head
FREQUENCIES = np.random.default_rng(25).uniform(0.2, np.pi, 16)  # of 3,000 seeds one of the best at telling 4,096 apart


def save_local_model(folder: Path, head: Head, vocab: Path, *, longest: int, seed: int = 0, **changes: object) -> Path:
    """Write a model that reads at most `longest` tokens; models of one seed differ in nothing else."""
    config = small_config(head, max_position_embeddings=longest, dim=128, hidden_dim=64, **changes)
    save_checkpoint(folder, config, _weights(config, head, seed))
    (folder / "vocab.txt").write_bytes(vocab.read_bytes())
    return folder


def _weights(config: DistilBertConfig, head: Head, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    table = key_table(config, head)
    weights = {name: np.zeros(shape) for name, shape in table.items()}
    for name in table:
        if name.lower().endswith("norm.weight"):
            weights[name] += 1
    half = config.dim // 2  # the first half of a state is about words, the second about positions
    words = rng.normal(size=(config.vocab_size, half // 2))
    words /= np.linalg.norm(words, axis=-1, keepdims=True) / np.sqrt(len(FREQUENCIES))
    angles = np.arange(config.max_position_embeddings)[:, None] * FREQUENCIES
    embeddings = f"{PREFIX}embeddings"
    weights[f"{embeddings}.word_embeddings.weight"][:, :half] = _mirrored(words.T).T
    # the larger share of a state, so that its length, and with it attention, hardly depends on the words
    positions = np.concatenate([np.cos(angles), np.sin(angles)], -1)
    weights[f"{embeddings}.position_embeddings.weight"][:, half:] = 3 * _mirrored(positions.T).T
    read = np.zeros((config.head_dim, config.dim))  # cosines and sines out of a state
    read[:, half::2] = np.eye(config.head_dim)
    for index in range(config.n_layers):
        layer = f"{PREFIX}transformer.layer.{index}"
        weights[f"{layer}.attention.q_lin.weight"][:] = np.concatenate(
            [60 * (_turn(shift * FREQUENCIES) + 0.8 * np.eye(config.head_dim)) @ read for shift in SHIFTS]
        )
        weights[f"{layer}.attention.k_lin.weight"][:] = np.tile(read, (config.n_heads, 1))
        weights[f"{layer}.attention.v_lin.weight"][:, :half] = rng.normal(0, 0.1, (config.dim, half))
        weights[f"{layer}.attention.out_lin.weight"][:half] = _mirrored(rng.normal(0, 0.1, (half // 2, config.dim)))
        weights[f"{layer}.ffn.lin1.weight"][:, :half] = rng.normal(0, 0.3, (config.hidden_dim, half))
        weights[f"{layer}.ffn.lin2.weight"][:half] = _mirrored(rng.normal(0, 0.1, (half // 2, config.hidden_dim)))
    for name in ("classifier.weight", "qa_outputs.weight"):
        if name in weights:
            weights[name][:, :half] = rng.normal(0, 0.3, (len(weights[name]), half))
    return {name: array.astype(np.float32) for name, array in weights.items()}


def _mirrored(rows: np.ndarray) -> np.ndarray:
    """Each row followed by its negative: [n, m] -> [2n, m]."""
    return np.stack([rows, -rows], 1).reshape(-1, rows.shape[1])


def _turn(angles: np.ndarray) -> np.ndarray:
    """The matrix that turns (cosines, sines) by angles."""
    cos, sin = np.diag(np.cos(angles)), np.diag(np.sin(angles))
    return np.block([[cos, -sin], [sin, cos]])
