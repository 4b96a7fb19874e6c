"""The command that fine-tunes a model on examples."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..arguments import FinetuneArguments
from ..interrupts import ending_at_once
from . import show
from .options import add_json, add_options, read_options
from .results import print_json

if TYPE_CHECKING:
    from ..trained import Trained

RESUMED = "the same command with --resume goes on from the last checkpoint"


def add_train(parser: argparse.ArgumentParser) -> None:
    add_options(parser, FinetuneArguments)
    add_json(parser)


def train(args: argparse.Namespace) -> int:
    arguments = read_options(args, FinetuneArguments)
    has_checkpoints = not (arguments.head_only or arguments.few_shot)
    way = RESUMED if has_checkpoints else "nothing was written; run the same command again"
    with ending_at_once(f"stopped; {way}"):
        if arguments.head_only:  # which needs no PyTorch
            from ..head_only.fitting import fit_classifier as finetune
        else:
            from ..train import finetune
    with stop_hint(way):
        show_trained(finetune(arguments), as_json=args.json)
    return 0


def show_trained(done: "Trained", *, as_json: bool, facts: Mapping[str, Any] | None = None) -> None:
    """Print the scores of a run, and other facts about it, on standard output."""
    if as_json:
        parts = {"scores": done.scores, "test_scores": done.test_scores}
        values = {name: {metric: score.to_dict() for metric, score in part.items()} for name, part in parts.items()}
        print_json({"folder": str(done.folder), **values, **(facts or {})})
        return
    rows = [[name, str(score)] for name, score in done.scores.items()]
    rows += [[f"test {name}", str(score)] for name, score in done.test_scores.items()]
    if rows:
        show.columns(rows)


@contextmanager
def stop_hint(way: str) -> Iterator[None]:
    """Where a run is interrupted by hand, say how to continue it."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; {way}") from None
