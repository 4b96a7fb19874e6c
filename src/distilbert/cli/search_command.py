"""The command that searches the texts of a file by meaning."""

import argparse
import hashlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from ..cache import cache_folder
from ..data.file_names import is_table
from ..errors import InputError, counted
from ..loading import ranking_task
from ..results import Found
from . import show
from .reading import text_groups
from .results import deliver
from .texts import add_model, add_table_options, open_task


def add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a text a line, or a column of a .csv .tsv .jsonl .parquet")
    parser.add_argument("queries", nargs="*", metavar="QUERY", help="default: the lines of standard input")
    add_table_options(parser.add_argument_group("texts in"))
    group = parser.add_argument_group("search")
    group.add_argument("--top-k", type=int, default=10, metavar="K", help="how many texts (default: 10)")
    group.add_argument(
        "--vectors",
        choices=["float32", "int8", "binary"],
        default="float32",
        help="as they are kept; int8 has a quarter of the size, binary is the fastest of many (default: float32)",
    )
    group.add_argument("--sparse", metavar="MODEL", help="search by this model's sparse vectors too")
    group.add_argument("--reranker", metavar="MODEL", help="order the best 50 by this cross-encoder or ColBERT")
    group.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where vectors are kept (default: the package's cache)"
    )
    add_model(parser)


def search(args: argparse.Namespace) -> int:
    from ..search import TextIndex  # not at the top: a leaf

    numbers, texts = _texts(args)
    rerank = args.reranker and ranking_task(args.reranker)
    index = TextIndex(
        open_task(args, "feature-extraction", progress=True),
        texts,
        vectors=args.vectors,
        sparse=open_task(args, "sparse-encoding", args.sparse, progress=True) if args.sparse else None,
        reranker=open_task(args, rerank, args.reranker) if rerank else None,
        folder=args.keep or _cache(args),
    )

    def results() -> Iterator[tuple[tuple[str, int], Found]]:
        for query in chain.from_iterable(text_groups(args.queries, None)):
            for rank, found in enumerate(index.search(query, args.top_k), 1):
                yield (query, rank), found

    def values(given: tuple[str, int], found: Found) -> dict[str, Any]:
        query, rank = given
        return {"query": query, "rank": rank, "index": numbers[found.index], "score": found.score, "text": found.text}

    def lines(given: tuple[str, int], found: Found) -> None:
        query, rank = given
        if rank == 1:
            show.line((show.clean(query), "bold cyan"))
        show.ranked(rank, found)

    return deliver(args, results(), values=values, lines=lines)


def _texts(args: argparse.Namespace) -> tuple[list[int], list[str]]:
    """The texts of the file, and the place of each in it, from 0 on. Those that are empty are left out."""
    lines: Iterator[str]
    if is_table(args.file):
        from .table_texts import texts_of_table  # not at the top: the readers take time to import

        found, lines = texts_of_table(args.file, args.column, separator=args.separator, encoding=args.encoding)
    elif args.column is not None:
        raise InputError("--column is for a file whose name ends in .csv, .tsv, .jsonl or .parquet")
    else:
        found, lines = "a text a line", chain.from_iterable(text_groups([], args.file))
    kept = [(number, line) for number, line in enumerate(lines) if line.strip()]
    show.note(f"{args.file}: {found}; {counted(len(kept), 'text')}")
    return [number for number, _ in kept], [line for _, line in kept]


def _cache(args: argparse.Namespace) -> Path | None:
    """A folder for the vectors of this column of this file; None where the package keeps nothing."""
    place = cache_folder()
    name = hashlib.sha256(f"{args.file.absolute()}\0{args.column}".encode("utf-8", "surrogatepass")).hexdigest()
    return place and place / "vectors" / name[:32]
