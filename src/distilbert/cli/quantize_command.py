"""The command that makes a model folder with int8 weights."""

import argparse
import json
from pathlib import Path

from ..command_text import command_text
from ..progress import working
from . import show
from .options import add_model_argument
from .reading import lines_of


def add_quantize(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument("--bits", type=int, default=8, help="of the weights, 8 (default) or 7")
    parser.add_argument(
        "--embeddings", choices=["8bit", "4bit"], default="8bit", help="bits of the word embeddings (default: 8bit)"
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="compare on these texts, one a line")
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a report, as a page for a browser")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def quantize(args: argparse.Namespace) -> int:
    from ..convert import quantize as run

    if args.report:
        from ..report import check_place, write_quantization

        check_place(args.report)
    with working("quantizing"):
        report = run(
            args.model,
            args.out,
            bits=args.bits,
            word_bits=int(args.embeddings[0]),
            data=lines_of(args.data),
            revision=args.revision,
        )
    if args.report:
        write_quantization(args.report, report, texts=str(args.data or ""), command=_command(args))
    if args.json:
        print(json.dumps(report.to_dict()))
    else:
        for line in str(report).splitlines():
            show.line(show.clean(line))
    return 0


def _command(args: argparse.Namespace) -> str:
    """What makes the report again."""
    words = ["distilbert", "quantize", args.model, args.out]
    given = {"--data": args.data, "--revision": args.revision, "--bits": args.bits if args.bits != 8 else None}
    given["--embeddings"] = args.embeddings if args.embeddings != "8bit" else None
    words += [str(word) for flag, value in given.items() if value is not None for word in (flag, value)]
    return command_text([*words, "--report", args.report])
