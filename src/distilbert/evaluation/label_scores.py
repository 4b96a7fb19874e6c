"""Scores of text classification: one label a text, several, or a number."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Unpack

import numpy as np

from ..calibration import Calibration
from ..data.examples import Data, LabelledText
from ..data.rereading import examples_at
from ..tasks.inputs import text_fields, text_of
from ..tasks.numbers import logistic, softmax
from ..tasks.options import LongTextKeyword
from ..tasks.text_classification import TextClassifier
from . import metrics
from .metrics import Metric
from .outcomes import LabelOutcome, LabelSetOutcome, NumberOutcome
from .scores import MISTAKES, Breakdown, Mistake, Scores, beside_raw, values
from .thresholds import threshold_table

_MOST_COLUMNS = 20  # labels that have a column of their own among the predictions


def score_texts(task: TextClassifier, data: Data[LabelledText], **options: Unpack[LongTextKeyword]) -> Scores:
    labels, logits, true = data.labels, *_logits(task, data, **options)
    if data.problem == "regression":
        numbers = logits[:, 0].astype(np.float64)
        return score_numbers(data, true, numbers, [example.text for example in data.examples], "pearson")
    several = data.problem == "multi_label_classification"
    function = logistic if several or logits.shape[1] == 1 else softmax
    raw_scores = None if task.calibration == Calibration() else _probabilities(logits, labels, function)
    scores = _probabilities(logits, labels, lambda each: function(task.calibration(each)))
    del logits
    if several:
        return _several_labels(data, true.reshape(scores.shape) > 0, scores, raw_scores)
    return _single_label(data, true, scores, raw_scores)


def _logits(
    task: TextClassifier, data: Data[LabelledText], **options: Unpack[LongTextKeyword]
) -> tuple[np.ndarray, np.ndarray]:
    """float32 [n, labels of the model], and what is true: float [n], int [n], or a flag for each label, [n · C]."""
    index = {label: place for place, label in enumerate(data.labels)}
    wanted = array("d" if data.problem == "regression" else "i")

    def texts() -> Iterator[str | tuple[str, str]]:
        for example in data.examples:
            if data.problem == "multi_label_classification":
                wanted.extend(label in example.label for label in data.labels)  # type: ignore[operator]
            else:
                wanted.append(example.label if data.problem == "regression" else index[example.label])  # type: ignore[arg-type,index]
            yield example.text

    return task.logits(texts(), **options), np.frombuffer(wanted, wanted.typecode)


def _probabilities(
    logits: np.ndarray, labels: Sequence[str], function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """float64 [n, C]; 0 for labels that examples alone have, which stand behind the model's."""
    scores = np.zeros((len(logits), len(labels)))
    for part in metrics.parts(len(logits)):
        scores[part, : logits.shape[1]] = function(logits[part].astype(np.float64))
    return scores


def _single_label(
    data: Data[LabelledText], true: np.ndarray, scores: np.ndarray, raw_scores: np.ndarray | None
) -> Scores:
    """From label indices [n] and probabilities [n, C]; of a calibrated model also those of its raw logits."""
    labels = data.labels
    # a million texts are evaluated: what is held of each is small
    true = true.astype(np.min_scalar_type(len(labels)))
    predicted = scores.argmax(-1).astype(true.dtype)
    confidence = scores.max(-1).astype(np.float32)
    right = predicted == true
    confusion = np.bincount(true.astype(np.int64) * len(labels) + predicted, minlength=len(labels) ** 2)
    confusion = confusion.reshape(len(labels), len(labels))
    breakdowns = [class_table("each class", labels, confusion.diagonal(), confusion.sum(0), confusion.sum(1))]
    if len(labels) == 2:
        breakdowns.append(threshold_table(labels[1:], (true == 1)[:, None], scores[:, 1:]))
    shares = np.bincount(true, minlength=len(labels)) / len(true)
    always = np.broadcast_to(shares.argmax().astype(true.dtype), len(true))
    sure = np.broadcast_to(shares.max(), len(true))
    baseline = values(_single_metrics(true, always, sure, np.broadcast_to(shares, scores.shape)), len(true))
    raw = None if raw_scores is None else (raw_scores.max(-1).astype(np.float32), raw_scores.argmax(-1) == true)
    of_raw, reliability = beside_raw((confidence, right), raw)

    def predictions() -> Iterator[dict[str, Any]]:
        for index, example in enumerate(data.examples):
            row = {**text_fields(example.text), "label": example.label, "predicted": labels[predicted[index]]}
            row |= {"score": _plain(scores[index].max()), "right": bool(right[index])}
            yield row | _columns(labels, scores[index])

    return Scores(
        "accuracy",
        _single_metrics(true, predicted, confidence, scores) | of_raw,
        len(true),
        labels=labels,
        confusion=confusion,
        sure=(confidence, right),
        baseline=baseline,
        baseline_is=f"always {labels[int(shares.argmax())]!r}",
        breakdowns=breakdowns,
        reliability=reliability,
        raw=raw,
        predictions=predictions,
        outcome=LabelOutcome(data, ~right, true, scores),
    )


def _single_metrics(
    true: np.ndarray, predicted: np.ndarray, confidence: np.ndarray, scores: np.ndarray
) -> dict[str, Metric]:
    """From label indices [n], probabilities of the predicted ones [n], and all probabilities [n, C], not held."""
    if scores.shape[1] == 2:
        auc = metrics.auc(true == 1, scores[:, 1])
    else:
        auc = metrics.auc(true[:, None] == np.arange(scores.shape[1]), scores)
    return {
        "accuracy": metrics.mean(predicted == true),
        "f1_macro": metrics.macro_f1(true, predicted),
        "f1_weighted": metrics.weighted_f1(true, predicted),
        "mcc": metrics.matthews(true, predicted),
        "auc": auc,
        "cross_entropy": metrics.mean(_cross_entropy(true, scores)),
        "calibration_error": metrics.calibration_error(confidence, predicted == true),
    }


def _cross_entropy(true: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Of each text, float32 [n]."""
    losses = np.empty(len(true), np.float32)
    for part in metrics.parts(len(true)):
        likelihood = np.take_along_axis(scores[part], true[part, None], 1)[:, 0]
        losses[part] = -np.log(np.maximum(likelihood, 1e-30))
    return losses


def class_table(
    title: str, labels: Sequence[str], right: np.ndarray, found: np.ndarray, true: np.ndarray, what: str = "label"
) -> Breakdown:
    """From how many [C] are right, predicted and true. 0 for 0/0, as in scikit-learn."""
    rows = []
    for label, hits, answered, wanted in zip(labels, right.tolist(), found.tolist(), true.tolist(), strict=True):
        f1 = 2 * hits / max(answered + wanted, 1)
        rows.append((label, hits / max(answered, 1), hits / max(wanted, 1), f1, int(wanted)))
    return Breakdown(title, (what, "precision", "recall", "f1", "support"), rows)


def _columns(labels: Sequence[str], scores: np.ndarray) -> dict[str, Any]:
    """A score for each label, where there are not too many."""
    if len(labels) > _MOST_COLUMNS:
        return {}
    return {f"score {label}": _plain(score) for label, score in zip(labels, scores, strict=True)}


def _plain(score: np.floating[Any]) -> float:
    """Without the digits that logits, which are float32, do not give."""
    return float(f"{score:.7g}")


def _several_labels(
    data: Data[LabelledText], wanted: np.ndarray, scores: np.ndarray, raw_scores: np.ndarray | None
) -> Scores:
    """From bool and probabilities [n, C]; of a calibrated model also those of its raw logits."""
    labels, found = data.labels, scores >= 0.5
    confidence, right = each_label(wanted, scores)
    raw = None if raw_scores is None else each_label(wanted, raw_scores)
    of_raw, reliability = beside_raw((confidence, right), raw, np.full(len(wanted), wanted.shape[1]))
    surprise = -np.log(np.maximum(np.where(wanted, scores, 1 - scores), 1e-30)).sum(1)

    def names(row: np.ndarray) -> str:
        return ", ".join(label for label, here in zip(labels, row, strict=True) if here) or "(none)"

    def predictions() -> Iterator[dict[str, Any]]:
        for index, example in enumerate(data.examples):
            answered = [label for label, here in zip(labels, found[index], strict=True) if here]
            row = {**text_fields(example.text), "label": list(example.label), "predicted": answered}  # type: ignore[arg-type]
            yield row | {"right": bool((wanted[index] == found[index]).all())} | _columns(labels, scores[index])

    wrong = np.flatnonzero((wanted != found).any(1))
    wrong = wrong[np.argsort(-surprise[wrong], kind="stable")][:MISTAKES].tolist()
    mistaken = examples_at(data.examples, wrong)
    shares = np.broadcast_to(wanted.mean(0), scores.shape)
    return Scores(
        "f1_micro",
        _several_metrics(wanted, scores) | of_raw,
        len(wanted),
        [Mistake(text_of(mistaken[i].text), names(wanted[i]), names(found[i]), float(surprise[i])) for i in wrong],
        sure=(confidence, right),
        worst_by="surprise",
        baseline=values(_several_metrics(wanted, shares), len(wanted)),
        baseline_is="always the labels of half of the texts at least",
        breakdowns=[
            class_table("each label", labels, (wanted & found).sum(0), found.sum(0), wanted.sum(0)),
            threshold_table(labels, wanted, scores),
        ],
        reliability=reliability,
        raw=raw,
        predictions=predictions,
        outcome=LabelSetOutcome(data, (wanted != found).any(1), wanted, scores),
        counted=int((wanted | found).any(1).sum()),
    )


def each_label(wanted: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How sure the model is of each label of each text, there or not, and whether it is right: [n · C]."""
    return np.maximum(scores, 1 - scores).ravel(), (wanted == (scores >= 0.5)).ravel()


def _several_metrics(wanted: np.ndarray, scores: np.ndarray) -> dict[str, Metric]:
    found = scores >= 0.5
    return {
        "f1_micro": metrics.f1((wanted & found).sum(1), found.sum(1), wanted.sum(1)),
        "f1_macro": metrics.macro_f1(wanted, found),
        "f1_weighted": metrics.weighted_f1(wanted, found),
        "exact_match": metrics.mean((wanted == found).all(1)),
        "auc": metrics.auc(wanted, scores),
        "calibration_error": metrics.calibration_error(
            *each_label(wanted, scores), np.full(len(found), found.shape[1])
        ),
    }


def score_numbers(
    data: Data[Any],
    true: np.ndarray,
    predicted: np.ndarray,
    texts: Sequence[str | tuple[str, str]],
    main: str,
) -> Scores:
    """Of numbers [n]; scores of similarity are compared in order alone."""

    def measured(answered: np.ndarray) -> dict[str, Metric]:
        found = {"pearson": metrics.pearson(true, answered), "spearman": metrics.spearman(true, answered)}
        if main == "pearson":
            found |= {"rmse": metrics.root_mean_square(answered - true), "mae": metrics.mean(np.abs(answered - true))}
        return found

    # how far the two orders are apart where the scales differ
    off = np.abs(predicted - true) if main == "pearson" else np.abs(_rank(true) - _rank(predicted))
    worst = np.argsort(-off, kind="stable")[:MISTAKES]

    def predictions() -> Iterator[dict[str, Any]]:
        for text, wanted, answered in zip(texts, true.tolist(), predicted.tolist(), strict=True):
            yield {**text_fields(text), "score": wanted, "predicted": answered}

    usual = values(measured(np.full(len(true), true.mean())), len(true)) if main == "pearson" else {}
    return Scores(
        main,
        measured(predicted),
        len(true),
        [Mistake(text_of(texts[i]), f"{true[i]:.4g}", f"{predicted[i]:.4g}", float(off[i])) for i in worst],
        worst_by="off by" if main == "pearson" else "ranks apart",
        baseline=usual,
        baseline_is="always the mean" if usual else "",
        predictions=predictions,
        outcome=NumberOutcome(data, off if main == "pearson" else off / len(off), true, predicted),
    )


def _rank(numbers: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(numbers, kind="stable"))
