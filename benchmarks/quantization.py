"""int8 of an embedder: how near its vectors stay to float32's, and how fast it is, for one mixture after the other.

    python benchmarks/quantization.py [--rounds 7] [--save FILE.json]

all-MiniLM-L6-v2 on 400 sentences of film reviews. Smoothing is measured on the demo's sentences, and so is which
matrices cost most for their size: those stay in float32 first.
"""

import argparse
import math
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from common import machine, race, save, sentences, table, trained_model
from distilbert.batch import run_batched
from distilbert.convert import convert
from distilbert.convert.quantization import demo_sentences, measured_ranges
from distilbert.convert.quantizer import Quantizer, matrix_groups
from distilbert.engine.choice import open_on_cpu
from distilbert.engine.seam import CpuEngine
from distilbert.folder.checkpoint import Checkpoint, Head
from distilbert.folder.opened import ModelFolder, open_folder
from distilbert.folder.weights import Weight
from distilbert.guarantee.layers import layer_errors

_BATCH_TOKENS = 1024
_BYTES = {"I8": 1, "U8": 1, "F16": 2, "F32": 4}
_IN_FLOAT32 = (3, 6, 12, 18, 24)  # of the groups of matrices: four a layer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        convert(trained_model(), Path(place) / "minilm")
        folder = open_folder(Path(place) / "minilm")
        ids = [encoding.ids for encoding in folder.tokenizer.encode_batch(sentences(), max_length=folder.longest)]
        found = {"float32": folder.checkpoint, **mixtures(folder)}
        sizes = {name: sum(map(size, checkpoint.tensors.values())) for name, checkpoint in found.items()}
        engines = {name: opened(checkpoint) for name, checkpoint in found.items()}
        cosines = {
            name: cosines_to(vectors(engines["float32"], ids), vectors(each, ids)) for name, each in engines.items()
        }
        seconds = race({name: partial(vectors, engine, ids) for name, engine in engines.items()}, args.rounds)
    rows = {
        name: [
            f"{cosines[name].mean():.4f}",
            f"{np.quantile(cosines[name], 0.01):.4f}",
            f"{seconds['float32'] / seconds[name]:.2f}",
            f"{sizes[name] / 1e6:.1f}",
        ]
        for name in found
    }
    print(
        table("all-MiniLM-L6-v2", rows, ("mean cosine", "1 in 100 is below", "times float32's speed", "MB of weights"))
    )
    print(machine(("distilbert", "onnxruntime", "numpy")))
    save(args.save, {"machine": machine(("distilbert", "onnxruntime", "numpy")), "rows": rows})


def mixtures(folder: ModelFolder) -> dict[str, Checkpoint]:
    """What is compared with float32, the fastest first."""
    source, ranges = folder.checkpoint, measured_ranges(folder, demo_sentences())
    smoothed = Quantizer(source, ranges=ranges)
    groups = matrix_groups(source.config.n_layers)
    found = {
        "int8, 7 bits": Quantizer(source, bits=7, ranges=ranges).checkpoint(),
        "int8, not smoothed": Quantizer(source).checkpoint(),
        "int8": smoothed.checkpoint(),
        "int8, words in 4 bits": Quantizer(source, word_bits=4, ranges=ranges).checkpoint(),
        "int8, Q, K and V in float32": smoothed.checkpoint(
            name for group in groups if group[0].endswith("q_lin") for name in group
        ),
    }
    encodings = folder.tokenizer.encode_batch(demo_sentences()[:60], max_length=folder.longest)
    errors = layer_errors(smoothed, [encoding.ids for encoding in encodings])
    costly = sorted((each for each in errors if each.matrices), key=lambda each: -each.error / each.weights)
    for count in _IN_FLOAT32:
        names = [name for each in costly[:count] for name in each.matrices]
        found[f"int8, {len(names)} of 36 matrices in float32"] = smoothed.checkpoint(names)
    return found


def size(weight: Weight) -> int:
    """In bytes."""
    return math.prod(weight.shape) * _BYTES[weight.dtype]


def opened(checkpoint: Checkpoint) -> CpuEngine:
    return open_on_cpu(checkpoint, Head.NONE, all_rows=True, precision="int8" if checkpoint.bits else "float32")


def vectors(engine: CpuEngine, ids: list[np.ndarray]) -> np.ndarray:
    """[B, D] means of the last hidden states."""
    return np.stack([rows.mean(0) for rows in run_batched(engine.run, ids, None, _BATCH_TOKENS)])


def cosines_to(exact: np.ndarray, close: np.ndarray) -> np.ndarray:
    """[B] cosines of vectors [B, D]."""
    return (exact * close).sum(1) / (np.linalg.norm(exact, axis=1) * np.linalg.norm(close, axis=1))


if __name__ == "__main__":
    main()
