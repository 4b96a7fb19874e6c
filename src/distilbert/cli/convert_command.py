"""The command that makes model folders from other formats."""

import argparse

from ..progress import working
from . import show
from .options import add_json, add_revision
from .results import print_json


def add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", help="a folder (a BERT is folded into a DistilBERT), a file of weights, or a name on the hub"
    )
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument("--to", default="safetensors", help="safetensors (default), bin (PyTorch), ot (Rust) or npz")
    parser.add_argument("--dtype", default="float32", help="float32 (default), float16 or bfloat16")
    parser.add_argument("--layers", type=_numbers, help="keep only these, counted from 0: 0,2,4,7,9,11")
    add_revision(parser)
    parser.add_argument("--report", metavar="FILE", help="save what became of each weight, as JSON")
    add_json(parser)


def convert(args: argparse.Namespace) -> int:
    from ..convert import convert as run

    with working("converting"):
        report = run(args.source, args.out, layers=args.layers, dtype=args.dtype, to=args.to, revision=args.revision)
    if args.json:
        print_json(report.to_dict())
    else:
        show.cleaned(str(report))
    if args.report:
        report.save(args.report)
    return 0


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0,2,4") from None
