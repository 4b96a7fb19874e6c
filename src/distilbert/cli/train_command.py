"""The command that fine-tunes a model on examples."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..arguments import FinetuneArguments
from .options import add_options, read_options


def add_train(parser: argparse.ArgumentParser) -> None:
    add_options(parser, FinetuneArguments)


def train(args: argparse.Namespace) -> int:
    from ..train import finetune

    arguments = read_options(args, FinetuneArguments)
    with resume_hint():
        finetune(arguments)
    return 0


@contextmanager
def resume_hint() -> Iterator[None]:
    """Where a run is interrupted by hand, print one line about how to continue it."""
    try:
        yield
    except KeyboardInterrupt:
        print("stopped; the same command with --resume goes on from the last checkpoint", file=sys.stderr)
        raise
