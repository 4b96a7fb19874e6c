"""Optimum loads and runs what we export, in an environment of its own (its pins do not go with ours).

Set DISTILBERT_OPTIMUM to a folder; the environment is made there if there is none.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert.batch import Batch
from distilbert.convert import export_onnx
from distilbert.engine.onnx import OnnxEngine
from distilbert.folder.checkpoint import Head, open_checkpoint

pytestmark = pytest.mark.slow

CLASSES = {
    Head.NONE: "ORTModelForFeatureExtraction",
    Head.MASKED_LM: "ORTModelForMaskedLM",
    Head.SEQUENCE_CLASSIFICATION: "ORTModelForSequenceClassification",
    Head.TOKEN_CLASSIFICATION: "ORTModelForTokenClassification",
    Head.QUESTION_ANSWERING: "ORTModelForQuestionAnswering",
    Head.MULTIPLE_CHOICE: "ORTModelForMultipleChoice",
}
PROGRAM = """
import sys
import numpy as np
import optimum.onnxruntime
import torch
_, kind, folder, feeds, out = sys.argv
model = getattr(optimum.onnxruntime, kind).from_pretrained(folder)
inputs = {name: torch.from_numpy(array) for name, array in np.load(feeds).items()}
np.savez(out, **{name: tensor.numpy() for name, tensor in model(**inputs).items()})
"""


@pytest.fixture(scope="module")
def optimum() -> Path:
    """The Python of the environment."""
    if "DISTILBERT_OPTIMUM" not in os.environ:
        pytest.skip("DISTILBERT_OPTIMUM names no folder for Optimum's environment")
    folder = Path(os.environ["DISTILBERT_OPTIMUM"])
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "optimum-onnx[onnxruntime]"], check=True)
    return python


@pytest.mark.parametrize("head", list(Head))
def test_optimum_runs_it(
    head: Head, optimum: Path, make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    source = make_checkpoint(head)
    export_onnx(source, tmp_path / "onnx")
    tokenizer = distilbert.BertTokenizer.from_folder(source)
    ids = [encoding.ids for encoding in tokenizer.encode_batch(sentences[:12])]
    longest = max(map(len, ids))
    mask = (np.arange(longest) < [[len(text)] for text in ids]).astype(np.int64)
    padded = np.zeros_like(mask)
    padded[mask == 1] = np.concatenate(ids)
    feeds = {"input_ids": padded, "attention_mask": mask}
    if head is Head.MULTIPLE_CHOICE:  # six questions of two choices
        feeds = {name: array.reshape(6, 2, longest) for name, array in feeds.items()}
    np.savez(tmp_path / "feeds.npz", **feeds)
    command = [optimum, "-c", PROGRAM, CLASSES[head], tmp_path / "onnx", tmp_path / "feeds.npz", tmp_path / "out.npz"]
    subprocess.run(command, check=True, capture_output=True)
    with np.load(tmp_path / "out.npz") as found:
        theirs = dict(found)

    ours = _by_the_engine(source, ids)
    for index, rows in enumerate(ours):
        assert np.ptp(rows) > 0.1
        if head is Head.MULTIPLE_CHOICE:
            rows, other = rows[0], theirs["logits"].reshape(-1)[index : index + 1]
        elif head is Head.SEQUENCE_CLASSIFICATION:
            rows, other = rows[0], theirs["logits"][index]
        else:
            names = ["start_logits", "end_logits"] if head is Head.QUESTION_ANSWERING else list(theirs)
            other = np.stack([theirs[name][index] for name in names], -1).reshape(longest, -1)[: len(rows)]
        np.testing.assert_allclose(other, rows, rtol=0, atol=1e-5 * max(1, np.ptp(rows)))


def _by_the_engine(source: Path, ids: list[np.ndarray]) -> list[np.ndarray]:
    """Each text's rows [T_i, …], by the packed graph."""
    checkpoint = open_checkpoint(source)
    engine = OnnxEngine(checkpoint, checkpoint.head, all_rows=True, threads=1)
    return np.split(engine.run(Batch.pack(ids)), np.cumsum([len(text) for text in ids])[:-1])
