"""The command that writes a model for other runtimes."""

import argparse

from ..calibration import Calibration
from ..config import DistilBertConfig
from ..progress import working
from . import show
from .options import add_model_argument, add_revision


def add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("format", choices=["onnx"], help="the ONNX standard")
    add_model_argument(parser)
    parser.add_argument("out", help="the folder to write; must not exist, or be empty")
    parser.add_argument(
        "--layout", default="optimum", help="optimum (default): model.onnx, or transformers.js: onnx/model.onnx"
    )
    add_revision(parser)


def export(args: argparse.Namespace) -> int:
    from ..convert import export_onnx

    with working("exporting"):
        path = export_onnx(args.model, args.out, layout=args.layout, revision=args.revision)
    show.line(show.clean(str(path)))
    calibration = DistilBertConfig.from_file(args.out).calibration
    if calibration != Calibration():
        show.line(f"its logits are raw: scores are those of logits / temperature + bias, with {calibration}")
    return 0
