"""The commands that run a task on texts: from arguments, a file or standard input, for a person or a program."""

import argparse
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import CheckpointError, InputError, short_repr
from ..files import written_whole
from ..loading import DEFAULT_BATCH_TOKENS, load
from ..results import Classification
from ..tasks.embedding import Embedder
from ..tasks.fill_mask import MaskFiller
from ..tasks.multiple_choice import ChoiceClassifier
from ..tasks.question_answering import QuestionAnswerer
from ..tasks.reranking import Reranker
from ..tasks.sparse import SparseEncoder
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from ..tasks.zero_shot import ZeroShotClassifier
from . import show
from .reading import count_texts, text_groups

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
    parser.add_argument("--device", choices=["cpu", "cuda", "mps", "auto"], default="cpu", help="default: cpu")
    parser.add_argument("--threads", type=int, help="default: the cores that the process may use")
    parser.add_argument("--precision", choices=["float32", "int8"], help="default: as the model is stored")
    parser.add_argument(
        "--max-batch-tokens",
        type=int,
        default=DEFAULT_BATCH_TOKENS,
        metavar="N",
        help=f"the token budget of one batch (default: {DEFAULT_BATCH_TOKENS})",
    )
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


def _add_top_k(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument(
        "--top-k", type=int, default=default, metavar="K", help=f"how many, 0 for all (default: {default})"
    )


def _add_prompt(parser: argparse.ArgumentParser, place: str = "each text") -> None:
    parser.add_argument("--prompt", metavar="TEXT", help=f"put this before {place}")
    parser.add_argument("--prompt-name", metavar="NAME", help=f"put the model's prompt of this name before {place}")


def _open(args: argparse.Namespace, task: str) -> Any:
    return load(
        args.model,
        task,
        device=args.device,
        precision=args.precision,
        threads=args.threads,
        max_batch_tokens=args.max_batch_tokens,
        revision=args.revision,
    )


# texts in, results out ------------------------------------------------------------------------------


def _texts(args: argparse.Namespace) -> Iterator[Iterator[str]]:
    return text_groups(args.texts, args.file)


def _results(
    args: argparse.Namespace,
    groups: Iterable[Iterable[Given]],
    stream: Callable[[Iterator[Given]], Iterator[Result]],
    *,
    silent: bool = False,
) -> Iterator[tuple[Given, Result]]:
    """Each text beside its result, each group's as soon as it is done. `silent`: they are not shown."""
    return show.progress(_run(groups, stream), partial(count_texts, args.texts, args.file), silent=silent)


def _run(
    groups: Iterable[Iterable[Given]], stream: Callable[[Iterator[Given]], Iterator[Result]]
) -> Iterator[tuple[Given, Result]]:
    done = 0
    for group in groups:
        before = done
        try:
            for pair in _with_inputs(group, stream):
                yield pair
                done += 1
        except InputError as error:  # a task counts the texts of its stream
            raise InputError(f"{error} (counted from line {before + 1})" if before else str(error)) from None
        print(end="", flush=True)


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
    """One line. What cannot be printed is escaped, as all is that is not ASCII where the output is not UTF-8."""
    ascii_only = (sys.stdout.encoding or "").lower() != "utf-8"
    try:
        text = json.dumps(values, ensure_ascii=ascii_only, allow_nan=False)
    except ValueError:
        raise CheckpointError("the model's results are not numbers (NaN or infinity): its weights are broken") from None
    print(text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text))


def _dicts(results: Any) -> Any:
    """Results inside lists -> plain values."""
    return [_dicts(result) for result in results] if isinstance(results, list) else results.to_dict()


def _parted(line: str, form: str) -> list[str]:
    """A line's parts, which have tabs between them."""
    parts = line.split("\t")
    if len(parts) < 2:
        raise InputError(f"each text must be {form}, with tabs between, not {short_repr(line)}")
    return parts


# commands -----------------------------------------------------------------------------------------


def add_classify(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser)
    parser.add_argument("--pairs", action="store_true", help="each text is two, with a tab between them")
    _add_top_k(parser, 1)
    parser.add_argument("--threshold", type=float, help="show every label with at least this score")
    parser.add_argument("--function", choices=["softmax", "sigmoid", "none"], help="from logits to scores")


def classify(args: argparse.Namespace) -> int:
    classifier: TextClassifier = _open(args, "text-classification")
    groups: Iterator[Iterator[Any]] = _texts(args)
    if args.pairs:
        groups = (map(_pair, group) for group in groups)

    def run(inputs: Iterator[Any]) -> Iterator[Any]:
        return classifier.stream(
            inputs,
            top_k=args.top_k or None,
            threshold=args.threshold,
            function=args.function,
            long_text=args.long_text,
        )

    for text, result in _results(args, groups, run):
        given = {"text": text[0], "pair": text[1]} if args.pairs else {"text": text}
        _show_labels(args, given, result)
    return 0


def _pair(line: str) -> tuple[str, str]:
    first, *rest = _parted(line, "a text and its pair")
    return first, "\t".join(rest)


def _show_labels(
    args: argparse.Namespace, given: dict[str, str], result: Classification | list[Classification]
) -> None:
    several = isinstance(result, list)
    if args.json:
        labels = {"labels": _dicts(result)} if isinstance(result, list) else result.to_dict()
        _print_json(given | labels)
    else:
        show.labels(" | ".join(given.values()), result if isinstance(result, list) else [result], several=several)


def add_embed(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser)
    _add_prompt(parser)
    parser.add_argument("--normalize", action=argparse.BooleanOptionalAction, help="default: as the model says")
    parser.add_argument("--truncate-dim", type=int, metavar="D", help="keep the first D numbers")
    parser.add_argument("--output", choices=["float32", "int8", "uint8", "binary", "ubinary"], default="float32")
    parser.add_argument("--save", type=Path, metavar="FILE.npy", help="write all vectors into one NumPy file")


def embed(args: argparse.Namespace) -> int:
    embedder: Embedder = _open(args, "feature-extraction")
    options = {
        "prompt": args.prompt,
        "prompt_name": args.prompt_name,
        "normalize": args.normalize,
        "truncate_dim": args.truncate_dim,
        "output": args.output,
        "long_text": args.long_text,
    }
    results = _results(args, _texts(args), lambda texts: embedder.stream(texts, **options), silent=args.save)
    if args.save:
        count = _save(args.save, (vector for _, vector in results), embedder([], **options))
        show.line(show.clean(f"{args.save}: {count} vectors"))
        return 0
    for text, vector in results:
        if args.json:
            _print_json({"text": text, "embedding": vector.tolist()})
        else:
            show.vector(text, vector)
    return 0


def _save(path: Path, vectors: Iterator[np.ndarray], empty: np.ndarray) -> int:
    """Write vectors [D] as they come into one array [B, D], whole or not at all; returns B. `empty` is [0, D]."""
    header = np.lib.format.header_data_from_array_1_0(empty)
    count = 0
    try:
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for vector in vectors:
                file.write(vector.tobytes())
                count += 1
            file.seek(0)  # a header has room for any B
            np.lib.format.write_array_header_1_0(file, header | {"shape": (count, *empty.shape[1:])})
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    return count


def add_ner(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser, "window")
    parser.add_argument(
        "--aggregation", choices=["none", "simple", "first", "average", "max"], default="simple", help="tokens to words"
    )
    parser.add_argument(
        "--ignore-labels",
        nargs="+",
        metavar="LABEL",
        default=["O"],
        help="leave these out (after the texts; default: O)",
    )
    parser.add_argument("--valid-sequences", action="store_true", help="only labels that can follow each other")
    parser.add_argument("--stride", type=int, metavar="N", help="tokens shared by windows (default: a quarter)")


def ner(args: argparse.Namespace) -> int:
    tagger: TokenClassifier = _open(args, "token-classification")

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        return tagger.stream(
            inputs,
            aggregation=args.aggregation,
            ignore_labels=args.ignore_labels,
            valid_sequences=args.valid_sequences,
            stride=args.stride,
            long_text=args.long_text,
        )

    for text, entities in _results(args, _texts(args), run):
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
    parser.add_argument("--top-k", type=int, default=1, metavar="K", help="how many answers (default: 1)")
    parser.add_argument("--max-answer-len", type=int, default=15, metavar="N", help="in tokens (default: 15)")
    parser.add_argument("--max-question-len", type=int, default=64, metavar="N", help="in tokens (default: 64)")
    parser.add_argument(
        "--doc-stride", type=int, default=128, metavar="N", help="tokens shared by windows (default: 128)"
    )
    parser.add_argument("--max-seq-len", type=int, default=384, metavar="N", help="tokens of a window (default: 384)")
    parser.add_argument("--no-answer", action="store_true", help="allow the answer that there is none")
    parser.add_argument(
        "--align-to-words", action=argparse.BooleanOptionalAction, default=True, help="whole words only"
    )
    parser.add_argument("--whole-file", action="store_true", help="the file, or standard input, is one context")


def answer(args: argparse.Namespace) -> int:
    answerer: QuestionAnswerer = _open(args, "question-answering")
    groups: Iterable[Iterable[str]] = _texts(args)
    if args.whole_file:
        groups = [["\n".join(chain.from_iterable(groups))]]

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        return answerer.stream(
            ((args.question, context) for context in inputs),
            top_k=args.top_k,
            max_answer_len=args.max_answer_len,
            max_question_len=args.max_question_len,
            doc_stride=args.doc_stride,
            max_seq_len=args.max_seq_len,
            no_answer=args.no_answer,
            align_to_words=args.align_to_words,
            long_text=args.long_text,
        )

    for context, result in _results(args, groups, run):
        if args.json:
            answers = {"answers": _dicts(result)} if isinstance(result, list) else result.to_dict()
            _print_json({"question": args.question, "context": context} | answers)
        else:
            show.answers(context, result if isinstance(result, list) else [result])
    return 0


def add_fill_mask(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser, "window")
    _add_top_k(parser, 5)
    parser.add_argument("--targets", nargs="+", metavar="WORD", help="score these words only (after the texts)")


def fill_mask(args: argparse.Namespace) -> int:
    filler: MaskFiller = _open(args, "fill-mask")

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        return filler.stream(inputs, top_k=args.top_k or None, targets=args.targets, long_text=args.long_text)

    for text, fills in _results(args, _texts(args), run):
        if args.json:
            _print_json({"text": text, "fills": _dicts(fills)})
        else:
            show.fills(text, fills)
    return 0


def add_choose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompt", nargs="?", help="default: standard input, a prompt and its choices a line, tabs between"
    )
    parser.add_argument("texts", nargs="*", metavar="CHOICE")
    parser.add_argument("--file", type=Path, help="read a prompt and its choices a line from this file, tabs between")
    _add_model(parser)
    _add_long_text(parser)


def choose(args: argparse.Namespace) -> int:
    chooser: ChoiceClassifier = _open(args, "multiple-choice")
    groups: Iterable[Iterable[tuple[str, list[str]]]]
    if args.prompt is None:
        groups = (map(_question, group) for group in _texts(args))
    elif args.file:
        raise InputError("give a prompt or --file, not both")
    else:
        groups = [[(args.prompt, args.texts)]]

    for (prompt, _), result in _results(args, groups, partial(chooser.stream, long_text=args.long_text)):
        _show_labels(args, {"prompt": prompt}, result)
    return 0


def _question(line: str) -> tuple[str, list[str]]:
    prompt, *choices = _parted(line, "a prompt and its choices")
    return prompt, choices


def add_zero_shot(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    parser.add_argument("--labels", nargs="+", required=True, metavar="LABEL", help="to choose among (after the texts)")
    _add_model(parser)
    _add_long_text(parser)
    parser.add_argument("--template", default="This example is {}.", help="the hypothesis, {} for the label")
    parser.add_argument("--multi-label", action="store_true", help="score each label on its own")


def zero_shot(args: argparse.Namespace) -> int:
    classifier: ZeroShotClassifier = _open(args, "zero-shot-classification")

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        return classifier.stream(
            inputs,
            args.labels,
            hypothesis_template=args.template,
            multi_label=args.multi_label,
            long_text=args.long_text,
        )

    for text, result in _results(args, _texts(args), run):
        _show_labels(args, {"text": text}, result)
    return 0


def add_rerank(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query")
    _add_texts(parser, "DOCUMENT")
    _add_model(parser)
    _add_long_text(parser)
    _add_prompt(parser, "the query")
    _add_top_k(parser, 10)


def rerank(args: argparse.Namespace) -> int:
    ranker: Reranker = _open(args, "text-ranking")
    texts = show.progress(chain.from_iterable(_texts(args)), partial(count_texts, args.texts, args.file), silent=True)
    prompt = {"prompt": args.prompt, "prompt_name": args.prompt_name}
    for document in ranker(args.query, texts, **prompt, top_k=args.top_k or None, long_text=args.long_text):
        if args.json:
            _print_json(document.to_dict())
        else:
            show.ranked(document)
    return 0


def add_sparse(parser: argparse.ArgumentParser) -> None:
    _add_texts(parser)
    _add_model(parser)
    _add_long_text(parser)
    _add_prompt(parser)
    parser.add_argument("--top-k", type=int, metavar="K", help="how many, 0 for all (default: 20, all with --json)")


def sparse(args: argparse.Namespace) -> int:
    encoder: SparseEncoder = _open(args, "sparse-encoding")
    top_k = (0 if args.json else 20) if args.top_k is None else args.top_k

    def run(inputs: Iterator[str]) -> Iterator[Any]:
        kept = top_k or None if args.json else None  # a person is told how many there are
        prompt = {"prompt": args.prompt, "prompt_name": args.prompt_name}
        return encoder.stream(inputs, **prompt, top_k=kept, long_text=args.long_text)

    for text, vector in _results(args, _texts(args), run):
        if args.json:
            tokens = [encoder.tokenizer.decode([index], skip_special_tokens=False) for index in vector.indices]
            _print_json({"text": text} | vector.to_dict() | {"tokens": tokens})
        else:
            show.weights(text, encoder.tokens(vector, top_k=top_k or None), total=len(vector.indices))
    return 0
