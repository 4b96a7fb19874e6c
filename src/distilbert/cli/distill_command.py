"""The command that makes a small model of a large one."""

import argparse
from typing import Any

from . import show
from .train_commands import OPTIONS, add_options, pairs, saying_how_to_go_on

# option -> its type, and its help: fields of distilbert.train.DistillArguments, which is not imported to build a parser
_REQUIRED = {
    "teacher": "a folder, starter/NAME, or a name on the Hugging Face hub: a DistilBERT, or what Transformers loads",
    "task": "text-classification, token-classification, question-answering, fill-mask or sentence-similarity",
    "train": "examples, as for train; for fill-mask and sentence-similarity text alone",
    "out": "the folder to write",
}
_OWN: dict[str, tuple[type | list[str], str]] = {
    "layers": (int, "of the student (default: half of the teacher's)"),
    "dim": (int, "its width (default: the teacher's)"),
    "heads": (int, "its attention heads (default: as wide as the teacher's)"),
    "hidden_dim": (int, "its width inside the feed-forward block (default: in proportion)"),
    "vocab_size": (int, "most pieces that it keeps, those that the text uses (default: all)"),
    "temperature": (float, "of the teacher's output (default: 2)"),
    "soft": (float, "weight of the teacher's output"),
    "hard": (float, "weight of the labels"),
    "cosine": (float, "weight of the last hidden states' direction"),
    "hidden": (float, "weight of the hidden states of layers at the same height"),
    "attention": (float, "weight of the attention's relations in the last layer"),
    "augment": (int, "altered copies of each text (default: none)"),
}
_DEFAULTS = {  # where they are not those of train
    "learning_rate": "5e-4",
    "warmup": "0.05",
    "weight_decay": "0",
    "beta2": "0.98",
    "epsilon": "1e-6",
    "max_grad_norm": "5",
}
_SHARED = {
    name: (kind, f"{help_.partition(' (default')[0]} (default: {_DEFAULTS[name]})" if name in _DEFAULTS else help_)
    for name, (kind, help_) in OPTIONS.items()
    if name != "problem"
}
_FILES = {
    "student": ("MODEL", "a DistilBERT to begin with, instead of a shape"),
    "cache": ("DIR", "keep what the teacher says here, for other runs"),
}
_FLAGS = {
    "every_row": "of fill-mask: compare all tokens, not the masked ones alone",
    "live": "ask the teacher in every step, instead of keeping what it says on the disk",
}


def add_distill(parser: argparse.ArgumentParser) -> None:
    for name, help_ in _REQUIRED.items():
        parser.add_argument(f"--{name}", required=True, help=help_)
    parser.add_argument("--unlabelled", nargs="+", default=[], metavar="FILE", help="more text, without labels")
    for name, (metavar, help_) in _FILES.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=help_)
    for name, help_ in _FLAGS.items():
        parser.add_argument("--" + name.replace("_", "-"), action="store_true", help=help_)
    add_options(parser, _OWN | _SHARED)
    parser.add_argument(
        "--search", nargs="+", metavar="SHAPE", help="compare students, each LAYERSxDIM or LAYERSxDIMxHIDDEN"
    )
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="of training in a search (default: 30)")


def distill(args: argparse.Namespace) -> int:
    from ..distill import DistillArguments
    from ..distill import distill as run_distill
    from ..distill.initial_weights import Shape
    from ..distill.student_search import search

    names = (*_REQUIRED, *_FILES, *_OWN, *_SHARED)
    values: dict[str, Any] = {name: value for name in names if (value := getattr(args, name)) is not None}
    values |= {name: getattr(args, name) for name in (*_FLAGS, "unlabelled", "resume")}
    arguments = DistillArguments(**values, columns=pairs("--columns", args.columns))
    with saying_how_to_go_on():
        if not args.search:
            run_distill(arguments)
            return 0
        shapes = [Shape.parse(text, arguments.vocab_size) for text in args.search]
        found = search(arguments, shapes, args.minutes)
    rows = [["", "precision", found[0].metric, "examples a second", "MB of weights", ""]]
    rows += [
        [own.name, own.precision, str(own.score), f"{own.rate:,.1f}", f"{own.megabytes:,.1f}", "*" if own.best else ""]
        for own in found
    ]
    show.columns(rows)
    show.line("* none is both as good and faster")
    return 0
