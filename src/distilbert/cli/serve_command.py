"""The command that serves models over HTTP."""

import argparse

from ..loading import TASKS

# the fields of serve.Settings, which has the defaults and needs the extra
_SETTINGS: dict[str, tuple[type, str]] = {
    "host": (str, "address to listen on; only this machine by default"),
    "port": (int, "port to listen on"),
    "api_key": (str, "clients must send this key as 'Authorization: Bearer KEY'"),
    "cors": (str, "origins, parted by commas, whose web pages may call the server"),
    "max_batch_tokens": (int, "most tokens of one run of the model"),
    "max_run_ms": (int, "a run that takes longer, in milliseconds, is cut, down to a single text"),
    "max_concurrent": (int, "requests at work at once; the next is answered with 429"),
    "max_texts": (int, "texts of one request; more are answered with 413"),
    "max_bytes": (int, "bytes of one request's body; more are answered with 413"),
    "timeout": (float, "seconds until a request is given up with 503"),
    "threads": (int, "cores to compute on; 0 for all that the process may use"),
}


def add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models", nargs="+", metavar="[NAME=]MODEL", help="a folder, starter/NAME, or a name on the Hugging Face hub"
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
    for name, (kind, about) in _SETTINGS.items():
        flag, variable = f"--{name.replace('_', '-')}", f"DISTILBERT_SERVE_{name.upper()}"
        parser.add_argument(flag, type=kind, metavar=kind.__name__.upper(), help=f"{about} (${variable})")


def serve(args: argparse.Namespace) -> int:
    from ..serve import Settings, open_models, run_server

    settings = Settings.read(vars(args))
    run_server(open_models(args.models, args.task, precision=args.precision, settings=settings), settings)
    return 0
