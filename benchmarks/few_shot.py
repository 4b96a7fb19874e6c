"""Few examples: --few-shot and --head-only against SetFit, from the same encoder, on the same texts.

    DISTILBERT_DATA=path/to/data python benchmarks/training_defaults.py prepare FOLDER
    OMP_NUM_THREADS=1 python benchmarks/few_shot.py run FOLDER --out FILE.jsonl [--examples 8 64] [--seeds 0 1 2 3 4]
    python benchmarks/few_shot.py table FILE.jsonl

`run` wants SetFit 1.2, which brings packages that this project does not use: install it beside `distilbert[train]` in
an environment of its own. It draws so many examples a class from the training sample for each seed, and scores on the
test sample: film reviews of two classes, and questions about four articles. SetFit draws 20 pairs a text, as its paper
does (Tunstall et al. 2022), where its default is every pair. Seconds are those of the processor, models being loaded
and texts read included, scoring left out. A line for each is appended to the file; what is there is not run again.
`--max-steps` and `--learning-rate` are other settings of --few-shot, in lines that name them.
"""

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import common
from distilbert.evaluation import evaluate
from distilbert.train import FinetuneArguments, finetune
from training_samples import append_row, build, read_rows

TASKS = ("sentiment", "topics")
_PAIRS = 20  # of SetFit, a text
Rows = list[dict[str, str]]


def ours(
    folder: Path, encoder: Path, rows: Rows, tested: Path, seed: int, *, device: str, **options: Any
) -> tuple[float, float]:
    """Accuracy, and seconds of the processor."""
    train = folder / "few.jsonl"
    train.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    started = time.process_time()
    done = finetune(
        FinetuneArguments(
            task="text-classification",
            model=encoder,
            train=train,
            out=folder / "out",
            seed=seed,
            threads=1,
            device=device,
            **options,
        ),
        quiet=True,
    )
    seconds = time.process_time() - started
    return evaluate(done.folder, tested, threads=1).scores["accuracy"].value, seconds


def setfit(folder: Path, encoder: Path, rows: Rows, tested: Path, seed: int, *, device: str) -> tuple[float, float]:
    """The same of SetFit."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    started = time.process_time()
    model = SetFitModel.from_pretrained(str(encoder), device=None if device == "auto" else device)
    settings = TrainingArguments(
        output_dir=str(folder / "setfit"),
        num_iterations=_PAIRS,
        seed=seed,
        save_strategy="no",
        report_to="none",
        show_progress_bar=False,
    )
    Trainer(model=model, args=settings, train_dataset=Dataset.from_list(rows)).train()
    seconds = time.process_time() - started
    test = read_rows(tested)
    predicted = model.predict([row["text"] for row in test], show_progress_bar=False)
    return mean(str(label) == row["label"] for label, row in zip(predicted, test, strict=True)), seconds


def drawn(sample: Path, examples: int, seed: int) -> Rows:
    """So many rows of each class."""
    classes: dict[str, Rows] = defaultdict(list)
    for row in read_rows(sample):
        classes[row["label"]].append(row)
    rng = random.Random(seed)
    return [row for label in sorted(classes) for row in rng.sample(classes[label], examples)]


def run(
    samples: Path,
    out: Path,
    examples: list[int],
    seeds: list[int],
    methods: list[str],
    tasks: list[str],
    device: str = "cpu",
    **settings: Any,
) -> None:
    done = {tuple(row["case"]) for row in read_rows(out)}
    set_apart = "".join(f", {name} {value}" for name, value in settings.items())
    with tempfile.TemporaryDirectory() as temporary:
        encoder = Path(temporary) / "encoder"
        build(samples / "encoder", "6x384", encoder)
        made: dict[str, Callable[..., tuple[float, float]]] = {
            "SetFit": lambda *given: setfit(given[0], encoder, *given[1:], device=device),
            "few-shot": lambda *given: ours(given[0], encoder, *given[1:], device=device, few_shot=True, **settings),
            "head-only": lambda *given: ours(given[0], encoder, *given[1:], device=device, head_only=True),
        }
        for count, seed, task in ((count, seed, task) for count in examples for seed in seeds for task in tasks):
            rows = drawn(samples / f"{task}.train.jsonl", count, seed)
            for name in methods:
                case = (task, count, name + set_apart * (name == "few-shot"), seed)
                if case in done:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    accuracy, seconds = made[name](Path(folder), rows, samples / f"{task}.test.jsonl", seed)
                append_row(out, {"case": case, "accuracy": round(accuracy, 4), "seconds": round(seconds, 1)})


def table(path: Path) -> None:
    """Means over seeds with their standard deviations, and medians of the seconds."""
    found: dict[tuple[str, int, str], Rows] = defaultdict(list)
    for row in read_rows(path):
        found[tuple(row["case"][:3])].append(row)  # type: ignore[index]
    lines = {}
    for (task, count, name), rows in sorted(found.items()):
        accuracy = [float(row["accuracy"]) for row in rows]
        spread = f" ± {stdev(accuracy):.3f}" if len(rows) > 1 else ""
        seconds = sorted(float(row["seconds"]) for row in rows)[len(rows) // 2]
        lines[f"{task}, {count} a class, {name}"] = [str(len(rows)), f"{mean(accuracy):.3f}{spread}", f"{seconds:.1f}"]
    print(common.table("Few examples", lines, ["seeds", "accuracy", "seconds"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run")
    runs.add_argument("samples", type=Path)
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--examples", type=int, nargs="+", default=[8, 64])
    runs.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    runs.add_argument("--methods", nargs="+", default=["SetFit", "few-shot", "head-only"])
    runs.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    runs.add_argument("--device", choices=["cpu", "auto"], default="cpu", help="auto: a GPU, for scores alone")
    runs.add_argument("--max-steps", type=int, default=argparse.SUPPRESS, help="of --few-shot")
    runs.add_argument("--learning-rate", type=float, default=argparse.SUPPRESS, help="of --few-shot")
    commands.add_parser("table").add_argument("file", type=Path)
    args = parser.parse_args()
    if args.command == "table":
        table(args.file)
    else:
        settings = {name: vars(args)[name] for name in ("max_steps", "learning_rate") if name in args}
        run(args.samples, args.out, args.examples, args.seeds, args.methods, args.tasks, args.device, **settings)


if __name__ == "__main__":
    main()
