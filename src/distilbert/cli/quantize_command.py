"""The command that makes a model folder with int8 weights."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import ReadOptions
from ..command_text import command_text, flag_of
from ..errors import InputError
from ..progress import working
from . import show
from .options import add_json, add_model_argument, add_options, add_revision, given_options, read_options
from .reading import lines_of
from .results import print_json

if TYPE_CHECKING:
    from ..convert import QuantizationReport
    from ..guarantee import Guarantee


def add_quantize(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument("--bits", type=int, default=8, help="of the weights, 8 (default) or 7")
    parser.add_argument(
        "--embeddings", choices=["8bit", "4bit"], default="8bit", help="bits of the word embeddings (default: 8bit)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="texts to calibrate and compare on, one a line; with --max-drop: examples",
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="guarantee, at 95 %%, that the metric of these examples falls by no more; status 1 if it cannot be",
    )
    parser.add_argument("--task", help="of the examples, by default what the model was trained for")
    add_options(parser, ReadOptions, group="the examples of --max-drop")
    add_revision(parser)
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a report, as a page for a browser")
    add_json(parser)


def quantize(args: argparse.Namespace) -> int:
    return _compare(args) if args.max_drop is None else _guarantee(args)


def _guarantee(args: argparse.Namespace) -> int:
    from ..guarantee import quantize_within

    if args.data is None:
        raise InputError("--max-drop needs examples: --data FILE")
    if args.report:
        from ..report import check_place, write_guarantee

        check_place(args.report)
    reading = dataclasses.asdict(read_options(args, ReadOptions))
    with working("quantizing"):
        settings = {**_settings(args), "max_drop": args.max_drop, "task": args.task}
        done = quantize_within(args.model, args.out, args.data, **settings, **reading)
    if args.report:
        write_guarantee(args.report, done, command=_command(args))
    _print(args, done)
    return 0 if done.chosen else 1


def _compare(args: argparse.Namespace) -> int:
    from ..convert import quantize as run

    if unheeded := [flag_of(name) for name in ("task", *given_options(args, ReadOptions)) if getattr(args, name)]:
        raise InputError(f"{', '.join(unheeded)}: for the examples of --max-drop; without it, --data has texts alone")
    if args.report:
        from ..report import check_place, write_quantization

        check_place(args.report)
    with working("quantizing"):
        report = run(args.model, args.out, data=lines_of(args.data), **_settings(args))
    if args.report:
        write_quantization(args.report, report, texts=str(args.data or ""), command=_command(args))
    _print(args, report)
    return 0


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    return {"bits": args.bits, "word_bits": int(args.embeddings[0]), "revision": args.revision}


def _print(args: argparse.Namespace, done: "QuantizationReport | Guarantee") -> None:
    if args.json:
        print_json(done.to_dict())
    else:
        show.cleaned(str(done))


def _command(args: argparse.Namespace) -> str:
    """What makes the report again."""
    words = ["distilbert", "quantize", args.model, args.out]
    given = {"--data": args.data, "--revision": args.revision, "--bits": args.bits if args.bits != 8 else None}
    given |= {"--max-drop": args.max_drop, "--task": args.task}
    given["--embeddings"] = args.embeddings if args.embeddings != "8bit" else None
    words += [str(word) for flag, value in given.items() if value is not None for word in (flag, value)]
    return command_text([*words, "--report", args.report])
