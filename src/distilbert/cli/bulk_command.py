"""The command that runs a task over a data set."""

import argparse

from ..bulk_settings import BulkSettings
from ..interrupts import ending_at_once
from ..tasks.by_name import TASKS
from .options import add_model_option, add_options, read_options
from .train_command import stop_hint


def add_bulk(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=[*TASKS], metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("input", metavar="INPUT", help="files, a folder or a glob: a path, or a URL such as s3://…")
    parser.add_argument("output", metavar="OUTPUT", help="a folder for the parts; the same command goes on in it")
    add_model_option(parser)
    add_options(parser, BulkSettings)
    parser.epilog = "Options that take several values stand after TASK, INPUT and OUTPUT."


def bulk(args: argparse.Namespace) -> int:
    way = "the same command goes on with the parts that are left"
    with ending_at_once(f"stopped; {way}"):
        from ..bulk import run as run_bulk
    with stop_hint(way):
        run_bulk(args.model, args.task, args.input, args.output, settings=read_options(args, BulkSettings))
    return 0
