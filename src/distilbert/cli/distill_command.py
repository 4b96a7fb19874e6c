"""The command that makes a small model of a large one."""

import argparse

from ..arguments import DistillArguments, Shape
from . import show
from .options import add_options, read_options
from .train_command import resume_hint


def add_distill(parser: argparse.ArgumentParser) -> None:
    add_options(parser, DistillArguments, without=["problem"])  # the teacher's config states it
    parser.add_argument(
        "--search", nargs="+", metavar="SHAPE", help="compare students, each LAYERSxDIM or LAYERSxDIMxHIDDEN"
    )
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="of training in a search (default: 30)")


def distill(args: argparse.Namespace) -> int:
    from ..distill import distill as run
    from ..distill import search

    arguments = read_options(args, DistillArguments)
    with resume_hint():
        if not args.search:
            run(arguments)
            return 0
        shapes = [Shape.parse(text, arguments.vocab_size) for text in args.search]
        candidates = search(arguments, shapes, args.minutes)
    rows = [["", "precision", candidates[0].metric, "examples a second", "MB of weights", ""]]
    for candidate in candidates:
        speed, size = f"{candidate.rate:,.1f}", f"{candidate.megabytes:,.1f}"
        rows.append(
            [candidate.name, candidate.precision, str(candidate.score), speed, size, "*" if candidate.best else ""]
        )
    show.columns(rows)
    show.line("* no faster model scores as high")
    return 0
