"""The command that makes a small model of a large one."""

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..arguments import DistillArguments, Shape
from ..errors import InputError, counted
from ..interrupts import ending_at_once
from . import show
from .options import add_json, add_options, read_options
from .results import print_json
from .train_command import RESUMED, show_trained, stop_hint

if TYPE_CHECKING:
    from ..evaluation.candidates import Candidate

_MINUTES = 30
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")


def add_distill(parser: argparse.ArgumentParser) -> None:
    add_options(parser, DistillArguments, without=["problem"])  # the teacher's config states it
    parser.add_argument(
        "--to",
        metavar="SHARE",
        help="find the smallest student that keeps this share of its teacher's score: 97%%",
    )
    parser.add_argument(
        "--search", nargs="+", metavar="SHAPE", help="compare students, each LAYERSxDIM or LAYERSxDIMxHIDDEN"
    )
    parser.add_argument("--minutes", type=float, metavar="N", help=f"of a search (default: {_MINUTES})")
    add_json(parser)


def distill(args: argparse.Namespace) -> int:
    arguments = read_options(args, DistillArguments)
    shapes = [Shape.parse(text, arguments.vocab_size) for text in args.search or ()]
    minutes = _MINUTES if args.minutes is None else args.minutes
    if args.minutes is not None and not args.to and not shapes:
        raise InputError("--minutes is the time of a search: give --to or --search, or --max-steps without one")
    with ending_at_once(f"stopped; {RESUMED}"):
        from .. import distill as _  # noqa: F401 - it reads PyTorch
    with stop_hint(RESUMED):
        if args.to:
            _find_smallest(arguments, parse_share(args.to), minutes, shapes, as_json=args.json)
        elif shapes:
            _search(arguments, shapes, minutes, as_json=args.json)
        else:
            _distill(arguments, as_json=args.json)
    return 0


def _find_smallest(
    arguments: DistillArguments, to: float, minutes: float, shapes: Sequence[Shape], *, as_json: bool
) -> None:
    from ..distill import find_smallest

    found = find_smallest(arguments, to, minutes, shapes)
    if as_json:
        print_json(found.to_dict())
        return
    _show(found.tried)
    taken = next(each.share for each in found.tried if each.best and each.precision == "float32")
    reached = taken is not None and taken.least >= to
    show.line(
        f"* {'the smallest that keeps' if reached else 'the best; none keeps'} {to:.1%} here with 95 % confidence"
    )
    show.line("")
    show.line(f"{found.shape} and its teacher, on {counted(found.share.examples, 'example')} that decided nothing")
    _show(found.beside_teacher)
    show.line("")
    show.line(f"{found.shape}: {found.verdict}")


def _search(arguments: DistillArguments, shapes: Sequence[Shape], minutes: float, *, as_json: bool) -> None:
    from ..distill import search

    candidates = search(arguments, shapes, minutes)
    if as_json:
        print_json([candidate.to_dict() for candidate in candidates])
        return
    _show(candidates)
    show.line("* no faster model scores as high")


def _distill(arguments: DistillArguments, *, as_json: bool) -> None:
    from ..distill import distill as run
    from ..distill.student_search import beside_teacher

    done = run(arguments)
    candidates = beside_teacher(arguments, done.folder)
    show_trained(done, as_json=as_json, facts={"beside_teacher": [candidate.to_dict() for candidate in candidates]})
    if candidates and not as_json:
        show.line("")
        _show(candidates)


def parse_share(text: str) -> float:
    """0.97 of "97%", "97 %", "97" and "0.97". Raises InputError."""
    found = _SHARE.fullmatch(text.strip())
    number = float(found[1]) if found else 0.0
    share = number / 100 if found and (found[2] or number > 1) else number
    if not 0 < share <= 1:
        raise InputError(f"--to takes a share of the teacher's score, like 97% or 0.97, not {text!r}")
    return share


def _show(candidates: "Sequence[Candidate]") -> None:
    """A table; the share is that of the teacher's score, in float32 where it has it."""
    teacher = {each.precision: each.score.value for each in candidates if each.name == "teacher"}
    full = teacher.get("float32", teacher.get("int8", 0.0))
    rows = [["", "precision", candidates[0].metric, "of the teacher's", "examples a second", "MB of weights", ""]]
    for each in candidates:
        share = str(each.share) if each.share else f"{each.score.value / full:.1%}" if full > 0 else "-"
        cells = [each.name, each.precision, str(each.score), share, f"{each.rate:,.1f}", f"{each.megabytes:,.1f}"]
        rows.append([*cells, "*" if each.best else ""])
    show.columns(rows)
