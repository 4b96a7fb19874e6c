"""The command that shows what a model folder holds."""

import argparse
from typing import Any

from ..calibration import Calibration
from ..engine.choice import choose
from ..fetching import fetch
from ..folder.checkpoint import Head
from ..folder.opened import ModelFolder, open_folder
from ..folder.sentence import SentenceFolder
from ..folder.starters import starter_task
from ..loading import task_of
from . import show
from .options import add_json, add_model_argument, add_revision
from .results import print_json


def add_info(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    add_revision(parser)
    add_json(parser)


def info(args: argparse.Namespace) -> int:
    folder = open_folder(fetch(args.model, args.revision))
    facts = _facts(folder, starter_task(str(args.model)) or task_of(folder.checkpoint.head, folder.sentence))
    if args.json:
        print_json(facts)
    else:
        show.facts(str(args.model), facts)
    return 0


def _facts(folder: ModelFolder, task: str) -> dict[str, Any]:
    checkpoint, config = folder.checkpoint, folder.config
    facts: dict[str, Any] = {
        "architecture": checkpoint.head.value,
        "task": task,
        "parameters": checkpoint.parameters,
        "bytes": folder.bytes,
        "stored_as": sorted({tensor.dtype for tensor in checkpoint.tensors.values()}),
        "layers": config.n_layers,
        "heads": config.n_heads,
        "width": config.dim,
        "feed_forward_width": config.hidden_dim,
        "activation": config.activation.value,
        "vocabulary": folder.tokenizer.vocab_size,
        "longest_text_in_tokens": folder.longest,
        "engine_of_int8": str(choose("int8")),
    }
    if "classifier.weight" in checkpoint.tensors and checkpoint.head is not Head.MULTIPLE_CHOICE:
        facts["labels"] = list(config.labels)
    if config.calibration != Calibration():
        facts["calibration"] = config.calibration.to_dict()
    if checkpoint.unread:
        facts["unread_weights"] = list(checkpoint.unread)
    if task_of(checkpoint.head, folder.sentence) == "feature-extraction":
        sentence = folder.sentence or SentenceFolder(checkpoint.folder)
        facts["pooling"] = list(sentence.pooling.modes)
        facts["embedding_width"] = sentence.truncate_dim or sentence.width(config.dim)
        facts["normalized"] = sentence.normalize
        facts["similarity"] = sentence.similarity
        facts["prompts"] = list(sentence.prompts.by_name)
    return facts
