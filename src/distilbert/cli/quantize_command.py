"""The command that makes a model folder with int8 weights."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ..arguments import ReadOptions
from ..command_text import command_text, flag_of
from ..errors import InputError
from ..progress import working
from . import show
from .options import add_json, add_model_argument, add_options, add_revision, given_options, read_options
from .reading import lines_of
from .results import print_json


def add_quantize(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument("--bits", type=int, default=8, help="of the weights, 8 (default) or 7")
    parser.add_argument(
        "--embeddings", choices=["8bit", "4bit"], default="8bit", help="bits of the word embeddings (default: 8bit)"
    )
    parser.add_argument(
        "--float32",
        type=int,
        default=0,
        metavar="N",
        help="keep N matrices in float32, those that int8 costs most; --max-drop finds out by itself how many",
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
    if args.max_drop is not None and args.data is None:
        raise InputError("--max-drop needs examples: --data FILE")
    if args.max_drop is not None and args.float32:
        raise InputError("--float32 beside --max-drop, which finds out by itself how many: give one of them")
    unheeded = [flag_of(name) for name in ("task", *given_options(args, ReadOptions)) if getattr(args, name)]
    if args.max_drop is None and unheeded:
        raise InputError(f"{', '.join(unheeded)}: for the examples of --max-drop; without it, --data has texts alone")
    if args.report:
        from ..report import check_place

        check_place(args.report)
    with working("quantizing"):
        settings = {"bits": args.bits, "word_bits": int(args.embeddings[0]), "revision": args.revision}
        done, as_asked = (_compared if args.max_drop is None else _guaranteed)(args, settings)
    if args.json:
        print_json(done.to_dict())
    else:
        show.cleaned(str(done))
    return 0 if as_asked else 1


def _guaranteed(args: argparse.Namespace, settings: dict[str, Any]) -> tuple[Any, bool]:
    """The Guarantee, and whether it can be given."""
    from ..guarantee import quantize_within

    settings |= {"max_drop": args.max_drop, "task": args.task} | dataclasses.asdict(read_options(args, ReadOptions))
    done = quantize_within(args.model, args.out, args.data, **settings)
    if args.report:
        from ..report import write_guarantee

        write_guarantee(args.report, done, command=_command(args))
    return done, done.chosen is not None


def _compared(args: argparse.Namespace, settings: dict[str, Any]) -> tuple[Any, bool]:
    """The QuantizationReport, of which nothing was asked."""
    from ..convert import quantize as run

    report = run(args.model, args.out, data=lines_of(args.data), float32=args.float32, **settings)
    if args.report:
        from ..report import write_quantization

        write_quantization(args.report, report, texts=str(args.data or ""), command=_command(args))
    return report, True


def _command(args: argparse.Namespace) -> str:
    """What makes the report again."""
    words = ["distilbert", "quantize", args.model, args.out]
    given = {"--data": args.data, "--revision": args.revision, "--bits": args.bits if args.bits != 8 else None}
    given |= {"--max-drop": args.max_drop, "--task": args.task, "--float32": args.float32 or None}
    given["--embeddings"] = args.embeddings if args.embeddings != "8bit" else None
    words += [str(word) for flag, value in given.items() if value is not None for word in (flag, value)]
    return command_text([*words, "--report", args.report], read_options(args, ReadOptions))
