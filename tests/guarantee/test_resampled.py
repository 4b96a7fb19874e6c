"""The guarantee on real predictions: three metrics of models with trained weights, over resampled data sets."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import distilbert
from distilbert.arguments import FinetuneArguments, ReadOptions
from distilbert.convert import quantize
from distilbert.evaluation import metrics
from distilbert.evaluation.evaluations import read_for
from distilbert.evaluation.metrics import Metric
from distilbert.evaluation.outcomes import LabelOutcome, NumberOutcome
from distilbert.evaluation.scores import Scores
from distilbert.evaluation.scoring import score_task
from distilbert.guarantee.bounds import drop_of_accuracy, drop_of_metric
from distilbert.head_only.fitting import fit_classifier

DRAWS = 200
pytestmark = pytest.mark.slow


def reviews(shared_data: Path, share_of_negative: float) -> list[dict[str, str]]:
    """Film-review sentences in random order."""
    rows = []
    for label in ("pos", "neg"):
        lines = (shared_data / f"sentence_polarity/rt-polarity.{label}").read_text("utf-8", "replace").splitlines()
        kept = lines if label == "pos" else lines[: round(len(lines) * share_of_negative)]
        rows += [{"text": line, "label": label} for line in kept]
    return [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]


def both_scores(
    model: Path, data: Path, place: Path, columns: Mapping[str, str] | None = None
) -> tuple[Scores, Scores]:
    """float32's and int8's, on the same examples."""
    quantize(model, place / "int8")
    tasks = [distilbert.load(model), distilbert.load(place / "int8")]
    first, second = (score_task(task, read_for(task, data, ReadOptions(columns=columns or {}))) for task in tasks)
    return first, second


def classified(encoder: Path, rows: list[dict[str, str]], place: Path) -> tuple[Scores, Scores]:
    """A head fitted on a third of the rows, scored on the others."""
    third = len(rows) // 3
    for name, part in (("train", rows[:third]), ("rest", rows[third:])):
        (place / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)), encoding="utf-8")
    arguments = FinetuneArguments(
        task="text-classification", model=encoder, train=place / "train.jsonl", out=place / "model", head_only=True
    )
    fit_classifier(arguments, quiet=True)
    return both_scores(place / "model", place / "rest.jsonl", place)


def on(scores: Scores, metric: str, rows: np.ndarray) -> Metric:
    """The metric of some of the examples."""
    outcome = scores.outcome
    if isinstance(outcome, NumberOutcome):
        return metrics.spearman(outcome.true[rows], outcome.predicted[rows])
    assert isinstance(outcome, LabelOutcome)
    true, predicted = outcome.true[rows], outcome.scores[rows].argmax(1)
    return metrics.macro_f1(true, predicted) if metric == "f1_macro" else metrics.mean(true == predicted)


def bound(scores: tuple[Scores, Scores], metric: str, rows: np.ndarray) -> float:
    first, second = scores
    if metric == "accuracy":
        right, still = (each.outcome.scores.argmax(1) == each.outcome.true for each in (first, second))
        lost, won = right & ~still, still & ~right
        return drop_of_accuracy(int(lost[rows].sum()), int(won[rows].sum()), len(rows))
    return drop_of_metric(on(first, metric, rows), on(second, metric, rows), len(rows))


def drop(scores: tuple[Scores, Scores], metric: str, rows: np.ndarray) -> float:
    plain = np.ones((1, len(rows)))
    first, second = (float(on(each, metric, rows)(plain)[0]) for each in scores)
    return first - second


@pytest.mark.parametrize(("metric", "most"), [("accuracy", 0.015), ("f1_macro", 0.02), ("spearman", 0.01)])
def test_guarantees_hold_on_the_other_half(
    folded_minilm: Path, shared_data: Path, tmp_path: Path, metric: str, most: float
) -> None:
    if metric == "spearman":
        columns = {"text": "1", "pair": "2", "score": "3"}
        scores = both_scores(folded_minilm, shared_data / "stsb" / "stsb-en-dev.csv", tmp_path, columns)
    else:
        scores = classified(folded_minilm, reviews(shared_data, 1 if metric == "accuracy" else 0.2), tmp_path)
    rng, false, yes = np.random.default_rng(0), 0, 0
    for _ in range(DRAWS):
        order = rng.permutation(scores[0].examples)
        half, rest = np.array_split(order, 2)
        if bound(scores, metric, half) <= most:
            yes += 1
            false += drop(scores, metric, rest) > most
    print(f"{metric}: {scores[0].examples} examples, drop {drop(scores, metric, order):.4f}, yes {yes}, false {false}")
    assert false <= 15
