"""The commands that make models from examples and say how good they are."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..evaluation.judging import Evaluation, compare
from ..evaluation.judging import evaluate as run_evaluation
from ..evaluation.metrics import Difference
from ..loading import DEFAULT_BATCH_TOKENS
from . import show

# option -> its type or its values, and its help. They are the fields of distilbert.train.Arguments, which is not
# imported to build a parser: PyTorch takes seconds
_REQUIRED: dict[str, str] = {
    "task": "text-classification, token-classification, question-answering, fill-mask, sentence-similarity "
    "or multiple-choice",
    "model": "a folder, starter/NAME, or a name on the Hugging Face hub",
    "train": "examples: .csv .tsv .jsonl .parquet, CoNLL columns, SQuAD's .json, plain text",
    "out": "the folder to write",
}
OPTIONS: dict[str, tuple[type | list[str], str]] = {
    "eval": (str, "examples that decide which weights are best"),
    "problem": (["single-label", "multi-label", "regression"], "of text classification (default: guessed)"),
    "max_length": (int, "longest text in tokens (default: all that the model reads)"),
    "epochs": (float, "how often to go through the data (default: 3)"),
    "max_steps": (int, "stop after so many steps, whatever the epochs"),
    "batch_size": (int, "items a step, over all processes (default: 32)"),
    "learning_rate": (float, "of AdamW, at its peak (default: 5e-5)"),
    "layer_decay": (float, "each layer's learning rate is that of the layer above times this (default: 1)"),
    "warmup": (float, "share of the steps over which the learning rate rises (default: 0.06)"),
    "weight_decay": (float, "of AdamW (default: 0.01)"),
    "beta1": (float, "of AdamW (default: 0.9)"),
    "beta2": (float, "of AdamW (default: 0.999)"),
    "epsilon": (float, "of AdamW (default: 1e-8)"),
    "max_grad_norm": (float, "gradients are cut to this norm, 0: never (default: 1)"),
    "max_batch_tokens": (int, "tokens computed at once, more on a GPU (default: 1024)"),
    "eval_steps": (int, "steps between evaluations (default: once an epoch)"),
    "patience": (int, "stop after so many evaluations without a better score"),
    "save_steps": (int, "steps between checkpoints (default: at evaluations)"),
    "dropout": (float, "in place of what the model's config says of it"),
    "seed": (int, "of all that is random (default: 0)"),
    "precision": (["float32", "bfloat16"], "of computing (default: float32)"),
    "device": (["auto", "cpu"], "auto, the default, is a GPU if there is one"),
    "threads": (int, "default: the cores that the process may use"),
}


def add_train(parser: argparse.ArgumentParser) -> None:
    for name, help_ in _REQUIRED.items():
        parser.add_argument(f"--{name}", required=True, help=help_)
    add_options(parser, OPTIONS)
    parser.add_argument("--class-weights", nargs="+", metavar="LABEL=WEIGHT", help="or: balanced")


@contextmanager
def saying_how_to_go_on() -> Iterator[None]:
    """Where a run is stopped by hand, one line about how it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        print("stopped; the same command with --resume goes on from the last checkpoint", file=sys.stderr)
        raise


def add_options(parser: argparse.ArgumentParser, options: Mapping[str, tuple[type | list[str], str]]) -> None:
    """Options by the names of attributes, and those that every way of training has."""
    for name, (kind, help_) in options.items():
        option = "--" + name.replace("_", "-")
        if isinstance(kind, list):
            parser.add_argument(option, choices=kind, help=help_)
        else:
            parser.add_argument(option, type=kind, metavar="FILE" if kind is str else "N", help=help_)
    parser.add_argument("--columns", nargs="+", default=[], metavar="ROLE=NAME", help="columns not to be guessed")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint, if there is one")


def train(args: argparse.Namespace) -> int:
    from ..train import Arguments, finetune

    values = {name: value for name in (*_REQUIRED, *OPTIONS) if (value := getattr(args, name)) is not None}
    weights: Any = None
    if args.class_weights == ["balanced"]:
        weights = "balanced"
    elif args.class_weights:
        try:
            weights = {label: float(weight) for label, weight in pairs("--class-weights", args.class_weights).items()}
        except ValueError:
            raise InputError("--class-weights must be 'balanced' or LABEL=NUMBER") from None
    columns = pairs("--columns", args.columns)
    arguments = Arguments(**values, columns=columns, class_weights=weights, resume=args.resume)
    with saying_how_to_go_on():
        finetune(arguments)
    return 0


def pairs(option: str, given: list[str]) -> dict[str, str]:
    """NAME=VALUE of each."""
    found = {}
    for pair in given:
        name, equals, value = pair.rpartition("=")
        if not equals:
            raise InputError(f"{option} takes NAME=VALUE, and {pair!r} has no =")
        found[name] = value
    return found


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a folder, starter/NAME, or a name on the Hugging Face hub")
    parser.add_argument("data", type=Path, help="examples: .csv .tsv .jsonl .parquet, CoNLL columns, SQuAD, plain text")
    parser.add_argument("--task", help="by default what the model was trained for")
    parser.add_argument("--compare", metavar="MODEL", help="another model: how much better it is, on the same samples")
    parser.add_argument("--columns", nargs="+", default=[], metavar="ROLE=NAME", help="columns not to be guessed")
    parser.add_argument("--precision", choices=["float32", "int8"], help="default: as the folder is stored")
    parser.add_argument("--compare-precision", choices=["float32", "int8"], help="of the other model")
    parser.add_argument("--resamples", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--threads", type=int, help="default: the cores that the process may use")
    parser.add_argument("--max-batch-tokens", type=int, default=DEFAULT_BATCH_TOKENS, metavar="N")
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def evaluate(args: argparse.Namespace) -> int:
    def run(model: str, precision: Any) -> Evaluation:
        return run_evaluation(
            model,
            args.data,
            args.task,
            columns=pairs("--columns", args.columns),
            precision=precision,
            threads=args.threads,
            max_batch_tokens=args.max_batch_tokens,
            revision=args.revision,
            resamples=args.resamples,
        )

    first = run(args.model, args.precision)
    if args.compare is None:
        if args.json:
            print(json.dumps(first.to_dict(), ensure_ascii=False))
        else:
            _show([first], {})
        return 0
    second = run(args.compare, args.compare_precision)
    gaps = compare(first, second, resamples=args.resamples)
    if args.json:
        both = {"first": first.to_dict(), "second": second.to_dict()}
        print(json.dumps({**both, "second_minus_first": {name: gap.to_dict() for name, gap in gaps.items()}}))
    else:
        _show([first, second], gaps)
    return 0


def _show(done: list[Evaluation], gaps: Mapping[str, Difference]) -> None:
    """A table of scores, the difference beside those of two models, then speed and size."""
    head = ["", *(show.clean(own.model) for own in done)]
    rows = [[name, *(str(own.scores.get(name, "-")) for own in done)] for name in done[0].scores]
    rates, sizes = [own.rate for own in done], [own.bytes / 1e6 for own in done]
    rows.append(["examples a second", *(f"{rate:,.1f}" for rate in rates)])
    rows.append(["MB of weights", *(f"{size:,.1f}" for size in sizes)])
    if len(done) > 1:
        head.append("difference")
        for row in rows[:-2]:
            row.append(str(gaps.get(row[0], "-")))
        rows[-2].append(f"{rates[1] / rates[0]:.2f}x")
        rows[-1].append(f"{sizes[1] / sizes[0]:.2f}x")
    show.line(f"{done[0].task}, {done[0].judgement.examples:,} examples, with 95 % intervals")
    show.columns([head, *rows])
