"""int8 by the native engine against ONNX Runtime, each in a process of its own, in turns.

    python benchmarks/native.py [--threads N] [--rounds 7] [--shape 768,3072,12,6] [--save FILE.json]

The shape is width, feed-forward width, heads, layers, of random weights. It needs distilbert-native; without pip:

    cmake -S native -B build && cmake --build build --parallel
    cp build/libdistilbert_native.* native/distilbert_native/
    PYTHONPATH=src:native python benchmarks/native.py
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import common
import distilbert
from distilbert.bench import available_cpus

ENGINES = ("onnx", "native")
TOKENS = (16, 128, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--texts", type=int, default=160)
    parser.add_argument("--shape", default="768,3072,12,6")
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["DISTILBERT_CACHE"] = f"{temporary}/cache"
        folder = Path(temporary) / "model"
        random_model(folder, *map(int, args.shape.split(",")))
        texts = common.sentences()[: args.texts]
        words = " ".join(common.sentences()).split()
        jobs = {f"{len(texts)} ragged sentences": texts} | {f"one text of {n} tokens": [words, n] for n in TOKENS}
        processes = {engine: Runner(engine, folder, args.threads) for engine in ENGINES}
        results: dict[str, object] = {"machine": common.machine(("onnxruntime", "numpy"))}
        print(json.dumps(results["machine"]), f"threads: {args.threads}; shape: {args.shape}")
        for engine, process in processes.items():
            print(f"{engine}: {process.about}")
        outputs = [process.logits(texts) for process in processes.values()]
        difference, spread = np.abs(outputs[0] - outputs[1]).max(), outputs[0].std()
        print(f"largest difference of logits {difference:.2g}, their spread {spread:.2g}")
        assert difference < spread / 2
        rows = {}
        for name, job in jobs.items():
            rounds = args.rounds if job is texts else 5 * args.rounds
            candidates = {engine: lambda p=process, j=job: p.seconds(j) for engine, process in processes.items()}
            seconds = common.race_timed(candidates, rounds)
            results[name] = seconds
            units = [f"{len(texts) / s:.1f}/s" if job is texts else f"{1e3 * s:.2f} ms" for s in seconds.values()]
            rows[name] = [*units, f"{seconds['onnx'] / seconds['native']:.2f}"]
        print(common.table("int8, end to end", rows, [*ENGINES, "times faster"]))
        for process in processes.values():
            process.end()
    common.save(args.save, results)


class Runner:
    """A process that runs texts through one engine, and says how long it took."""

    def __init__(self, engine: str, folder: Path, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        os.environ["DISTILBERT_ENGINE"] = engine
        self.process = context.Process(target=serve, args=(theirs, folder, threads))
        self.process.start()
        self.about = self.pipe.recv()

    def _ask(self, kind: str, texts: Sequence[object]) -> object:
        self.pipe.send((kind, texts))
        return self.pipe.recv()

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        return self._ask("logits", texts)

    def seconds(self, texts: Sequence[object]) -> float:
        return self._ask("seconds", texts)

    def end(self) -> None:
        self.pipe.send(None)
        self.process.join()


def serve(pipe: Connection, folder: Path, threads: int) -> None:
    started = time.perf_counter()
    task = distilbert.load(folder, "text-classification", precision="int8", threads=threads)
    engine = task.model.engine
    pipe.send(f"{engine.reason}; {engine.threads} threads; opened in {time.perf_counter() - started:.2f} s")
    while job := pipe.recv():
        kind, texts = job
        if isinstance(texts[0], list):  # words, and how many tokens
            texts = [task.tokenizer.decode(task.tokenizer.encode(" ".join(texts[0])).ids[1 : texts[1] - 1])]
        started = time.perf_counter()
        logits = task.logits(texts)
        pipe.send(logits if kind == "logits" else time.perf_counter() - started)


def random_model(folder: Path, dim: int, hidden_dim: int, heads: int, layers: int) -> None:
    """A classifier of random weights, made with NumPy alone."""
    pieces = (common.REPOSITORY / "tests/data/vocab.txt").read_text(encoding="utf-8").split("\n")
    pieces = pieces[:6000] + [f"[unused{index}]" for index in range(10_000, 10_000 + 30_522 - 6000)]
    config = distilbert.DistilBertConfig(
        dim=dim,
        hidden_dim=hidden_dim,
        n_heads=heads,
        n_layers=layers,
        architectures=("DistilBertForSequenceClassification",),
    )
    rng = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}

    def linear(name: str, out: int, into: int) -> None:
        weights[f"{name}.weight"] = rng.normal(0, 0.05, (out, into)).astype(np.float32)
        weights[f"{name}.bias"] = np.zeros(out, np.float32)

    def norm(name: str) -> None:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = np.ones(dim, np.float32), np.zeros(dim, np.float32)

    for table, rows in (("word", config.vocab_size), ("position", config.max_position_embeddings)):
        weights[f"distilbert.embeddings.{table}_embeddings.weight"] = rng.normal(0, 0.05, (rows, dim)).astype(
            np.float32
        )
    norm("distilbert.embeddings.LayerNorm")
    for index in range(layers):
        layer = f"distilbert.transformer.layer.{index}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            linear(f"{layer}.attention.{part}", dim, dim)
        linear(f"{layer}.ffn.lin1", hidden_dim, dim)
        linear(f"{layer}.ffn.lin2", dim, hidden_dim)
        norm(f"{layer}.sa_layer_norm")
        norm(f"{layer}.output_layer_norm")
    linear("pre_classifier", dim, dim)
    linear("classifier", 2, dim)
    folder.mkdir()
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))


if __name__ == "__main__":
    main()
