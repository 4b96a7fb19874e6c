"""4-bit word embeddings: how small models become, and how little they lose."""

import csv
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import random_weights, small_config
from distilbert.convert import quantize
from distilbert.convert.quantizer import Quantizer
from distilbert.evaluation import metrics
from distilbert.folder.checkpoint import Head, open_checkpoint, save_checkpoint


def test_students_with_all_of_berts_pieces_take_nine_megabytes(tmp_path: Path) -> None:
    """Of the shape of the students in recipes/: two layers, and the largest feed-forward block among these."""
    head = Head.TOKEN_CLASSIFICATION
    config = small_config(head, vocab_size=30522, dim=384, hidden_dim=880, n_heads=12, max_position_embeddings=512)
    save_checkpoint(tmp_path / "student", config, random_weights(config, head))
    (tmp_path / "int8").mkdir()
    Quantizer(open_checkpoint(tmp_path / "student"), word_bits=4).write(tmp_path / "int8")
    assert 8e6 < (tmp_path / "int8" / "model.safetensors").stat().st_size <= 9e6


@pytest.mark.int8
def test_vectors_rank_pairs_as_well(folded_minilm: Path, shared_data: Path, tmp_path: Path) -> None:
    with (shared_data / "stsb" / "stsb-en-dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    true = np.array([float(row[2]) for row in rows])
    report = quantize(folded_minilm, tmp_path / "int8", word_bits=4)
    assert report.bytes_after <= 17e6
    found = []
    for folder in (folded_minilm, tmp_path / "int8"):
        embed = distilbert.load(folder, "feature-extraction")
        left, right = (embed([row[side] for row in rows], normalize=True) for side in (0, 1))
        found.append(float(metrics.spearman(true, (left * right).sum(1))(np.ones((1, len(rows))))[0]))
    assert 100 * (found[0] - found[1]) <= 0.3
