"""Scores of text classification: one label a text, several, or a number."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..data.examples import Data, LabelledText
from ..tasks.numbers import logistic, softmax
from ..tasks.text_classification import TextClassifier
from . import metrics
from .metrics import Metric
from .outcomes import LabelOutcome, LabelSetOutcome, NumberOutcome
from .scores import MISTAKES, Breakdown, Mistake, Scores, reliability_table, text_fields, text_of, values
from .thresholds import threshold_table

_MOST_COLUMNS = 20  # labels that have a column of their own among the predictions


def score_texts(task: TextClassifier, data: Data[LabelledText]) -> Scores:
    logits = task.logits([example.text for example in data.examples]).astype(np.float64)
    labels = data.labels
    if data.problem == "regression":
        true = np.array([example.label for example in data.examples], np.float64)
        texts = [example.text for example in data.examples]
        return score_numbers(data, true, logits[:, 0], texts, "pearson")
    calibrated = task.calibration(logits)
    raw = None if calibrated is logits else logits
    if data.problem == "multi_label_classification":
        wanted = np.array([[label in example.label for label in labels] for example in data.examples])  # type: ignore[operator]
        raw_scores = None if raw is None else _with_unseen(logistic(raw), labels)
        return _several_labels(data, wanted, _with_unseen(logistic(calibrated), labels), raw_scores)
    function = softmax if logits.shape[1] > 1 else logistic
    index = {label: place for place, label in enumerate(labels)}
    true = np.array([index[example.label] for example in data.examples])  # type: ignore[index]
    raw_scores = None if raw is None else _with_unseen(function(raw), labels)
    return _single_label(data, true, _with_unseen(function(calibrated), labels), raw_scores)


def _with_unseen(scores: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Probabilities of the model's labels, and 0 for those that examples alone have, which stand behind them."""
    return np.pad(scores, ((0, 0), (0, len(labels) - scores.shape[1])))


def _single_label(
    data: Data[LabelledText], true: np.ndarray, scores: np.ndarray, raw_scores: np.ndarray | None
) -> Scores:
    """From label indices [n] and probabilities [n, C]; of a calibrated model also those of its raw logits."""
    labels = data.labels
    predicted, confidence = scores.argmax(-1), scores.max(-1)
    right = predicted == true
    confusion = np.bincount(true * len(labels) + predicted, minlength=len(labels) ** 2)
    confusion = confusion.reshape(len(labels), len(labels))
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(scores[wrong, true[wrong]], kind="stable")][:MISTAKES].tolist()
    texts = [text_of(data.examples[index].text) for index in wrong]
    breakdowns = [_class_table(labels, confusion)]
    if len(labels) == 2:
        breakdowns.append(threshold_table(labels[1:], (true == 1)[:, None], scores[:, 1:]))
    named, kinds = _single_metrics(true, scores), {"": (confidence, right)}
    if raw_scores is not None:
        raw = raw_scores.max(-1), raw_scores.argmax(-1) == true
        named["calibration_error_raw"] = metrics.calibration_error(*raw)
        kinds = {"raw": raw, "calibrated": kinds[""]}
    breakdowns.append(reliability_table(kinds))

    def predictions() -> Iterator[dict[str, Any]]:
        for index, example in enumerate(data.examples):
            row = {**text_fields(example.text), "label": example.label, "predicted": labels[predicted[index]]}
            row |= {"score": float(confidence[index]), "right": bool(right[index])}
            yield row | _columns(labels, scores[index])

    shares = np.bincount(true, minlength=len(labels)) / len(true)
    usual = _single_metrics(true, np.broadcast_to(shares, scores.shape))
    return Scores(
        "accuracy",
        named,
        len(true),
        [
            Mistake(text, labels[true[i]], labels[predicted[i]], float(confidence[i]))
            for text, i in zip(texts, wrong, strict=True)
        ],
        labels,
        confusion,
        confidence,
        right,
        baseline=values(usual, len(true)),
        baseline_is=f"always {labels[int(shares.argmax())]!r}",
        breakdowns=breakdowns,
        predictions=predictions,
        outcome=LabelOutcome(data, ~right, true, scores),
    )


def _single_metrics(true: np.ndarray, scores: np.ndarray) -> dict[str, Metric]:
    predicted, confidence = scores.argmax(-1), scores.max(-1)
    one_hot, found = (np.eye(scores.shape[1], dtype=bool)[index] for index in (true, predicted))
    likelihood = scores[np.arange(len(true)), true]
    return {
        "accuracy": metrics.mean(predicted == true),
        "f1_macro": metrics.macro_f1(one_hot, found),
        "f1_weighted": metrics.weighted_f1(one_hot, found),
        "mcc": metrics.matthews(true, predicted),
        "auc": metrics.auc(one_hot[:, 1], scores[:, 1]) if scores.shape[1] == 2 else metrics.auc(one_hot, scores),
        "cross_entropy": metrics.mean(-np.log(np.maximum(likelihood, 1e-30))),
        "calibration_error": metrics.calibration_error(confidence, predicted == true),
    }


def _class_table(labels: Sequence[str], confusion: np.ndarray) -> Breakdown:
    """Precision, recall, F1 and support of each class from int [C, C], rows true."""
    right, true, found = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    return class_table("each class", labels, right, found, true)


def class_table(
    title: str, labels: Sequence[str], right: np.ndarray, found: np.ndarray, true: np.ndarray, what: str = "label"
) -> Breakdown:
    """From how many [C] are right, predicted and true. 0 for 0/0, as in scikit-learn."""
    rows = []
    for label, hits, answered, wanted in zip(labels, right.tolist(), found.tolist(), true.tolist(), strict=True):
        precision, recall = hits / answered if answered else 0.0, hits / wanted if wanted else 0.0
        rows.append(
            (label, precision, recall, 2 * hits / (answered + wanted) if answered + wanted else 0.0, int(wanted))
        )
    return Breakdown(title, (what, "precision", "recall", "f1", "support"), rows)


def _columns(labels: Sequence[str], scores: np.ndarray) -> dict[str, Any]:
    """A score for each label, where there are not too many."""
    if len(labels) > _MOST_COLUMNS:
        return {}
    return {f"score {label}": float(score) for label, score in zip(labels, scores, strict=True)}


def _several_labels(
    data: Data[LabelledText], wanted: np.ndarray, scores: np.ndarray, raw_scores: np.ndarray | None
) -> Scores:
    """From bool and probabilities [n, C]; of a calibrated model also those of its raw logits."""
    labels, found = data.labels, scores >= 0.5
    confidence, right = _each_label(wanted, scores)
    named, kinds = _several_metrics(wanted, scores), {"": (confidence, right)}
    if raw_scores is not None:
        raw = _each_label(wanted, raw_scores)
        named["calibration_error_raw"] = metrics.calibration_error(*raw, np.full(len(wanted), wanted.shape[1]))
        kinds = {"raw": raw, "calibrated": kinds[""]}
    surprise = -np.log(np.maximum(np.where(wanted, scores, 1 - scores), 1e-30)).sum(1)

    def names(row: np.ndarray) -> str:
        return ", ".join(label for label, here in zip(labels, row, strict=True) if here) or "(none)"

    def predictions() -> Iterator[dict[str, Any]]:
        for index, example in enumerate(data.examples):
            answered = [label for label, here in zip(labels, found[index], strict=True) if here]
            row = {**text_fields(example.text), "label": list(example.label), "predicted": answered}  # type: ignore[arg-type]
            yield row | {"right": bool((wanted[index] == found[index]).all())} | _columns(labels, scores[index])

    wrong = [index for index in np.argsort(-surprise) if (wanted[index] != found[index]).any()][:MISTAKES]
    shares = np.broadcast_to(wanted.mean(0), scores.shape)
    return Scores(
        "f1_micro",
        named,
        len(wanted),
        [Mistake(text_of(data.examples[i].text), names(wanted[i]), names(found[i]), float(surprise[i])) for i in wrong],
        confidence=confidence,
        right=right,
        worst_by="surprise",
        baseline=values(_several_metrics(wanted, shares), len(wanted)),
        baseline_is="always the labels of half of the texts at least",
        breakdowns=[
            class_table("each label", labels, (wanted & found).sum(0), found.sum(0), wanted.sum(0)),
            threshold_table(labels, wanted, scores),
            reliability_table(kinds),
        ],
        predictions=predictions,
        outcome=LabelSetOutcome(data, (wanted != found).any(1), wanted, scores),
    )


def _each_label(wanted: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
            *_each_label(wanted, scores), np.full(len(found), found.shape[1])
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
        points=(true, predicted),
        worst_by="off by" if main == "pearson" else "ranks apart",
        baseline=usual,
        baseline_is="always the mean" if usual else "",
        predictions=predictions,
        outcome=NumberOutcome(data, off if main == "pearson" else off / len(off), true, predicted),
    )


def _rank(numbers: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(numbers, kind="stable"))
