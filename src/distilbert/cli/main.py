"""The table of commands, and the one place that turns errors into messages and exit codes."""

import argparse
import io
import os
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from .. import __version__
from ..errors import DistilBertError, LabelWarning, LongTextWarning, error_text
from ..interrupts import ending_at_once
from . import show
from .command_examples import EXAMPLES
from .parser import Parser


@dataclass(frozen=True)
class Command:
    """One row of the table. Its module is read when the command is asked for, so that no other one costs time.

    The function `add_NAME` of the module puts the command's arguments on a parser; `NAME` does it and returns the
    exit code.
    """

    name: str
    help: str
    module: str

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Everything that the command takes."""
        module = import_module(f".{self.module}", __package__)
        function = self.name.replace("-", "_")
        parser.description = f"{self.help[0].upper()}{self.help[1:]}."
        getattr(module, f"add_{function}")(parser)
        parser.epilog = f"{parser.epilog or ''}\nExample: {EXAMPLES[self.name]}".lstrip()
        parser.formatter_class = argparse.RawDescriptionHelpFormatter  # the example has a line of its own
        parser.set_defaults(command=self.name, run=getattr(module, function))


COMMANDS = (
    Command("classify", "label texts", "text_commands"),
    Command("ner", "find entities", "text_commands"),
    Command("answer", "answer a question from a context", "text_commands"),
    Command("fill-mask", "fill the masks of a text", "text_commands"),
    Command("choose", "choose the best of several continuations", "text_commands"),
    Command("embed", "turn texts into vectors", "text_commands"),
    Command("zero-shot", "label texts with labels of your own", "text_commands"),
    Command("rerank", "order documents by a query", "text_commands"),
    Command("sparse", "turn texts into sparse vectors", "text_commands"),
    Command("search", "search the texts of a file by meaning", "search_command"),
    Command("explain", "show which words drove a result", "explain_command"),
    Command("info", "show what a model folder holds", "info_command"),
    Command("convert", "make a model folder from other formats", "convert_command"),
    Command("export", "write a model for other runtimes", "export_command"),
    Command("quantize", "make a model folder with int8 weights", "quantize_command"),
    Command("bench", "measure a model on this machine", "bench_command"),
    Command("train", "train a model on examples", "train_command"),
    Command("distill", "make a small model of a large one", "distill_command"),
    Command("evaluate", "score a model on examples", "evaluate_command"),
    Command("calibrate", "make scores how often a model is right", "calibrate_command"),
    Command("bulk", "run a task over a data set", "bulk_command"),
    Command("serve", "serve models over HTTP", "serve_command"),
    Command("demo", "run every starter model on real text", "demo_command"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. What goes wrong is one line on standard error, and exit code 1."""
    with ending_at_once("stopped"):
        args = parse(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a text must not fail for what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings(action="always", category=LongTextWarning):
            warnings.simplefilter("always", LabelWarning)
            warnings.showwarning = lambda message, *_, **__: _complain(args, "distilbert", message)
            code: int = args.run(args)
            print(end="", flush=True)  # what cannot be written is found out here, not at exit
            return code
    except BrokenPipeError:  # the reader (head, less) has gone: nothing is wrong
        return 0
    except DistilBertError as error:
        _complain(args, f"distilbert {args.command}", error)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _complain(args, f"distilbert {args.command}", f"{place}{error_text(error)}")
        return 1
    except KeyboardInterrupt as stop:
        show.note(str(stop) or "stopped")
        return 130
    finally:
        _drop_unwritable()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What a command line asks for; SystemExit, after a message, for one that is none."""
    for command in COMMANDS:
        if arguments and arguments[0] == command.name:
            parser = Parser(prog=f"distilbert {command.name}")
            command.add(parser)
            # options may stand between texts
            read = parser.parse_args if "--" in arguments else parser.parse_intermixed_args
            return read(arguments[1:])
    parser = Parser(prog="distilbert", description="DistilBERT, end to end, on an ordinary CPU.")
    parser.add_argument("--version", action="version", version=f"distilbert {__version__}")
    table = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        table.add_parser(command.name, help=command.help)
    return parser.parse_args(arguments or ["--help"])


def _complain(args: argparse.Namespace, who: str, message: object) -> None:
    """On standard error, with the command line's names of options: --top-k where Python has top_k.

    One line, and one more for each of a file's faults.
    """
    text = str(message)
    for name in vars(args):
        if "_" in name:
            text = re.sub(rf"(?<![\w/.-])(?<!in Python ){name}(?![\w/.-])", f"--{name.replace('_', '-')}", text)
    for line in re.split(r"\n(?=  )", f"{who}: {text}"):
        show.note(line)


def _drop_unwritable() -> None:
    """Forget output that cannot be written; Python would try again at exit."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
