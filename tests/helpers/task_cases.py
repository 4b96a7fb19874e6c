"""How each task is called, so that one test can be about all of them."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conftest import DATA, random_weights, small_config
from distilbert import load
from distilbert.folder.checkpoint import Head, save_checkpoint

GOOD = "a charming and often affecting journey ."
QUERY = "a moving story about love"
LONG = "film " * 200
NLI = {"id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"}}
TAGS = {"id2label": {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}}


@dataclasses.dataclass(frozen=True)
class Case:
    """How a task is called.

    Attributes:
        call: with a list, or whatever stands in its place, of texts.
        item: of a text, what the task's stream takes.
        rest: the stream's other arguments.
        numbers: of one result, all that may change with the batch.
        many: whether a call with texts of one and several are apart: one in, one out.
        files: what else lies in the folder, as JSON.
    """

    head: Head
    numbers: Callable[[Any], Any]
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    call: Callable[..., Any] = lambda task, texts, **options: task(texts, **options)
    item: Callable[[Any], Any] = lambda text: text
    rest: tuple[Any, ...] = ()
    many: bool = True
    files: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _scores(results: Iterable[Any]) -> list[float]:
    """Of labelled results, in the labels' order."""
    return [each.score for each in sorted(results, key=lambda each: each.label)]


def _dense(vector: Any) -> np.ndarray:
    dense = np.zeros(6000, np.float32)
    dense[vector.indices] = vector.values
    return dense


def _ranks(ranked: Iterable[Any]) -> list[float]:
    """The scores, in the order of the documents."""
    return [each.score for each in sorted(ranked, key=lambda each: each.index)]


def _spans(spans: Iterable[Any]) -> list[float]:
    return [number for span in spans for number in (span.start, span.end, span.score)]


EMBEDDING = Case(Head.NONE, lambda vector: vector)
MODULES = {
    "": "sentence_transformers.base.modules.Transformer",
    "1_Mask": "sentence_transformers.multi_vector_encoder.modules.MultiVectorMask",
}
COLBERT = {
    "modules.json": [{"idx": i, "name": str(i), "path": p, "type": MODULES[p]} for i, p in enumerate(MODULES)],
    "1_Mask/config.json": {"skiplist_words": []},
    "config_sentence_transformers.json": {"model_type": "MultiVectorEncoder"},
}
CASES = {
    "text-classification": Case(Head.SEQUENCE_CLASSIFICATION, lambda label: [label.score], {"num_labels": 3}),
    "token-classification": Case(Head.TOKEN_CLASSIFICATION, _spans, TAGS),
    "question-answering": Case(
        Head.QUESTION_ANSWERING,
        lambda answer: _spans([answer]),
        call=lambda task, texts, **options: task("what is it ?", texts, **options),
        item=lambda text: ("what is it ?", text),
    ),
    "fill-mask": Case(Head.MASKED_LM, lambda fills: [fill.score for fill in fills]),
    "multiple-choice": Case(
        Head.MULTIPLE_CHOICE,
        _scores,
        call=lambda task, texts, **options: task(QUERY, texts, **options),
        item=lambda text: (text, [QUERY, "love", "a film about war ."]),
        many=False,
    ),
    "feature-extraction": EMBEDDING,
    "sentence-similarity": EMBEDDING,
    "zero-shot-classification": Case(
        Head.SEQUENCE_CLASSIFICATION,
        _scores,
        NLI,
        call=lambda task, texts, **options: task(texts, ["love", "war"], **options),
        rest=(["love", "war"],),
    ),
    "text-ranking": Case(
        Head.SEQUENCE_CLASSIFICATION,
        _ranks,
        {"num_labels": 1},
        call=lambda task, texts, **options: task(QUERY, texts, **options),
        item=lambda text: (QUERY, [text, "love"]),
        many=False,
    ),
    "late-interaction": Case(
        Head.NONE,
        _ranks,
        call=lambda task, texts, **options: task(QUERY, texts, **options),
        item=lambda text: (QUERY, [text, "love"]),
        many=False,
        files=COLBERT,
    ),
    "sparse-encoding": Case(Head.MASKED_LM, _dense),
}


@dataclasses.dataclass
class Opened:
    """A task, one with a small budget of tokens that reads little ahead, and how both are called."""

    name: str
    task: Any
    small: Any
    case: Case

    def texts(self, texts: Iterable[str]) -> list[str]:
        """With what the task wants in each text."""
        return [f"{text} [MASK]" if self.name == "fill-mask" else f"film {text}" for text in texts]

    def stream(self, task: Any, texts: Iterable[Any], **options: Any) -> Iterator[Any]:
        return task.stream(map(self.case.item, texts), *self.case.rest, **options)  # type: ignore[no-any-return]

    def called(self, texts: Any) -> list[Any]:
        """What a call gives, in numbers: of each text, or of all together."""
        result = self.case.call(self.task, texts)
        return [np.array(self.case.numbers(each)) for each in (result if self.case.many else [result])]

    def numbers(self, texts: Iterable[str], **options: Any) -> list[np.ndarray]:
        return [np.array(self.case.numbers(result)) for result in self.stream(self.task, texts, **options)]


def opened_case(name: str, folder: Path) -> Opened:
    """The task of a case over a small model, written into the folder."""
    case = CASES[name]
    config = small_config(case.head, **case.changes)
    weights = random_weights(config, case.head)
    weights.pop("vocab_projector.weight", None)
    save_checkpoint(folder, config, weights)
    (folder / "vocab.txt").write_bytes((DATA / "vocab.txt").read_bytes())
    for place, content in {"tokenizer_config.json": {"do_lower_case": True}, **case.files}.items():
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(json.dumps(content))
    return Opened(name, load(folder, name, threads=1), load(folder, name, threads=1, max_batch_tokens=64), case)
