"""The command that makes a model folder with int8 weights."""

import argparse
import json
from pathlib import Path

from ..progress import working
from . import show
from .options import add_model_argument
from .reading import lines_of


def add_quantize(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument("--bits", type=int, default=8, help="of the weights, 8 (default) or 7")
    parser.add_argument("--data", type=Path, metavar="FILE", help="compare on these texts, one a line")
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def quantize(args: argparse.Namespace) -> int:
    from ..convert import quantize as run

    with working("quantizing"):
        report = run(args.model, args.out, bits=args.bits, data=lines_of(args.data), revision=args.revision)
    if args.json:
        print(json.dumps(report.to_dict()))
    else:
        for line in str(report).splitlines():
            show.line(show.clean(line))
    return 0
