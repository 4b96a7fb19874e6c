"""int8 by the native engine against ONNX Runtime, each in a process of its own, in turns.

    python benchmarks/native.py [--threads N] [--rounds 7] [--shape 768,3072,12,6] [--save FILE.json]

The shape is width, feed-forward width, heads, layers, of random weights. It needs distilbert-native; without pip:

    cmake -S native -B build && cmake --build build --parallel
    cp build/libdistilbert_native.* native/distilbert_native/
    PYTHONPATH=src:native python benchmarks/native.py
"""

import json
import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import common
import distilbert
from candidates import OURS
from distilbert.bench import available_cpus
from processes import Process

TOKENS = (16, 128, 512)


def main() -> None:
    parser = common.options(__doc__, 7)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--texts", type=int, default=160)
    parser.add_argument("--shape", default="768,3072,12,6")
    args = parser.parse_args()
    if "distilbert int8, native" not in OURS:
        raise SystemExit("distilbert-native is not installed: pip install ./native")
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["DISTILBERT_CACHE"] = f"{temporary}/cache"
        folder = Path(temporary) / "model"
        random_model(folder, *map(int, args.shape.split(",")))
        texts = common.sentences()[: args.texts]
        openers = {name: opener for name, opener in OURS.items() if "int8" in name}
        processes = {name: Process(opener, folder, args.threads) for name, opener in openers.items()}
        results: dict[str, object] = {"machine": common.machine(("onnxruntime", "numpy"))}
        print(json.dumps(results["machine"]), f"threads: {args.threads}; shape: {args.shape}")
        for name, process in processes.items():
            print(f"{name}: {process.about}")
        outputs = [process.logits(texts) for process in processes.values()]
        difference, spread = np.abs(outputs[0] - outputs[1]).max(), outputs[0].std()
        print(f"largest difference of logits {difference:.2g}, their spread {spread:.2g}")
        assert difference < spread / 2
        jobs = {f"{len(texts)} ragged sentences": texts}
        jobs |= {f"one text of {n} tokens": [common.text_of(folder, n)] for n in TOKENS}
        rows = {}
        for name, job in jobs.items():
            rounds = args.rounds if job is texts else 5 * args.rounds
            candidates = {engine: partial(process.seconds, job) for engine, process in processes.items()}
            seconds = common.race_timed(candidates, rounds)
            results[name] = seconds
            onnx, native = seconds.values()
            units = [f"{len(texts) / s:.1f}/s" if job is texts else f"{1e3 * s:.2f} ms" for s in (onnx, native)]
            rows[name] = [*units, f"{onnx / native:.2f}"]
        print(common.table("int8, end to end", rows, ["ONNX Runtime", "native", "times faster"]))
        for process in processes.values():
            process.end()
    common.save(args.save, results)


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
