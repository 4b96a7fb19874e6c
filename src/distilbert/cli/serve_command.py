"""The command that serves models over HTTP."""

import argparse
import os

from ..loading import TASKS
from ..server_settings import PREFIX, Settings
from .options import add_options


def add_serve(parser: argparse.ArgumentParser) -> None:
    default = os.environ.get("DISTILBERT_MODEL")
    parser.add_argument(
        "models",
        nargs="+" if default is None else "*",
        default=[default],
        metavar="[NAME=]MODEL",
        help="a folder, starter/NAME, or a name on the Hugging Face hub (default: $DISTILBERT_MODEL)",
    )
    parser.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="[NAME=]TASK",
        help=f"what to do with a model, if not what it was trained for: {', '.join(TASKS)}",
    )
    parser.add_argument(
        "--precision", choices=["float32", "int8"], help="of computing; by default as the folder is stored"
    )
    add_options(parser, Settings)
    parser.epilog = f"Each setting is also a variable: --max-texts is {PREFIX}MAX_TEXTS. An option wins over it."


def serve(args: argparse.Namespace) -> int:
    from ..serve import open_models, run_server

    settings = Settings.read(vars(args))
    run_server(open_models(args.models, args.task, precision=args.precision, settings=settings), settings)
    return 0
