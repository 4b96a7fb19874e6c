"""Which training defaults hold for any data: learning rate x epochs over six tasks and three sizes of model.

    DISTILBERT_DATA=path/to/data python benchmarks/training_defaults.py prepare FOLDER
    python benchmarks/training_defaults.py run FOLDER --out FILE.jsonl [--part check] [--minutes 8] [--seeds 0 1 2]
    python benchmarks/training_defaults.py table FILE.jsonl

`prepare` writes samples of 2,000 examples of each task and all-MiniLM-L6-v2 with 8,000 pieces in float16: all that a
machine without a network needs. `run` trains every setting on every sample, as many at once as there are processes, on
a GPU if there is one, and appends a line for each to the file; lines that are there are not measured again. Scores are
those of the last step on examples that decide nothing. `table` shows by how much the defaults miss the best of a grid.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from distilbert.evaluation import TaggedWords, read_data

TASKS = {
    "sentiment": "text-classification",
    "entities": "token-classification",
    "rare entities": "token-classification",
    "answers": "question-answering",
    "similarity": "sentence-similarity",
    "uneven": "text-classification",
}
METRICS = {"uneven": "f1_macro", "similarity": "spearman"}  # where the task's first one says little
MODELS = ("6x384", "2x384", "6x768")
RATES, EPOCHS = (5e-5, 1.5e-4, 3e-4, 6e-4), (3.0, 8.0)
_EXAMPLES, _PIECES, _LONGEST = 2000, 8000, 256
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LAYER = "distilbert.transformer.layer."


@dataclass(frozen=True)
class Job:
    """One training: a model on the first `examples` of a task's sample. A setting of None is the default's."""

    model: str
    task: str
    seed: int
    rate: float | None = None
    epochs: float | None = None
    examples: int = _EXAMPLES
    batch: int | None = None
    head_rate: float | None = None
    decay: float | None = None
    weights: str | None = None

    @property
    def name(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def grid(seed: int) -> Iterator[Job]:
    """What the rules were found by."""
    cells = [Job(MODELS[0], task, seed, rate, epochs) for task in TASKS for rate in RATES for epochs in EPOCHS]
    yield from cells
    for rate in (1.5e-4, 3e-4):
        for weights in ("balanced", "root"):
            yield from (Job(MODELS[0], "uneven", seed, rate, epochs, weights=weights) for epochs in EPOCHS)
    for model in MODELS[1:]:
        yield from (replace(cell, model=model) for cell in cells)


def check(seed: int) -> Iterator[Job]:
    """The defaults, and what lies around them: for models of other sizes, less data and other rates of the head."""
    yield from (Job(MODELS[0], task, seed) for task in TASKS)
    if seed == 0:
        yield from (Job(model, task, seed) for model in MODELS[1:] for task in TASKS)
        for examples in (64, 400):
            for task in ("sentiment", "entities"):
                yield Job(MODELS[0], task, seed, examples=examples)
                yield Job(MODELS[0], task, seed, examples=examples, rate=3e-4)
                yield Job(MODELS[0], task, seed, examples=examples, epochs=10.0)
        for task in ("sentiment", "entities", "rare entities", "answers"):
            yield Job(MODELS[0], task, seed, head_rate=5.0)
            yield Job(MODELS[0], task, seed, decay=0.9)
        for task in ("sentiment", "entities", "uneven"):
            yield from (Job("2x384", task, seed, rate) for rate in (7.5e-5, 3e-4))
            yield from (Job("6x768", task, seed, rate) for rate in (4e-5, 1.5e-4))
    yield from (Job(MODELS[0], task, seed, 1.5e-4, epochs) for task in TASKS for epochs in EPOCHS)


# what is learnt from ------------------------------------------------------------------------------------


def prepare(folder: Path) -> None:
    """Samples of all tasks, and the encoder they begin with."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "recipes"))
    from common import encoder, share, source

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reviews: dict[str, list[str]] = {}
    for label, name in {"positive": "rt-polarity.pos", "negative": "rt-polarity.neg"}.items():
        lines = (source("sentence_polarity") / name).read_bytes().decode("utf-8", "replace").split("\n")
        reviews[label] = sorted({line.strip() for line in lines if line.strip()}, key=share)
    for task, (train, test) in {
        "sentiment": ((1000, 1000), (1000, 1000)),
        "uneven": ((100, 1900), (158, 3000)),
    }.items():
        parts = zip(("train", "test"), ((0, 0), train), (train, test))
        for part, starts, counts in parts:
            rows = [
                {"text": text, "label": label}
                for (label, texts), start, count in zip(reviews.items(), starts, counts)
                for text in texts[start : start + count]
            ]
            _write(folder, task, part, rows)
    for task, (train_file, tests) in {
        "entities": ("uner_english_ewt/*dev.iob2", ["uner_english_ewt/*test.iob2"]),
        "rare entities": ("wnut17/wnut17train.conll", ["wnut17/emerging.dev.conll", "wnut17/emerging.test.annotated"]),
    }.items():
        train_rows = _tagged(read_data(source(train_file), "token-classification").examples)
        known = {label for row in train_rows for label in row["labels"]}
        test_rows = [row for name in tests for row in _tagged(read_data(source(name), "token-classification").examples)]
        _write(folder, task, "train", train_rows)
        _write(folder, task, "test", [row for row in test_rows if known.issuperset(row["labels"])], 3000)
    squad = json.loads(source("squad_dev/*dev-v1.1*.json").read_text(encoding="utf-8"))["data"]
    squad.sort(key=lambda article: share(article["title"]))
    for part, articles, most in (("train", squad[10:], _EXAMPLES), ("test", squad[:10], 1000)):
        rows = [
            {"id": asked["id"], "question": asked["question"], "context": paragraph["context"],
             "answers": {"text": [each["text"] for each in asked["answers"]],
                         "answer_start": [each["answer_start"] for each in asked["answers"]]}}
            for article in articles for paragraph in article["paragraphs"] for asked in paragraph["qas"]
        ]  # fmt: skip
        _write(folder, "answers", part, rows, most)
    columns = {"text": "1", "pair": "2", "score": "3"}
    for part, names in {"train": ["train"], "test": ["dev", "test"]}.items():
        read = [read_data(source(f"stsb/*-en-{name}.csv"), "sentence-similarity", columns=columns) for name in names]
        rows = [{"text": e.first, "pair": e.second, "score": e.score} for data in read for e in data.examples]
        _write(folder, "similarity", part, rows, 3000 if part == "test" else _EXAMPLES)
    _write_encoder(encoder(), folder)


def _tagged(examples: Any) -> list[dict[str, Any]]:
    assert all(isinstance(example, TaggedWords) for example in examples)
    return [{"words": example.words, "labels": example.labels} for example in examples]


def _write(folder: Path, task: str, part: str, rows: list[Any], most: int = 10**6) -> None:
    random.Random(0).shuffle(rows)
    rows = rows[: _EXAMPLES if part == "train" else most]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / f"{task}.{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_encoder(encoder: Path, folder: Path) -> None:
    """The encoder in float16, with the pieces that the samples use most, all single characters and special tokens."""
    out = folder / "encoder"
    shutil.copytree(encoder, out, ignore=shutil.ignore_patterns("*.safetensors", "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    counts: Counter[int] = Counter()
    for file in folder.glob("*.jsonl"):
        for encoding in tokenizer.encode_batch(file.read_text(encoding="utf-8").splitlines()):
            counts.update(encoding.ids)
    pieces = (encoder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    kept = {index for index, piece in enumerate(pieces) if len(piece.removeprefix("##")) == 1 or piece in _SPECIAL}
    kept = sorted({*kept, *(index for index, _ in counts.most_common(_PIECES - len(kept)))})
    (out / "vocab.txt").write_text("\n".join(pieces[index] for index in kept) + "\n", encoding="utf-8")
    weights = _weights(encoder)
    words = "distilbert.embeddings.word_embeddings.weight"
    weights[words] = weights[words][kept]
    half = {name: np.ascontiguousarray(tensor, np.float16) for name, tensor in weights.items()}
    save_file(half, out / "model.safetensors")
    config = json.loads((encoder / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(config | {"vocab_size": len(kept)}))


def _weights(folder: Path) -> dict[str, np.ndarray]:
    found = load_file(folder / "model.safetensors").items()
    return {f"distilbert.{name.removeprefix('distilbert.')}": tensor.astype(np.float32) for name, tensor in found}


def build(encoder: Path, model: str, out: Path) -> None:
    """The encoder as LAYERSxWIDTH: with its first and last layers alone, or every unit of it twice.

    A unit and its copy have half of the weights each that lead out of the one they were made of, so that the wider
    model computes the same (Chen et al. 2016, Net2Net, https://arxiv.org/abs/1511.05641); dropout tells them apart.
    """
    shutil.copytree(encoder, out)
    config = json.loads((out / "config.json").read_text())
    weights = _weights(encoder)
    layers, width = map(int, model.split("x"))
    if layers < config["n_layers"]:
        kept = [round(place * (config["n_layers"] - 1) / (layers - 1)) for place in range(layers)]
        chosen = {name: tensor for name, tensor in weights.items() if not name.startswith(_LAYER)}
        for place, layer in enumerate(kept):
            start = f"{_LAYER}{layer}."
            chosen |= {
                _LAYER + f"{place}." + n.removeprefix(start): t for n, t in weights.items() if n.startswith(start)
            }
        weights, config["n_layers"] = chosen, layers
    if width > config["dim"]:
        for name, tensor in weights.items():
            leads_in = tensor.ndim == 2 and "embeddings" not in name
            tensor = np.concatenate([tensor, tensor], axis=-1 if "embeddings" in name or tensor.ndim == 1 else 0)
            weights[name] = np.concatenate([tensor, tensor], axis=1) / 2 if leads_in else tensor
        config |= {key: 2 * config[key] for key in ("dim", "hidden_dim", "n_heads")}
        pooling = out / "1_Pooling" / "config.json"
        pooling.write_text(json.dumps(json.loads(pooling.read_text()) | {"word_embedding_dimension": config["dim"]}))
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in weights.items()}, out / "model.safetensors")
    (out / "config.json").write_text(json.dumps(config))


# training -----------------------------------------------------------------------------------------------


def run(folder: Path, out: Path, *, part: str, minutes: float, processes: int, seeds: list[int]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    done = {json.dumps(row["job"], sort_keys=True) for row in _rows(out)} if out.exists() else set()
    jobs = {"grid": grid, "check": check}[part]
    wanted = dict.fromkeys(job for seed in seeds for job in jobs(seed) if job.name not in done)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for job in wanted:
        queue.put(job)
    ends = time.time() + 60 * minutes
    in_memory = Path("/dev/shm")  # runs write checkpoints, which a disk would make wait
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as temporary:
        for model in MODELS:
            build(folder / "encoder", model, Path(temporary) / model)
        threads = max(1, (os.cpu_count() or 1) // processes)
        workers = [
            context.Process(target=_work, args=(queue, folder, Path(temporary), out, ends, threads))
            for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(max(1.0, ends + 30 - time.time()))
            if worker.is_alive():
                worker.terminate()
        queue.cancel_join_thread()


def _work(queue: Any, folder: Path, models: Path, out: Path, ends: float, threads: int) -> None:
    """Train until the time or the jobs are at their end."""
    while time.time() < ends:
        try:
            job = queue.get(timeout=1)
        except Exception:  # empty: the queue's own exception is not that of a spawned context
            return
        started = time.time()
        try:
            result = _train(job, folder, models / job.model, threads)
        except Exception as error:  # one setting that fails leaves the others
            result = {"error": f"{type(error).__name__}: {error}"}
        row = {"job": asdict(job), "seconds": round(time.time() - started, 1), **result}
        with out.open("a", encoding="utf-8") as file:  # one write a line: those of processes do not mix
            file.write(json.dumps(row) + "\n")


def _train(job: Job, folder: Path, model: Path, threads: int) -> dict[str, Any]:
    from distilbert.train import FinetuneArguments, finetune  # after the spawn: it imports PyTorch

    task = TASKS[job.task]
    with tempfile.TemporaryDirectory(dir=model.parent) as temporary:
        train = Path(temporary) / "train.jsonl"
        lines = (folder / f"{job.task}.train.jsonl").read_text(encoding="utf-8").splitlines()[: job.examples]
        train.write_text("\n".join(lines) + "\n", encoding="utf-8")
        weights: Any = job.weights
        if weights == "root":
            counts = Counter(example.label for example in read_data(train, task).examples)
            weights = {label: (max(counts.values()) / count) ** 0.5 for label, count in counts.items()}
        given = {
            "epochs": job.epochs, "learning_rate": job.rate, "batch_size": job.batch, "layer_decay": job.decay,
            "head_rate": job.head_rate, "class_weights": weights,
        }  # fmt: skip
        arguments = FinetuneArguments(
            task=task,
            model=model,
            train=train,
            test=folder / f"{job.task}.test.jsonl",
            out=Path(temporary) / "out",
            seed=job.seed,
            threads=threads,
            max_batch_tokens=1 << 15,
            max_length=_LONGEST,
            **{name: value for name, value in given.items() if value is not None},
        )
        finetune(arguments, quiet=True)
        made = json.loads((Path(temporary) / "out" / "training.json").read_text(encoding="utf-8"))
    scores = {name: round(score["value"], 4) for name, score in made["test_scores"].items()}
    metric = METRICS.get(job.task, next(iter(scores)))
    return {"metric": metric, "scores": scores, "steps": made["steps"], "training_seconds": made["seconds"]}


# what came of it ----------------------------------------------------------------------------------------


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def table(path: Path) -> None:
    """A row for every model, task and setting: the mean over seeds, and how far that is from the best of the grid."""
    found: dict[Job, list[float]] = {}
    for row in _rows(path):
        if "scores" in row:
            job = replace(Job(**row["job"]), seed=0)
            found.setdefault(job, []).append(row["scores"][row["metric"]])
    best: dict[tuple[str, str], float] = {}
    for job, values in found.items():
        if job == Job(job.model, job.task, 0, job.rate, job.epochs) and job.rate in RATES and job.epochs in EPOCHS:
            key = (job.model, job.task)
            best[key] = max(best.get(key, 0.0), mean(values))
    print("| model | task | setting | seeds | score | beside the best of the grid |\n|---|---|---|---|---|---|")
    for job, values in sorted(found.items(), key=lambda item: (item[0].model, item[0].task, -mean(item[1]))):
        changed = {k: v for k, v in asdict(job).items() if v is not None and k not in ("model", "task", "seed")}
        changed = {k: v for k, v in changed.items() if (k, v) != ("examples", _EXAMPLES)}
        setting = ", ".join(
            f"{name} {value:g}" if not isinstance(value, str) else value for name, value in changed.items()
        )
        score = f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
        gap = f"{mean(values) - best[job.model, job.task]:+.3f}" if (job.model, job.task) in best else ""
        print(f"| {job.model} | {job.task} | {setting or 'defaults'} | {len(values)} | {score} | {gap} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare").add_argument("folder", type=Path)
    runs = commands.add_parser("run")
    runs.add_argument("folder", type=Path)
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--minutes", type=float, default=8)
    runs.add_argument("--processes", type=int, default=8)
    runs.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    runs.add_argument("--part", choices=["grid", "check"], default="grid")
    commands.add_parser("table").add_argument("file", type=Path)
    args = parser.parse_args()
    if args.command == "prepare":
        prepare(args.folder)
    elif args.command == "table":
        table(args.file)
    else:
        run(args.folder, args.out, part=args.part, minutes=args.minutes, processes=args.processes, seeds=args.seeds)


if __name__ == "__main__":
    main()
