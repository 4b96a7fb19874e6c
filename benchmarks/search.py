"""Search: exact against one read of the vectors, and binary search's recall against its time, on real sentences.

    python benchmarks/search.py FOLDER --vectors vectors.npy [--peers] [--save out.json]

FOLDER holds texts (.txt, .md, and .jsonl with a "text"), which are cut into sentences. `--vectors` keeps theirs from
one run to the next. `--peers` races the search for candidates against faiss-cpu and usearch, which are installed apart.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from common import machine, options, race, save, table, trained_model
from distilbert import load
from distilbert.convert import convert
from distilbert.search import BinaryIndex, VectorIndex

WIDTH, MILLION = 384, 1_000_000
TOP = 10
QUERIES = 200


def sentences(folder: Path) -> list[str]:
    """Different sentences of 15 to 300 characters."""
    found = {
        sentence
        for text in texts(folder)
        for paragraph in re.split(r"\n\s*\n", text)
        for sentence in re.split(r"(?<=[.!?])[\"')\u2019\u201d]*\s+", " ".join(paragraph.split()))
        if 15 <= len(sentence) <= 300 and sentence.count(" ") >= 3
    }
    return sorted(found)


def texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".txt", ".md"):
            yield path.read_text(encoding="utf-8", errors="replace")
        elif path.suffix == ".jsonl":
            rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
            yield from (row["text"] for row in rows if isinstance(row.get("text"), str))


def vectors_of(folder: Path, kept: Path | None) -> np.ndarray:
    """Vectors of all sentences, by all-MiniLM-L6-v2; embedded once."""
    if kept and kept.exists():
        return np.load(kept)
    with tempfile.TemporaryDirectory() as temporary:
        convert(trained_model(), Path(temporary) / "model")
        vectors = load(Path(temporary) / "model", "feature-extraction", progress=True)(sentences(folder))
    if kept:
        np.save(kept, vectors)
    return vectors


def exact(rounds: int) -> dict[str, float]:
    """Seconds to find the best of a million vectors, and to read them once."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((MILLION, WIDTH), np.float32)
    query = rng.standard_normal(WIDTH).astype(np.float32)
    index = VectorIndex(vectors)
    candidates: dict[str, Callable[[], object]] = {
        "one read of the vectors (their sum)": vectors.sum,
        "one read of the vectors (times a vector)": partial(np.matmul, vectors, query),
        f"top {TOP} by cosine": partial(index.search, query, TOP),
    }
    return race(candidates, rounds)


def binary(vectors: np.ndarray, rounds: int) -> dict[str, dict[str, float]]:
    """For each oversampling the recall of what an exact search finds, and the seconds of a query."""
    rng = np.random.default_rng(0)
    places = rng.permutation(len(vectors))
    queries, corpus = vectors[places[:QUERIES]], vectors[np.sort(places[QUERIES:])]
    levels = np.rint(127 * corpus / np.abs(corpus).max(-1, keepdims=True)).astype(np.int8)
    truth = [{hit.index for hit in hits} for hits in VectorIndex(corpus).search(queries, TOP)]
    curve: dict[str, dict[str, float]] = {}
    turns: dict[str, Callable[[], object]] = {"exact, float32": partial(ask, VectorIndex(corpus), queries)}
    turns["exact, int8"] = partial(ask, VectorIndex(levels), queries)
    for oversampling in (1, 3, 10, 30, 100):
        turns[f"binary, {oversampling} candidates a result"] = partial(
            ask, BinaryIndex(levels, oversampling=oversampling), queries
        )
    for name, turn in turns.items():
        found = turn()
        shared = [len(hits & right) for hits, right in zip(found, truth, strict=True)]  # type: ignore[call-overload]
        curve[name] = {"recall": sum(shared) / (TOP * QUERIES)}
    for name, seconds in race(turns, rounds).items():
        curve[name]["seconds"] = seconds / QUERIES
    return curve


def ask(index: VectorIndex | BinaryIndex, queries: np.ndarray) -> list[set[int]]:
    """Query by query, as they come."""
    return [{hit.index for hit in index.search(query, TOP)[0]} for query in queries]


def peers(vectors: np.ndarray, rounds: int) -> dict[str, float]:
    """Seconds to find 300 candidates by their bits; ours are compared exactly too."""
    import faiss
    from usearch.index import MetricKind
    from usearch.index import search as usearch_search

    bits = np.packbits(vectors > 0, axis=-1)
    flat = faiss.IndexBinaryFlat(8 * bits.shape[1])
    flat.add(bits)
    index = BinaryIndex(vectors, bits, oversampling=30)
    return race(
        {
            "BinaryIndex (np.bitwise_count)": partial(index.search, vectors[7], 10),
            "faiss-cpu (IndexBinaryFlat)": partial(flat.search, bits[7:8], 300),
            "usearch (exact)": partial(usearch_search, bits, bits[7:8], 300, MetricKind.Hamming, exact=True),
        },
        rounds,
    )


def main() -> None:
    parser = options(__doc__, 7)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--peers", action="store_true")
    args = parser.parse_args()
    vectors = vectors_of(args.folder, args.vectors)
    values: dict[str, object] = {"machine": machine(("distilbert", "numpy")), "sentences": len(vectors)}

    values["exact"] = seconds = exact(args.rounds)
    read = min(value for name, value in seconds.items() if name.startswith("one read"))
    rows = {name: [f"{1e3 * value:.0f}", f"{value / read:.2f}"] for name, value in seconds.items()}
    print(table(f"{MILLION:,} vectors of {WIDTH}, float32", rows, ("ms", "times the fastest read")))

    values["binary"] = curve = binary(vectors, max(3, args.rounds // 2))
    rows = {name: [f"{each['recall']:.3f}", f"{1e3 * each['seconds']:.1f}"] for name, each in curve.items()}
    print(table(f"{len(vectors):,} sentences, top {TOP}", rows, ("recall", "ms a query")))

    if args.peers:
        values["candidates"] = seconds = peers(vectors, args.rounds)
        rows = {name: [f"{1e3 * value:.1f}"] for name, value in seconds.items()}
        print(table(f"300 candidates of {len(vectors):,} by their bits", rows, ("ms",)))
    save(args.save, values)


if __name__ == "__main__":
    main()
