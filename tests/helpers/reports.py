"""Evaluations whose every figure is known, one for each kind of page, and what a reader sees of a page."""

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from distilbert.calibration import Calibration
from distilbert.convert import ComparedText, QuantizationReport
from distilbert.data.examples import Data, LabelledText, Question, SentencePair, TaggedWords
from distilbert.evaluation.answer_scores import score_answers
from distilbert.evaluation.entity_scores import score_words
from distilbert.evaluation.evaluations import Evaluation
from distilbert.evaluation.intervals import bootstrap
from distilbert.evaluation.label_scores import score_numbers, score_texts
from distilbert.evaluation.scores import Scores
from distilbert.report import Training, write_evaluation, write_quantization, write_training
from distilbert.results import Answer

PROBLEMS: Any = ("single_label_classification", "multi_label_classification", "regression")
HOSTILE = "<script>alert(1)</script> ‮reversed\x00 end"
TEXTS = (
    "a fine film",
    "good, if long",
    HOSTILE,
    "dull and slow",
    "dull but fine",
    "a waste of an evening , a cast and a budget",
)


def evaluation(details: Scores, task: str = "text-classification") -> Evaluation:
    scores = bootstrap(details.metrics, details.examples, resamples=20)
    return Evaluation(
        "a/model", "reviews.csv", task, "int8", details, scores, 2.0, 23_500_000, "text from column 'text'"
    )


def labelled(data: Data[LabelledText], scores: np.ndarray, temperature: float = 1.0) -> Evaluation:
    """Of a model whose probabilities [n, C] are these, once its logits are divided by the temperature."""
    logits = np.log(scores) if data.problem == PROBLEMS[0] else np.log(scores / (1 - scores))

    def calibration(raw: np.ndarray) -> np.ndarray:
        return raw if temperature == 1 else raw / temperature

    def given(texts: Iterable[object]) -> np.ndarray:
        assert len(list(texts)) == len(logits)
        return logits * temperature

    task: Any = SimpleNamespace(logits=given, calibration=calibration)
    return evaluation(score_texts(task, data))


def single_label(texts: tuple[str, ...] = TEXTS) -> Evaluation:
    """4 of 6 right: a near miss of neg and a sure mistake of pos, whose label is likely wrong."""
    labels = ("neg", "pos")
    true = np.array([1, 1, 1, 0, 0, 0])
    positive = np.array([0.9, 0.8, 0.05, 0.1, 0.52, 0.3])
    data = Data("reviews.csv", [LabelledText(t, labels[y]) for t, y in zip(texts, true)], labels, PROBLEMS[0])
    return labelled(data, np.stack([1 - positive, positive], 1))


def several_labels() -> Evaluation:
    labels = ("film", "cast")
    wanted = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
    scores = np.array([[0.9, 0.2], [0.8, 0.4], [0.1, 0.1], [0.7, 0.9]])
    examples = [
        LabelledText(text, tuple(label for label, here in zip(labels, row) if here)) for text, row in zip(TEXTS, wanted)
    ]
    return labelled(Data("tags.jsonl", examples, labels, PROBLEMS[1]), scores)


def numbers() -> Evaluation:
    true, predicted = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.5, 2.0, 2.0, 4.5])
    data = Data("stars.csv", [LabelledText(t, float(y)) for t, y in zip(TEXTS, true)], (), PROBLEMS[2])
    return evaluation(score_numbers(data, true, predicted, TEXTS[:4], "pearson"))


def similarities() -> Evaluation:
    true, predicted = np.array([0.0, 5.0, 3.0, 1.0]), np.array([0.1, 0.9, 0.2, 0.4])
    pairs = [SentencePair(text, "a film", float(score)) for text, score in zip(TEXTS, true)]
    texts = [(pair.first, pair.second) for pair in pairs]
    scores = score_numbers(Data("pairs.csv", pairs), true, predicted, texts, "spearman")
    return evaluation(scores, "sentence-similarity")


def entities() -> Evaluation:
    """Amy Lee is right, Rome is missed, York has the wrong end; the second sentence is right."""
    labels = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    true = [["B-PER", "I-PER", "O", "B-LOC", "O", "B-LOC", "I-LOC"], ["O", "O"]]
    said = [["B-PER", "I-PER", "O", "O", "O", "O", "B-LOC"], ["O", "O"]]
    words = [("Amy", "Lee", "left", "Rome", "for", "New", "York"), ("It", "rained")]

    def word_logits(sentences: list[Any]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for sentence, found in zip(sentences, said):
            yield np.arange(len(sentence)), 5.0 * np.eye(len(labels))[[labels.index(label) for label in found]]

    task: Any = SimpleNamespace(
        word_logits=word_logits, calibration=Calibration(), config=SimpleNamespace(labels=labels)
    )
    data = Data("news.conll", [TaggedWords(w, tuple(t)) for w, t in zip(words, true)], labels)
    return evaluation(score_words(task, data), "token-classification")


def answers() -> Evaluation:
    context = "Amy Lee moved from Rome to New York in May."
    wanted = [(("New York", 27),), (("Rome", 19),), ()]
    questions = ["Where to?", "Where from?", "Why?"]
    found = [Answer("York in May", 31, 42, 0.6), Answer("Rome", 19, 23, 0.8), Answer("", 0, 0, 0.7)]
    examples = [Question(str(i), q, context, a) for i, (q, a) in enumerate(zip(questions, wanted))]
    task: Any = SimpleNamespace(stream=lambda *_, **__: iter(found))
    return evaluation(score_answers(task, Data("squad.json", examples)), "question-answering")


def training() -> Training:
    """A distillation of ten steps, scored twice and tested."""
    made = single_label()
    facts = {
        "task": "text-classification",
        "made": "Distilled",
        "from": "a/teacher",
        "command": "distilbert distill --teacher a/teacher",
        "student": "1 layer of 32",
        "teacher_score": {"accuracy": 0.8},
        "settings": {"epochs": 2, "columns": {"text": "review"}, "eval": None},
        "versions": {"distilbert": "0.1.0"},
        "train_examples": 6,
        "steps": 10,
        "best_step": 5,
        "tokens": 5000,
        "seconds": 61.2,
    }
    data = made.details.outcome.data if made.details.outcome else None
    assert data
    evaluations = [(5, {"accuracy": 0.7, "loss": 0.8}), (10, {"accuracy": 0.6, "loss": 0.9})]
    parts = [("train", data), ("evaluation", data), ("test", data)]
    return Training(facts, parts, [(5, 0.7), (10, 0.4)], evaluations, made.details, made.scores, made.scores)


def quantization() -> QuantizationReport:
    compared = (ComparedText("a fine film", 0.999, 1.0), ComparedText(HOSTILE, 0.95, 0.0))
    about = ("a/model", "int8", 8, 8, (), 10_000_000, 2_600_000, 2, 2.5, 0.5, 0.9745, 0.95, HOSTILE)
    return QuantizationReport(*about, calibrated=False, compared=compared)


def write(kind: str, path: Path) -> None:
    """The page of a kind: an evaluation of `KINDS`, "training" or "quantization"."""
    if kind == "training":
        write_training([path], training())
    elif kind == "quantization":
        write_quantization(path, quantization(), command="distilbert quantize a/model int8")
    else:
        write_evaluation(path, KINDS[kind](), command="distilbert evaluate a/model 'my reviews.csv'")


KINDS = {
    "single label": single_label,
    "several labels": several_labels,
    "numbers": numbers,
    "similarities": similarities,
    "entities": entities,
    "answers": answers,
}


PAGES = (*KINDS, "training", "quantization")


class Page(HTMLParser):
    """A page as its reader has it: its elements, its text, and its tables by caption."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.tables: dict[str, list[list[str]]] = {}
        self._inside: list[str] = []
        self._caption, self._rows = "", [[""]]
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "meta":
            return
        self._inside.append(tag)
        if tag == "table":
            self._caption, self._rows = "", []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag, "every element ends"
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] in ("script", "style"):
            return
        self.text += data
        if "caption" in self._inside:
            self._caption += data
        elif "td" in self._inside or ("th" in self._inside and "table" in self._inside):
            self._rows[-1][-1] += data
