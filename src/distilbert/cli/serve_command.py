"""The command that serves models over HTTP."""

import argparse
import os
import signal
import sys

from ..server_settings import PREFIX, Settings, read_served
from ..tasks.by_name import TASKS
from ..tasks.task import Task
from .options import MODEL_HELP, add_options


def add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        nargs="*",
        metavar="[NAME=]MODEL",
        help=MODEL_HELP,
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
    parser.add_argument("--config", metavar="FILE", help="TOML file of these settings; `models` and `task` are lists")
    add_options(parser, Settings)
    parser.epilog = (
        f"Each setting is also a variable: --max-texts is {PREFIX}MAX_TEXTS, the models are {PREFIX}MODELS. "
        "An option wins over its variable, and that over the file."
    )


def serve(args: argparse.Namespace) -> int:
    from ..serve import open_models, run_server, start_workers
    from ..serve.log import set_up_log

    served, settings = read_served(vars(args))
    worker = start_workers(settings) if settings.workers > 1 else None  # before there are threads
    if worker is None:
        set_up_log(settings.log_level)  # for what opening the models has to say
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the models are about to be opened as they are now
    if sys.stderr is None or not sys.stderr.isatty():  # a bar is no line of a log
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    settings = worker.settings if worker else settings

    def open_again() -> dict[str, Task]:
        return open_models(served.models, served.tasks, precision=served.precision, settings=settings)

    run_server(open_again(), settings, open_again=open_again, worker=worker)
    return 0
