"""Scores of token classification: entities, and what is wrong with those that are not right."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..calibration import Calibration
from ..data.examples import Data, TaggedWords
from ..tasks.numbers import softmax
from ..tasks.token_classification import TokenClassifier
from . import metrics
from .label_scores import class_table
from .metrics import Metric
from .outcomes import TagOutcome
from .scores import Breakdown, Scores, Sure, beside_raw, values

_KINDS = {
    "boundary": "right type, overlapping, other ends",
    "type": "same words, other type",
    "both": "overlapping, other ends and other type",
    "missed": "true, nothing predicted there",
    "invented": "predicted, nothing true there",
}


def _labelled(names: Sequence[str], words: int, read: np.ndarray, logits: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The likeliest label of each of so many words, and how sure that is, float [words], from those that were read,
    int64 [W], and their logits [W, labels]. Words that the tokenizer drops have "O", and 0.
    """
    scores = softmax(logits)
    labels, confidence = ["O"] * words, np.zeros(words)
    for word, label in zip(read.tolist(), scores.argmax(1).tolist(), strict=True):
        labels[word] = names[label]
    confidence[read] = scores.max(1)
    return labels, confidence


def _sure(labelled: Sequence[tuple[list[str], np.ndarray]], true: Sequence[Sequence[str]]) -> Sure:
    same = [np.array(labels) == np.array(wanted) for (labels, _), wanted in zip(labelled, true, strict=True)]
    return np.concatenate([confidence for _, confidence in labelled]), np.concatenate(same)


def score_words(task: TokenClassifier, data: Data[TaggedWords]) -> Scores:
    words = [example.words for example in data.examples]
    true = [list(example.labels) for example in data.examples]
    calibrated, raw, names = [], [], task.config.labels
    for sentence, (read, logits) in zip(words, task.word_logits(words), strict=True):
        calibrated.append(_labelled(names, len(sentence), read, task.calibration(logits)))
        raw.append(_labelled(names, len(sentence), read, logits))
    tagged, lengths = [labels for labels, _ in calibrated], np.array([len(labels) for labels in true])
    spans = metrics.entity_spans(true, tagged)
    counts = metrics.count_spans(spans)
    confidence, same = _sure(calibrated, true)
    sure_raw = None if task.calibration == Calibration() else _sure(raw, true)
    of_raw, reliability = beside_raw((confidence, same), sure_raw, lengths)
    named = _metrics(counts, same, lengths)
    named |= {"calibration_error": metrics.calibration_error(confidence, same, lengths)} | of_raw
    if len(counts) > 1:  # of one kind it is that of all
        named |= {f"f1_{kind}": metrics.f1(*numbers) for kind, numbers in counts.items()}
    there = sum((found + wanted for _, found, wanted in counts.values()), np.zeros(len(true)))
    off = sum((found + wanted - 2 * right for right, found, wanted in counts.values()), np.zeros(len(true)))

    def predictions() -> Iterator[dict[str, Any]]:
        for row, example in enumerate(data.examples):
            yield {"words": list(example.words), "labels": true[row], "predicted": tagged[row], "right": not off[row]}

    outside = [["O"] * len(labels) for labels in true]
    silent = np.concatenate([np.array(labels) == "O" for labels in true])
    usual = _metrics(metrics.count_spans(metrics.entity_spans(true, outside)), silent, lengths)
    return Scores(
        "f1",
        named,
        len(true),
        labels=data.labels,  # the model's, and behind them those that examples alone have
        confusion=_confusion(data.labels, true, tagged),
        sure=(confidence, same),
        baseline=values(usual, len(true)),
        baseline_is="no entity anywhere",
        breakdowns=[_kind_table(counts), error_table(spans)],
        reliability=reliability,
        raw=sure_raw,
        predictions=predictions,
        outcome=TagOutcome(data, off > 0, tagged),
        counted=int(np.count_nonzero(there)),
    )


def _confusion(labels: Sequence[str], true: Sequence[Sequence[str]], tagged: Sequence[Sequence[str]]) -> np.ndarray:
    """int64 [C, C] of all words, rows true."""
    index = {label: place for place, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    flat = [[index[label] for sentence in side for label in sentence] for side in (true, tagged)]
    np.add.at(confusion, tuple(flat), 1)
    return confusion


def _metrics(counts: metrics.EntityCounts, same: np.ndarray, lengths: np.ndarray) -> dict[str, Metric]:
    right, found, wanted = (
        sum((numbers[row] for numbers in counts.values()), np.zeros(len(lengths))) for row in range(3)
    )
    starts = np.cumsum(lengths) - lengths
    return {
        "f1": metrics.f1(right, found, wanted),
        "precision": metrics.ratio(right, found),
        "recall": metrics.ratio(right, wanted),
        "word_accuracy": metrics.ratio(np.add.reduceat(same, starts, dtype=float), lengths),
    }


def _kind_table(counts: metrics.EntityCounts) -> Breakdown:
    right, found, true = (np.array([each[row].sum() for each in counts.values()], np.int64) for row in range(3))
    return class_table("entities", list(counts), right, found, true, "type")


def error_table(spans: Sequence[tuple[set[metrics.Span], set[metrics.Span]]]) -> Breakdown:
    """What is wrong with entities that are not right, each true or predicted one counted once, by its best match."""
    found: Counter[str] = Counter()
    for true, predicted in spans:
        left = predicted - true
        for kind, start, end in sorted(true - predicted, key=lambda span: span[1:]):
            near = [span for span in left if span[1] < end and start < span[2]]
            match = min(near, key=lambda span: (span[1:] != (start, end), span[0] != kind, span), default=None)
            if match is None:
                found["missed"] += 1
                continue
            left.discard(match)
            found["type" if match[1:] == (start, end) else "boundary" if match[0] == kind else "both"] += 1
        found["invented"] += len(left)
    rows = [(name, found[name], meaning) for name, meaning in _KINDS.items()]
    return Breakdown("errors", ("error", "entities", "meaning"), rows)
