"""Whether `distill --to 97%` holds what it says: searches with several seeds, scored on examples that none of them saw.

    DISTILBERT_DATA=path/to/data python benchmarks/training_defaults.py prepare FOLDER
    DISTILBERT_DATA=path/to/data python benchmarks/smallest.py prepare FOLDER
    python benchmarks/smallest.py run FOLDER --out FILE.jsonl [--minutes 30] [--seeds 0 1 2 3 4]
    python benchmarks/smallest.py table FILE.jsonl

`prepare` adds to the folder the text that students learn from. Each run draws its parts by its seed, fine-tunes a
teacher of 6 layers and width 384, searches its smallest student, and scores both on a part that neither teacher nor
search has seen. It appends a line to the file; lines that are there are not measured again.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from distilbert.evaluation import evaluate
from training_samples import append_row, build, film_reviews, memory_folder, read_rows

TASKS = {"sentiment": "text-classification", "similarity": "sentence-similarity"}
PARTS = ("train", "eval", "certify", "unseen")
SHARE = 0.97
_TEXTS = 25000  # without labels, at most
_TEACHER_EPOCHS = 2.0


def prepare(folder: Path) -> None:
    """All film-review sentences with labels, and for each task text without."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "recipes"))
    from common import source
    from distil_sentiment import review_sentences
    from distil_vectors import text

    labelled = film_reviews(source("sentence_polarity"))
    reviews = {text: label for label, texts in labelled.items() for text in sorted(texts)}
    _write(folder / "reviews.jsonl", [{"text": text, "label": label} for text, label in reviews.items()])
    pairs = read_rows(folder / "similarity.test.jsonl")
    known = {*reviews, *(pair[key] for pair in pairs for key in ("text", "pair"))}
    for task, lines in {
        "sentiment": review_sentences(),
        "similarity": text().read_text(encoding="utf-8").split("\n")[:-1],
    }.items():
        unknown = [line for line in lines if line not in known]
        chosen = random.Random(0).sample(unknown, min(_TEXTS, len(unknown)))
        (folder / f"{task}.txt").write_text("\n".join(chosen) + "\n", encoding="utf-8")


def parts_of(folder: Path, task: str, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Examples to learn from, to choose by, to certify by, and those that nothing but the benchmark sees."""
    if task == "sentiment":
        rows, known = read_rows(folder / "reviews.jsonl"), []
        ends = (0.56, 0.7, 0.84, 1.0)
    else:
        rows, known = (read_rows(folder / f"{task}.{part}.jsonl") for part in ("test", "train"))
        ends = (0.0, 0.25, 0.5, 1.0)
    random.Random(seed).shuffle(rows)
    bounds = [0, *(round(end * len(rows)) for end in ends)]
    parts = {name: rows[bounds[place] : bounds[place + 1]] for place, name in enumerate(PARTS)}
    return {**parts, "train": parts["train"] + known}


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def measure(
    folder: Path, encoder: Path, task: str, seed: int, minutes: float, shapes: list[str], options: dict[str, Any]
) -> dict[str, Any]:
    """A row of the table: what the search said, and what is so on the unseen part."""
    from distilbert.distill import DistillArguments, Shape, find_smallest  # after the spawn: they import PyTorch
    from distilbert.train import FinetuneArguments, finetune

    with tempfile.TemporaryDirectory(dir=encoder.parent) as temporary:
        work = Path(temporary)
        files = {}
        for name, rows in parts_of(folder, task, seed).items():
            files[name] = work / f"{name}.jsonl"
            _write(files[name], rows)
        started = time.monotonic()
        finetune(
            FinetuneArguments(
                task=TASKS[task], model=encoder, train=files["train"], out=work / "teacher", seed=seed,
                epochs=_TEACHER_EPOCHS, threads=options["threads"],
            ),
            quiet=True,
        )  # fmt: skip
        taught = time.monotonic()
        text = folder / f"{task}.txt"
        labelled = task == "sentiment"
        found = find_smallest(
            DistillArguments(
                task=TASKS[task], teacher=work / "teacher", train=files["train"] if labelled else text,
                unlabelled=[text] if labelled else [], eval=files["eval"], test=files["certify"], out=work / "student",
                seed=seed, **options,
            ),
            SHARE,
            minutes,
            [Shape.parse(shape) for shape in shapes],
            quiet=True,
        )  # fmt: skip
        searched = time.monotonic()
        scores = {
            name: evaluate(work / name, files["unseen"], TASKS[task]).scores[found.metric].value
            for name in ("teacher", "student")
        }
        ours = next(each for each in found.beside_teacher if each.name == found.shape and each.precision == "float32")
        return {
            "verdict": found.verdict,
            "certified": found.certified,
            "share": found.share.value,
            "least": found.share.least,
            "unseen": scores,
            "unseen_share": scores["student"] / scores["teacher"],
            "shape": found.shape,
            "megabytes": ours.megabytes,
            "seconds": {"teacher": round(taught - started, 1), "search": round(searched - taught, 1)},
        }


def run(args: argparse.Namespace, options: dict[str, Any]) -> None:
    done = {(row["task"], row["seed"]) for row in read_rows(args.out)}
    wanted = [(task, seed) for task in args.tasks for seed in args.seeds if (task, seed) not in done]
    with memory_folder() as temporary:
        encoder = Path(temporary) / "encoder"
        build(args.folder / "encoder", "6x384", encoder)
        with multiprocessing.get_context("spawn").Pool(args.processes, maxtasksperchild=1) as pool:
            pool.starmap(_append, [(args, encoder, task, seed, options) for task, seed in wanted], chunksize=1)


def _append(args: argparse.Namespace, encoder: Path, task: str, seed: int, options: dict[str, Any]) -> None:
    try:
        result = measure(args.folder, encoder, task, seed, args.minutes, args.shapes, options)
    except Exception as error:  # one run that fails leaves the others
        result = {"error": f"{type(error).__name__}: {error}"}
    append_row(args.out, {"task": task, "seed": seed, "minutes": args.minutes, **result})


def table(path: Path) -> None:
    print(
        "| task | seed | said | share there (at least) | share on unseen examples | shape | MB | minutes |\n|"
        + "---|" * 8
    )
    for row in sorted(read_rows(path), key=lambda row: (row["task"], row["seed"])):
        if "error" in row:
            print(f"| {row['task']} | {row['seed']} | {row['error']} |" + " |" * 5)
            continue
        outcome = row["verdict"].split(":")[0]
        share = f"{row['share']:.1%} ({row['least']:.1%})"
        taken = sum(row["seconds"].values()) / 60
        print(
            f"| {row['task']} | {row['seed']} | {outcome} | {share} | {row['unseen_share']:.1%} | {row['shape']} | "
            f"{row['megabytes']:.1f} | {taken:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare").add_argument("folder", type=Path)
    runs = commands.add_parser("run")
    runs.add_argument("folder", type=Path)
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--minutes", type=float, default=30)
    runs.add_argument("--processes", type=int, default=1)
    runs.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    runs.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    runs.add_argument(
        "--batch-size", type=int, default=32, help="of students; a GPU takes a larger one in the same time"
    )
    runs.add_argument("--max-batch-tokens", type=int, default=1024)
    runs.add_argument("--shapes", nargs="+", default=[], help="that are tried; by default the command's own nine")
    runs.add_argument("--threads", type=int, default=0, help="of each process; by default they share all cores")
    commands.add_parser("table").add_argument("file", type=Path)
    args = parser.parse_args()
    if args.command == "prepare":
        prepare(args.folder)
    elif args.command == "table":
        table(args.file)
    else:
        options = {"batch_size": args.batch_size, "max_batch_tokens": args.max_batch_tokens}
        options["threads"] = args.threads or max(1, (os.cpu_count() or 1) // args.processes)
        run(args, options)


if __name__ == "__main__":
    main()
