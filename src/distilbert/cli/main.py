"""The table of commands, and the one place that turns errors into messages and exit codes."""

import argparse
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from .. import __version__
from ..errors import DistilBertError, LongTextWarning
from ..hints import did_you_mean
from . import (
    bench_command,
    bulk_command,
    convert_command,
    demo_command,
    distill_command,
    evaluate_command,
    export_command,
    info_command,
    quantize_command,
    serve_command,
    show,
    text_commands,
    train_command,
)
from .command_examples import EXAMPLES


@dataclass(frozen=True)
class Command:
    """One row of the table: `add` puts its arguments on a parser, `run` does it and returns the exit code."""

    name: str
    help: str
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS = (
    Command("classify", "label texts", text_commands.add_classify, text_commands.classify),
    Command("ner", "find entities", text_commands.add_ner, text_commands.ner),
    Command("answer", "answer a question from a context", text_commands.add_answer, text_commands.answer),
    Command("fill-mask", "fill the masks of a text", text_commands.add_fill_mask, text_commands.fill_mask),
    Command("choose", "choose the best of several continuations", text_commands.add_choose, text_commands.choose),
    Command("embed", "turn texts into vectors", text_commands.add_embed, text_commands.embed),
    Command("zero-shot", "label texts with labels of your own", text_commands.add_zero_shot, text_commands.zero_shot),
    Command("rerank", "order documents by a query", text_commands.add_rerank, text_commands.rerank),
    Command("sparse", "turn texts into sparse vectors", text_commands.add_sparse, text_commands.sparse),
    Command("info", "show what a model folder holds", info_command.add_info, info_command.info),
    Command("convert", "make a model folder from other formats", convert_command.add_convert, convert_command.convert),
    Command("export", "write a model for other runtimes", export_command.add_export, export_command.export),
    Command(
        "quantize", "make a model folder with int8 weights", quantize_command.add_quantize, quantize_command.quantize
    ),
    Command("bench", "measure a model on this machine", bench_command.add_bench, bench_command.bench),
    Command("train", "train a model on examples", train_command.add_train, train_command.train),
    Command("distill", "make a small model of a large one", distill_command.add_distill, distill_command.distill),
    Command("evaluate", "score a model on examples", evaluate_command.add_evaluate, evaluate_command.evaluate),
    Command("bulk", "run a task over a data set", bulk_command.add_bulk, bulk_command.bulk),
    Command("serve", "serve models over HTTP", serve_command.add_serve, serve_command.serve),
    Command("demo", "semantic search over film reviews", demo_command.add_demo, demo_command.demo),
)


_MISTAKEN = re.compile(r"unrecognized arguments: (--[\w-]+)|argument COMMAND: invalid choice: '([^']+)'")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. What goes wrong is one line on standard error, and exit code 1."""
    args = _parse(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a text must not fail for what the terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings(action="always", category=LongTextWarning):
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
        _complain(args, f"distilbert {args.command}", f"{place}{error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        _drop_unwritable()


class _Parser(argparse.ArgumentParser):
    """One whose errors name the command or option that was meant."""

    def error(self, message: str) -> NoReturn:
        found = _MISTAKEN.search(message)
        if found:
            names = self._option_string_actions if found[1] else [command.name for command in COMMANDS]
            message += did_you_mean(found[1] or found[2], names)
        super().error(message)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="distilbert", description="DistilBERT, end to end, on an ordinary CPU.")
    parser.add_argument("--version", action="version", version=f"distilbert {__version__}")
    table = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {}
    for command in COMMANDS:
        sub = table.add_parser(command.name, help=command.help, description=command.help.capitalize() + ".")
        command.add(sub)
        if command.name in EXAMPLES:
            sub.epilog = f"{sub.epilog or ''} Example: {EXAMPLES[command.name]}".lstrip()
        sub.set_defaults(command=command.name, run=command.run)
        parsers[command.name] = sub
    if arguments and arguments[0] in parsers and "--" not in arguments:  # options may stand between texts
        return parsers[arguments[0]].parse_intermixed_args(arguments[1:])
    return parser.parse_args(arguments or ["--help"])


def _complain(args: argparse.Namespace, who: str, message: object) -> None:
    """One line on standard error, with the command line's names of options: --top-k where Python has top_k."""
    text = str(message)
    for name in vars(args):
        if "_" in name:
            text = re.sub(rf"(?<![\w/.-]){name}(?![\w/.-])", f"--{name.replace('_', '-')}", text)
    print(show.clean(f"{who}: {text}"), file=sys.stderr)


def _drop_unwritable() -> None:
    """Forget output that cannot be written; Python would try again at exit."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
