"""The table of commands, and the one place that turns errors into messages and exit codes."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import __version__
from ..errors import DistilBertError, LongTextWarning
from . import model_commands, text_commands

__all__ = ["COMMANDS", "Command", "main"]


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
    Command("info", "show what a model folder holds", model_commands.add_info, model_commands.info),
    Command("convert", "make a model folder from other formats", model_commands.add_convert, model_commands.convert),
    Command("demo", "semantic search over film reviews", model_commands.add_demo, model_commands.demo),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Errors of this package are one line on standard error, and exit code 1."""
    args = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings(action="always", category=LongTextWarning):
            warnings.showwarning = _show_warning
            return int(args.run(args))
    except DistilBertError as error:
        print(f"distilbert {args.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader (head, less) has gone: nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="distilbert", description="DistilBERT, end to end, on an ordinary CPU.")
    parser.add_argument("--version", action="version", version=f"distilbert {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.help, description=command.help.capitalize() + ".")
        command.add(sub)
        sub.set_defaults(run=command.run)
    return parser


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"distilbert: {message}", file=sys.stderr)
