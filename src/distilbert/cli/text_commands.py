"""The commands that run a task on texts: from arguments, a file or standard input, for a person or a program."""

import argparse
import contextlib
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from ..checkpoint import written_whole
from ..errors import InputError
from ..loading import DEFAULT_BATCH_TOKENS, load
from ..results import Classification
from ..tasks.embedding import Embedder
from ..tasks.text_classification import TextClassifier
from . import show

Given = TypeVar("Given")
Result = TypeVar("Result")

# arguments that several commands have -------------------------------------------------------------


def _add_model(parser: argparse.ArgumentParser) -> None:
    default = os.environ.get("DISTILBERT_MODEL")
    parser.add_argument(
        "-m",
        "--model",
        required=default is None,
        default=default,
        help="a folder, starter/NAME, or a name on the Hugging Face hub (default: $DISTILBERT_MODEL)",
    )
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--threads", type=int, help="default: the cores that the process may use")
    parser.add_argument("--precision", choices=["float32"], default="float32")
    parser.add_argument("--max-batch-tokens", type=int, default=DEFAULT_BATCH_TOKENS, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_texts(parser: argparse.ArgumentParser, what: str = "TEXT") -> None:
    parser.add_argument("texts", nargs="*", metavar=what, help="default: the lines of standard input")
    parser.add_argument("--file", type=Path, help=f"read one {what.lower()} a line from this file")


def _add_long_text(parser: argparse.ArgumentParser, default: str = "truncate") -> None:
    parser.add_argument(
        "--long-text",
        choices=["truncate", "window", "error"],
        default=default,
        help=f"what to do with a text longer than the model reads (default: {default})",
    )


def _open(args: argparse.Namespace, task: str) -> Any:
    return load(
        args.model,
        task,
        precision=args.precision,
        threads=args.threads,
        max_batch_tokens=args.max_batch_tokens,
        revision=args.revision,
    )


# texts in, results out ------------------------------------------------------------------------------


def _texts(args: argparse.Namespace) -> Iterator[str]:
    """The texts of the arguments, else the lines of the file, else those of standard input, as they come."""
    if args.texts and args.file:
        raise InputError("give texts or --file, not both")
    if args.texts:
        yield from args.texts
        return
    if args.file is None and sys.stdin.isatty():
        raise InputError("no text: give it as an argument, with --file, or on standard input")
    yield from _lines(args.file)


def _lines(path: Path | None) -> Iterator[str]:
    """The lines of a file or of standard input. Bytes that are not UTF-8 become U+FFFD."""
    try:
        with path.open("rb") if path else contextlib.nullcontext(sys.stdin.buffer) as file:
            for line in file:
                yield line.decode("utf-8", errors="replace").rstrip("\r\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _with_inputs(
    inputs: Iterable[Given], stream: Callable[[Iterator[Given]], Iterator[Result]]
) -> Iterator[tuple[Given, Result]]:
    """Each input beside its result, while a task reads ahead in the stream."""
    pending: deque[Given] = deque()

    def remember() -> Iterator[Given]:
        for item in inputs:
            pending.append(item)
            yield item

    for result in stream(remember()):
        yield pending.popleft(), result


def _print_json(values: dict[str, Any]) -> None:
    print(json.dumps(values, ensure_ascii=False))


def _dicts(results: Any) -> Any:
    """Results inside lists -> plain values."""
    return [_dicts(result) for result in results] if isinstance(results, list) else results.to_dict()


# commands -----------------------------------------------------------------------------------------


def add_classify(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser)
    parser.add_argument("--pairs", action="store_true", help="each text is two, with a tab between them")
    _add_scores(parser, top_k=1)
    parser.add_argument("--threshold", type=float, help="show every label with at least this score")
    parser.add_argument("--function", choices=["softmax", "sigmoid", "none"], help="from logits to scores")


def _add_scores(parser: argparse.ArgumentParser, top_k: int) -> None:
    parser.add_argument("--top-k", type=int, default=top_k, metavar="K", help=f"how many, 0 for all (default: {top_k})")


def classify(args: argparse.Namespace) -> int:
    classifier: TextClassifier = _open(args, "text-classification")
    texts: Iterator[Any] = map(_pair, _texts(args)) if args.pairs else _texts(args)

    def run(inputs: Iterator[Any]) -> Iterator[Any]:
        return classifier.stream(
            inputs,
            top_k=args.top_k or None,
            threshold=args.threshold,
            function=args.function,
            long_text=args.long_text,
        )

    for text, result in _with_inputs(texts, run):
        _show_labels(args, " | ".join(text) if args.pairs else text, result)
    return 0


def _pair(line: str) -> tuple[str, str]:
    first, tab, second = line.partition("\t")
    if not tab:
        raise InputError(f"--pairs needs a tab between two texts, and {line[:40]!r} has none")
    return first, second


def _show_labels(args: argparse.Namespace, text: str, result: Classification | list[Classification]) -> None:
    if args.json:
        labels = {"labels": _dicts(result)} if isinstance(result, list) else result.to_dict()
        _print_json({"text": text} | labels)
    else:
        show.labels(text, result if isinstance(result, list) else [result])


def add_embed(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser)
    parser.add_argument("--prompt", help="the name of one of the model's prompts, or the prompt itself")
    parser.add_argument("--normalize", action=argparse.BooleanOptionalAction, help="default: as the model says")
    parser.add_argument("--truncate-dim", type=int, metavar="D", help="keep the first D numbers")
    parser.add_argument("--output", choices=["float32", "int8", "uint8", "binary", "ubinary"], default="float32")
    parser.add_argument("--save", type=Path, metavar="FILE.npy", help="write all vectors into one NumPy file")


def embed(args: argparse.Namespace) -> int:
    embedder: Embedder = _open(args, "feature-extraction")

    def run(inputs: Iterator[str]) -> Iterator[np.ndarray]:
        return embedder.stream(
            inputs,
            prompt=args.prompt,
            normalize=args.normalize,
            truncate_dim=args.truncate_dim,
            output=args.output,
            long_text=args.long_text,
        )

    if args.save:
        vectors = list(run(_texts(args)))
        _save(args.save, np.stack(vectors) if vectors else np.empty((0, embedder.dim), np.float32))
        print(f"{args.save}: {len(vectors)} vectors")
        return 0
    for text, vector in _with_inputs(_texts(args), run):
        if args.json:
            _print_json({"text": text, "embedding": vector.tolist()})
        else:
            show.vector(text, vector)
    return 0


def _save(path: Path, array: np.ndarray) -> None:
    try:
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.save(file, array)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def add_ner(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser, "window")
    parser.add_argument(
        "--aggregation", choices=["none", "simple", "first", "average", "max"], default="simple", help="tokens to words"
    )


def ner(args: argparse.Namespace) -> int:
    tagger = _open(args, "token-classification")

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        return cast("Iterator[Any]", tagger.stream(inputs, aggregation=args.aggregation, long_text=args.long_text))

    for text, entities in _with_inputs(_texts(args), run):
        if args.json:
            _print_json({"text": text, "entities": _dicts(entities)})
        else:
            show.entities(text, entities)
    return 0


def add_answer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question")
    _add_texts(parser, "CONTEXT")
    _add_model(parser)
    _add_long_text(parser, "window")
    _add_scores(parser, top_k=1)
    parser.add_argument("--max-answer-len", type=int, default=15, metavar="N", help="in tokens (default: 15)")
    parser.add_argument("--doc-stride", type=int, default=128, metavar="N", help="tokens that windows share")
    parser.add_argument("--max-seq-len", type=int, default=384, metavar="N", help="tokens of a window")
    parser.add_argument("--no-answer", action="store_true", help="allow the answer that there is none")
    parser.add_argument("--whole-file", action="store_true", help="the file, or standard input, is one context")


def answer(args: argparse.Namespace) -> int:
    answerer = _open(args, "question-answering")
    contexts = ["\n".join(_texts(args))] if args.whole_file else _texts(args)

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        stream = answerer.stream(
            ((args.question, context) for context in inputs),
            top_k=args.top_k,
            max_answer_len=args.max_answer_len,
            doc_stride=args.doc_stride,
            max_seq_len=args.max_seq_len,
            no_answer=args.no_answer,
            long_text=args.long_text,
        )
        return cast("Iterator[Any]", stream)

    for context, result in _with_inputs(contexts, run):
        if args.json:
            answers = {"answers": _dicts(result)} if isinstance(result, list) else result.to_dict()
            _print_json({"question": args.question, "context": context} | answers)
        else:
            show.answers(context, result if isinstance(result, list) else [result])
    return 0


def add_fill_mask(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser)
    _add_scores(parser, top_k=5)
    parser.add_argument("--targets", nargs="+", metavar="WORD", help="score these words only")


def fill_mask(args: argparse.Namespace) -> int:
    filler = _open(args, "fill-mask")

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        stream = filler.stream(inputs, top_k=args.top_k or None, targets=args.targets, long_text=args.long_text)
        return cast("Iterator[Any]", stream)

    for text, fills in _with_inputs(_texts(args), run):
        if args.json:
            _print_json({"text": text, "fills": _dicts(fills)})
        else:
            show.fills(text, fills)
    return 0


def add_choose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt")
    parser.add_argument("choices", nargs="+", metavar="CHOICE")
    _add_model(parser)
    _add_long_text(parser)


def choose(args: argparse.Namespace) -> int:
    chooser = _open(args, "multiple-choice")
    _show_labels(args, args.prompt, chooser(args.prompt, args.choices, long_text=args.long_text))
    return 0


def add_zero_shot(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    parser.add_argument("--labels", nargs="+", required=True, metavar="LABEL")
    _add_model(parser)
    _add_long_text(parser)
    parser.add_argument("--template", default="This example is {}.", help="the hypothesis, {} for the label")
    parser.add_argument("--multi-label", action="store_true", help="score each label on its own")


def zero_shot(args: argparse.Namespace) -> int:
    classifier = _open(args, "zero-shot-classification")

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        stream = classifier.stream(
            inputs,
            args.labels,
            hypothesis_template=args.template,
            multi_label=args.multi_label,
            long_text=args.long_text,
        )
        return cast("Iterator[Any]", stream)

    for text, result in _with_inputs(_texts(args), run):
        _show_labels(args, text, result)
    return 0


def add_rerank(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query")
    _add_texts(parser, "DOCUMENT")
    _add_model(parser)
    _add_long_text(parser)
    _add_scores(parser, top_k=10)


def rerank(args: argparse.Namespace) -> int:
    ranker = _open(args, "text-ranking")
    ranked = ranker(args.query, list(_texts(args)), top_k=args.top_k or None, long_text=args.long_text)
    for document in ranked:
        if args.json:
            _print_json(document.to_dict())
        else:
            show.ranked(document)
    return 0


def add_sparse(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser)
    _add_scores(parser, top_k=20)


def sparse(args: argparse.Namespace) -> int:
    encoder = _open(args, "sparse-encoding")

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        return cast("Iterator[Any]", encoder.stream(inputs, long_text=args.long_text))

    for text, vector in _with_inputs(_texts(args), run):
        weights = encoder.tokens(vector)
        if args.json:
            _print_json({"text": text} | vector.to_dict() | {"tokens": [token for token, _ in weights]})
        else:
            show.weights(text, weights[: args.top_k or None], total=len(weights))
    return 0
