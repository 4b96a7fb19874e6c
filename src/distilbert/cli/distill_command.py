"""The command that makes a small model of a large one."""

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..arguments import DistillArguments, Shape
from . import show
from .options import add_options, read_options
from .train_command import add_json, resume_hint, show_trained

if TYPE_CHECKING:
    from ..distill import Candidate


def add_distill(parser: argparse.ArgumentParser) -> None:
    add_options(parser, DistillArguments, without=["problem"])  # the teacher's config states it
    parser.add_argument(
        "--search", nargs="+", metavar="SHAPE", help="compare students, each LAYERSxDIM or LAYERSxDIMxHIDDEN"
    )
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="of training in a search (default: 30)")
    add_json(parser)


def distill(args: argparse.Namespace) -> int:
    from ..distill import distill as run
    from ..distill import search
    from ..distill.student_search import beside_teacher

    arguments = read_options(args, DistillArguments)
    if args.search:
        shapes = [Shape.parse(text, arguments.vocab_size) for text in args.search]
        with resume_hint():
            candidates = search(arguments, shapes, args.minutes)
        if args.json:
            print(json.dumps([candidate.to_dict() for candidate in candidates]))
            return 0
        _show(candidates)
        show.line("* no faster model scores as high")
        return 0
    with resume_hint():
        done = run(arguments)
    candidates = beside_teacher(arguments, done.folder)
    show_trained(done, as_json=args.json, facts={"beside_teacher": [candidate.to_dict() for candidate in candidates]})
    if candidates and not args.json:
        show.line("")
        _show(candidates)
    return 0


def _show(candidates: "Sequence[Candidate]") -> None:
    """A table; the share is that of the teacher's score in float32."""
    full = next((each.score.value for each in candidates if (each.name, each.precision) == ("teacher", "float32")), 0.0)
    rows = [["", "precision", candidates[0].metric, "of the teacher's", "examples a second", "MB of weights", ""]]
    for each in candidates:
        share = f"{each.score.value / full:.1%}" if full > 0 else "-"
        cells = [each.name, each.precision, str(each.score), share, f"{each.rate:,.1f}", f"{each.megabytes:,.1f}"]
        rows.append([*cells, "*" if each.best else ""])
    show.columns(rows)
