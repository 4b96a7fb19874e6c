"""The command that shows what a model folder holds."""

import argparse
import json
from typing import Any

from ..folder.checkpoint import Checkpoint, Head, open_checkpoint
from ..folder.hub import resolve
from ..folder.sentence import SentenceFolder, read_sentence_folder
from ..loading import longest_text, task_of
from ..tokenizer import BertTokenizer
from . import show


def add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a folder, starter/NAME, or a name on the Hugging Face hub")
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def info(args: argparse.Namespace) -> int:
    folder = resolve(args.model, args.revision)
    sentence = read_sentence_folder(folder)
    checkpoint = open_checkpoint(sentence.transformer if sentence else folder)
    facts = _facts(checkpoint, sentence)
    if args.json:
        print(json.dumps(facts))
    else:
        show.facts(str(args.model), facts)
    return 0


def _facts(checkpoint: Checkpoint, sentence: SentenceFolder | None) -> dict[str, Any]:
    config = checkpoint.config
    tokenizer = BertTokenizer.from_folder(checkpoint.folder)
    facts: dict[str, Any] = {
        "architecture": checkpoint.head.value,
        "task": task_of(checkpoint.head, sentence),
        "parameters": checkpoint.parameters,
        "bytes": sum(tensor.nbytes for tensor in checkpoint.tensors.values()),
        "stored_as": sorted({tensor.dtype for tensor in checkpoint.tensors.values()}),
        "layers": config.n_layers,
        "heads": config.n_heads,
        "width": config.dim,
        "feed_forward_width": config.hidden_dim,
        "activation": config.activation.value,
        "vocabulary": tokenizer.vocab_size,
        "longest_text_in_tokens": longest_text(config, tokenizer, sentence),
    }
    if "classifier.weight" in checkpoint.tensors and checkpoint.head is not Head.MULTIPLE_CHOICE:
        facts["labels"] = list(config.labels)
    if checkpoint.unread:
        facts["unread_weights"] = list(checkpoint.unread)
    if facts["task"] == "feature-extraction":
        sentence = sentence or SentenceFolder(checkpoint.folder)
        facts["pooling"] = list(sentence.pooling.modes)
        facts["embedding_width"] = sentence.truncate_dim or sentence.width(config.dim)
        facts["normalized"] = sentence.normalize
        facts["similarity"] = sentence.similarity
        facts["prompts"] = list(sentence.prompts.by_name)
    return facts
