"""The command that writes a model for other runtimes."""

import argparse

from . import show
from .options import add_model_argument


def add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("format", choices=["onnx"], help="the ONNX standard")
    add_model_argument(parser)
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument(
        "--layout", default="optimum", help="optimum (default): model.onnx, or transformers.js: onnx/model.onnx"
    )
    parser.add_argument("--revision", help="branch, tag or commit on the hub")


def export(args: argparse.Namespace) -> int:
    from ..convert import export_onnx

    show.line(show.clean(str(export_onnx(args.model, args.out, layout=args.layout, revision=args.revision))))
    return 0
