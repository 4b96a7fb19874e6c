"""`distilbert evaluate`: how good a model is, where it is wrong, and how much better another one is."""

import argparse
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import EvaluateOptions
from ..command_text import command_text
from ..errors import InputError, counted
from ..progress import working
from . import show
from .options import add_json, add_model_argument, add_options, read_options
from .results import print_json

if TYPE_CHECKING:
    from ..evaluation import Difference, Evaluation
    from ..evaluation.scores import Breakdown

_MOST_LABELS = 12  # whose confusion is shown whole
_MOST_CONFUSED = 10  # pairs of labels that are shown of more


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("data", type=Path, help="examples: .csv .tsv .jsonl .parquet, CoNLL columns, SQuAD, plain text")
    parser.add_argument("--task", help="by default what the model was trained for")
    parser.add_argument("--compare", metavar="MODEL", help="another model: how much better it is, on the same samples")
    parser.add_argument("--compare-precision", choices=["float32", "int8"], help="of the other model")
    add_options(parser, EvaluateOptions)
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="write them: .csv .tsv .jsonl .parquet")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a report, as a page for a browser")
    add_json(parser)


def evaluate(args: argparse.Namespace) -> int:
    from ..data.writing import check_writable, write_rows
    from ..evaluation import compare
    from ..evaluation import evaluate as run
    from ..evaluation.turns import evaluate_by_turns

    if args.predictions:
        check_writable(args.predictions)
    if args.report:
        from ..report import check_place, write_evaluation

        check_place(args.report)
    options = read_options(args, EvaluateOptions)
    if args.compare_precision and args.compare is None:
        raise InputError("--compare-precision is that of the other model: --compare MODEL, which may be the same")
    with working("evaluating"):
        if args.compare is None:
            done, differences = [run(args.model, args.data, args.task, **dataclasses.asdict(options))], {}
        else:
            models = [(args.model, options.precision), (args.compare, args.compare_precision)]
            done = evaluate_by_turns(models, args.data, args.task, options)
            differences = compare(done[0], done[1], resamples=options.resamples, seed=options.seed)
    written = write_rows(args.predictions, done[0].details.predictions()) if args.predictions else 0
    if args.report:
        command, other = _command(args, options), done[1] if len(done) > 1 else None
        write_evaluation(args.report, done[0], command=command, other=other, differences=differences)
    if args.json:
        print_json(_values(done, differences))
        return 0
    _show(done, differences)
    if args.predictions:
        show.line(show.clean(f"{args.predictions}: {counted(written, 'prediction')}"))
    if args.report:
        show.line(show.clean(f"{args.report}: the report"))
    return 0


def _command(args: argparse.Namespace, settings: EvaluateOptions) -> str:
    """What makes the report again."""
    given = {"--task": args.task, "--compare": args.compare, "--compare-precision": args.compare_precision}
    words = [word for flag, value in given.items() if value is not None for word in (flag, value)]
    words = ["distilbert", "evaluate", args.model, args.data, *words, "--report", args.report]
    return command_text(words, settings)


def _values(done: "Sequence[Evaluation]", differences: "Mapping[str, Difference]") -> dict[str, Any]:
    if len(done) == 1:
        return done[0].to_dict()
    both = {"first": done[0].to_dict(), "second": done[1].to_dict()}
    return {**both, "second_minus_first": {name: gap.to_dict() for name, gap in differences.items()}}


def _show(done: "Sequence[Evaluation]", differences: "Mapping[str, Difference]") -> None:
    from ..evaluation.scores import constant_numbers  # not at the top: it takes time to import

    first = done[0]
    if first.guessed:
        show.line(show.clean(f"{first.data}: {first.guessed}"))
    show.line(f"{first.task}, {counted(first.details.examples, 'example')}, with 95 % intervals")
    show.columns(_score_rows(done, differences))
    for line in dict.fromkeys(filter(None, (constant_numbers(each.details) for each in done))):
        show.line(line)
    if len(done) == 1:
        for breakdown in first.details.tables:
            show.line("")
            show_breakdown(breakdown)
        _show_confusion(first)


def _score_rows(done: "Sequence[Evaluation]", differences: "Mapping[str, Difference]") -> list[list[str]]:
    """A table of scores, the difference beside those of two models, the baseline, then speed and size."""
    baseline = done[0].details.baseline
    head = ["", *_headings(done)]
    rows = [[name, *(str(each.scores.get(name, "-")) for each in done)] for name in done[0].scores]
    if len(done) > 1:
        head.append("difference")
        for row in rows:
            row.append(str(differences.get(row[0], "-")))
    if baseline:
        head.append(show.clean(done[0].details.baseline_is))
        for row in rows:
            row.append(_number(baseline.get(row[0])))
    rates, sizes = [each.rate for each in done], [each.bytes / 1e6 for each in done]
    speed = ["examples a second", *(f"{rate:,.1f}" for rate in rates)]
    size = ["MB of weights", *(f"{size:,.1f}" for size in sizes)]
    if len(done) > 1:
        speed.append(f"{rates[1] / rates[0]:.2f}x")
        size.append(f"{sizes[1] / sizes[0]:.2f}x" if sizes[0] else "-")
    return [head, *rows, *(row + [""] * (len(head) - len(row)) for row in (speed, size))]


def _headings(done: "Sequence[Evaluation]") -> list[str]:
    """The models' names, with what tells them apart where those are the same."""
    names = [show.clean(each.model) for each in done]
    if len(set(names)) < len(names):
        names = [f"{name} ({each.precision})" for name, each in zip(names, done, strict=True)]
    return names if len(set(names)) == len(names) else [f"{number}: {name}" for number, name in enumerate(names, 1)]


def show_breakdown(breakdown: "Breakdown") -> None:
    rows = [[_number(cell) if isinstance(cell, float | None) else str(cell) for cell in row] for row in breakdown.rows]
    show.line(breakdown.title)
    show.columns([[*breakdown.columns], *([show.clean(cell) for cell in row] for row in rows)])


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"


def _show_confusion(done: "Evaluation") -> None:
    """All of it where the labels are few, else what is confused most often."""
    from ..evaluation.scores import most_confused  # not at the top: it takes time to import

    confusion, labels = done.details.confusion, [show.clean(label) for label in done.details.labels]
    if confusion is None or len(labels) < 2:
        return
    show.line("")
    if len(labels) <= _MOST_LABELS:
        show.line("confusion, a row for each true label")
        rows = [[label, *map(str, counts)] for label, counts in zip(labels, confusion.tolist(), strict=True)]
        show.columns([["", *labels], *rows])
        return
    most = most_confused(confusion)[:_MOST_CONFUSED]
    if rows := [[labels[true], labels[found], str(count)] for true, found, count, _ in most]:
        show.line("confused most often")
        show.columns([["true", "predicted", "examples"], *rows])
