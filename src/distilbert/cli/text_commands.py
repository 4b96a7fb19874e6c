"""The commands that run a task on texts: from arguments, a file or standard input, for a person or a program."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.file_names import is_table
from ..errors import InputError, counted, translated
from ..fields import options_of
from ..files import written_whole
from ..loading import ranking_task
from ..results import Classification, SparseVector
from ..tasks.by_name import TASKS
from ..tasks.inputs import text_fields
from . import show
from .reading import count_texts
from .results import deliver, dicts
from .row_texts import beside
from .texts import (
    add_model,
    add_task_options,
    add_text_arguments,
    file_path,
    open_task,
    parted,
    results_of,
    stream_of,
    task_options,
    texts_of,
)

if TYPE_CHECKING:  # `load` reads the one that is asked for
    from ..tasks.embedding import Embedder
    from ..tasks.late_interaction import LateInteractionEncoder
    from ..tasks.reranking import Reranker
    from ..tasks.sparse import SparseEncoder


def add_classify(parser: argparse.ArgumentParser) -> None:
    add_text_arguments(parser, "text-classification")
    parser.add_argument("--pairs", action="store_true", help="each text is two, with a tab between them")


def classify(args: argparse.Namespace) -> int:
    stream = stream_of(args, "text-classification")
    groups: Iterator[Iterator[Any]] = texts_of(args)
    if args.pairs:
        groups = (map(_pair, group) for group in groups)
    return _deliver_labels(args, results_of(args, groups, stream), text_fields)


def _pair(line: str) -> tuple[str, str]:
    first, *rest = parted(line, "a text and its pair")
    return beside(line, first), "\t".join(rest)


def _deliver_labels(
    args: argparse.Namespace,
    results: Iterable[tuple[Any, Classification | list[Classification]]],
    named: Callable[[Any], dict[str, str]],
) -> int:
    """Labels out; `named` says what a text, or what goes with it, is called."""
    return deliver(
        args,
        results,
        values=lambda given, found: (
            named(given) | ({"labels": dicts(found)} if isinstance(found, list) else found.to_dict())
        ),
        lines=lambda given, found: show.labels(" | ".join(named(given).values()), found),
    )


def add_embed(parser: argparse.ArgumentParser) -> None:
    add_text_arguments(parser, "feature-extraction")
    parser.add_argument("--save", type=Path, metavar="FILE.npy", help="write all vectors into one NumPy file")


def embed(args: argparse.Namespace) -> int:
    if args.save and args.out:
        raise InputError("give --save or --out, not both")
    if args.save and is_table(args.save):
        raise InputError(f"--save writes a NumPy file, .npy; a table is written with --out {args.save}")
    embedder: Embedder = open_task(args, "feature-extraction")
    options = task_options(args, embedder)
    results = results_of(args, texts_of(args), lambda texts: embedder.stream(texts, **options), silent=args.save)
    if args.save:
        count = _save(args.save, (vector for _, vector in results), embedder([], **options))
        show.line(show.clean(f"{args.save}: {counted(count, 'vector')}"))
        return 0
    return deliver(
        args,
        results,
        values=lambda text, vector: {"text": text, "embedding": vector.tolist()},
        lines=show.vector,
    )


def _save(path: Path, vectors: Iterator[np.ndarray], empty: np.ndarray) -> int:
    """Write vectors [D] as they come into one array [B, D], whole or not at all; returns B. `empty` is [0, D]."""
    header = np.lib.format.header_data_from_array_1_0(empty)
    count = 0
    unwritten = translated(OSError, InputError, f"{path}: cannot be written")
    with unwritten, written_whole(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for vector in vectors:
            file.write(vector.tobytes())
            count += 1
        file.seek(0)  # a header has room for any B
        np.lib.format.write_array_header_1_0(file, header | {"shape": (count, *empty.shape[1:])})
    return count


def add_ner(parser: argparse.ArgumentParser) -> None:
    add_text_arguments(parser, "token-classification")


def ner(args: argparse.Namespace) -> int:
    return _deliver_lists(args, "token-classification", "entities", show.entities)


def _deliver_lists(args: argparse.Namespace, task: str, name: str, lines: Callable[[str, Sequence[Any]], None]) -> int:
    """A list of results for each text out, called `name` in JSON."""
    stream = stream_of(args, task)
    return deliver(
        args,
        results_of(args, texts_of(args), stream),
        values=lambda text, found: {"text": text, name: dicts(found)},
        lines=lines,
    )


def add_answer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question")
    add_text_arguments(parser, "question-answering", "CONTEXT")
    parser.add_argument("--whole-file", action="store_true", help="the file, or standard input, is one context")


def answer(args: argparse.Namespace) -> int:
    stream = stream_of(args, "question-answering")
    groups: Iterable[Iterable[str]] = texts_of(args)
    if args.whole_file:
        groups = [["\n".join(chain.from_iterable(groups))]]

    def values(context: str, found: Any) -> dict[str, Any]:
        answers = {"answers": dicts(found)} if isinstance(found, list) else found.to_dict()
        return {"question": args.question, "context": context} | answers

    return deliver(
        args,
        results_of(args, groups, lambda contexts: stream((args.question, context) for context in contexts)),
        values=values,
        lines=show.answers,
    )


def add_fill_mask(parser: argparse.ArgumentParser) -> None:
    add_text_arguments(parser, "fill-mask")


def fill_mask(args: argparse.Namespace) -> int:
    return _deliver_lists(args, "fill-mask", "fills", show.fills)


def add_choose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompt", nargs="?", help="default: standard input, a prompt and its choices a line, tabs between"
    )
    parser.add_argument("texts", nargs="*", metavar="CHOICE")
    parser.add_argument("--file", type=file_path, help="a prompt and its choices a line, with tabs, or a table of them")
    add_model(parser)
    add_task_options(parser, "multiple-choice")


def choose(args: argparse.Namespace) -> int:
    stream = stream_of(args, "multiple-choice")
    groups: Iterable[Iterable[tuple[str, list[str]]]]
    from .table_texts import choices_of_table, has_choices  # not at the top: the readers take time to import

    if args.prompt is None and args.file is not None and has_choices(args.file):
        found, rows = choices_of_table(args.file)
        show.note(f"{args.file}: {found}")
        groups = [rows]
    elif args.prompt is None:
        groups = (map(_question, group) for group in texts_of(args))
    elif args.file:
        raise InputError("give a prompt or --file, not both")
    else:
        groups = [[(args.prompt, args.texts)]]
    return _deliver_labels(args, results_of(args, groups, stream), lambda given: {"prompt": given[0]})


def _question(line: str) -> tuple[str, list[str]]:
    prompt, *choices = parted(line, "a prompt and its choices")
    return prompt, choices


def add_zero_shot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels", nargs="+", required=True, metavar="LABEL", help='to choose among, or one "a, b" (after the texts)'
    )
    add_text_arguments(parser, "zero-shot-classification", without=["hypothesis_template"])
    usual = {option.name: option.default for option in options_of(TASKS["zero-shot-classification"].options)}
    parser.add_argument(
        "--hypothesis-template",
        "--template",
        dest="hypothesis_template",
        metavar="TEMPLATE",
        help=f"{{}} is the label (default: {usual['hypothesis_template']})",
    )


def zero_shot(args: argparse.Namespace) -> int:
    labels = args.labels[0] if len(args.labels) == 1 else args.labels  # one string may hold several, as in Python
    stream = stream_of(args, "zero-shot-classification", labels=labels)
    return _deliver_labels(args, results_of(args, texts_of(args), stream), lambda text: {"text": text})


def add_rerank(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query")
    add_text_arguments(parser, "text-ranking", "DOCUMENT", without=["top_k"])
    parser.add_argument("--top-k", type=int, default=10, metavar="K", help="how many, 0 for all (default: 10)")


def rerank(args: argparse.Namespace) -> int:
    ranker: Reranker | LateInteractionEncoder = open_task(args, ranking_task(args.model, args.revision))
    texts = show.progress(chain.from_iterable(texts_of(args)), partial(count_texts, args.texts, args.file), silent=True)
    return deliver(
        args,
        enumerate(ranker(args.query, texts, **task_options(args, ranker)), 1),
        values=lambda _, document: document.to_dict() | {"text": document.text},  # the text itself knows its row
        lines=show.ranked,
    )


def add_sparse(parser: argparse.ArgumentParser) -> None:
    add_text_arguments(parser, "sparse-encoding", without=["top_k"])
    parser.add_argument(
        "--top-k", type=int, metavar="K", help="how many, 0 for all (default: 20; all with --json, --out)"
    )


def sparse(args: argparse.Namespace) -> int:
    encoder: SparseEncoder = open_task(args, "sparse-encoding")
    whole = args.json or args.out
    top_k = (0 if whole else 20) if args.top_k is None else args.top_k

    kept = top_k or None if whole else None  # a person is told how many there are
    stream = partial(encoder.stream, **task_options(args, encoder) | {"top_k": kept})

    def values(text: str, vector: SparseVector) -> dict[str, Any]:
        tokens = [encoder.tokenizer.decode([index], skip_special_tokens=False) for index in vector.indices]
        return {"text": text} | vector.to_dict() | {"tokens": tokens}

    return deliver(
        args,
        results_of(args, texts_of(args), stream),
        values=values,
        lines=lambda text, vector: show.weights(
            text, encoder.tokens(vector, top_k=top_k or None), total=len(vector.indices)
        ),
    )
