"""The command that scores a model on examples, or compares two."""

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import EvaluateOptions
from . import show
from .options import add_options, read_options

if TYPE_CHECKING:
    from ..evaluation import Difference, Evaluation


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a folder, starter/NAME, or a name on the Hugging Face hub")
    parser.add_argument("data", type=Path, help="examples: .csv .tsv .jsonl .parquet, CoNLL columns, SQuAD, plain text")
    parser.add_argument("--task", help="by default what the model was trained for")
    parser.add_argument("--compare", metavar="MODEL", help="another model: how much better it is, on the same samples")
    parser.add_argument("--compare-precision", choices=["float32", "int8"], help="of the other model")
    add_options(parser, EvaluateOptions)
    parser.add_argument("--json", action="store_true", help="one JSON object")


def evaluate(args: argparse.Namespace) -> int:
    from ..evaluation import compare
    from ..evaluation import evaluate as run

    options = dataclasses.asdict(read_options(args, EvaluateOptions))
    first = run(args.model, args.data, args.task, **options)
    if args.compare is None:
        if args.json:
            print(json.dumps(first.to_dict(), ensure_ascii=False))
        else:
            _show([first], {})
        return 0
    second = run(args.compare, args.data, args.task, **options | {"precision": args.compare_precision})
    differences = compare(first, second, resamples=options["resamples"], seed=options["seed"])
    if args.json:
        both = {"first": first.to_dict(), "second": second.to_dict()}
        print(json.dumps({**both, "second_minus_first": {name: gap.to_dict() for name, gap in differences.items()}}))
    else:
        _show([first, second], differences)
    return 0


def _show(evaluations: "Sequence[Evaluation]", differences: "Mapping[str, Difference]") -> None:
    """A table of scores, the difference beside those of two models, then speed and size."""
    head = ["", *(show.clean(one.model) for one in evaluations)]
    rows = [[name, *(str(one.scores.get(name, "-")) for one in evaluations)] for name in evaluations[0].scores]
    rates, sizes = [one.rate for one in evaluations], [one.bytes / 1e6 for one in evaluations]
    rows.append(["examples a second", *(f"{rate:,.1f}" for rate in rates)])
    rows.append(["MB of weights", *(f"{size:,.1f}" for size in sizes)])
    if len(evaluations) > 1:
        head.append("difference")
        for row in rows[:-2]:
            row.append(str(differences.get(row[0], "-")))
        rows[-2].append(f"{rates[1] / rates[0]:.2f}x")
        rows[-1].append(f"{sizes[1] / sizes[0]:.2f}x")
    first = evaluations[0]
    show.line(f"{first.task}, {first.judgement.examples:,} examples, with 95 % intervals")
    show.columns([head, *rows])
