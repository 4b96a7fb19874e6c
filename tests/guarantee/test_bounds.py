"""The bounds of a drop: right for few and for many examples, and useful."""

import numpy as np
import pytest

from distilbert.evaluation import metrics
from distilbert.guarantee.bounds import drop_of_accuracy, drop_of_metric, examples_needed


@pytest.mark.parametrize("examples", [300, 1500])
@pytest.mark.parametrize("drop", [0.001, 0.005, 0.01])
@pytest.mark.parametrize("won", [0.0, 0.002, 0.01])
def test_a_true_drop_is_rarely_above_the_bound(examples: int, drop: float, won: float) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(examples, [drop + won, won, 1 - drop - 2 * won], 300)[:, :2].tolist()
    bounds = {pair: drop_of_accuracy(*pair, examples) for pair in {(lost, gained) for lost, gained in drawn}}
    missed = np.mean([bounds[lost, gained] < drop for lost, gained in drawn])
    assert missed <= 0.05


def test_the_bound_of_models_that_agree_is_near_the_rule_of_three() -> None:
    assert 3 / 1000 <= drop_of_accuracy(0, 0, 1000) <= 4.2 / 1000
    assert drop_of_accuracy(0, 0, 5) <= 1
    assert drop_of_accuracy(20, 5, 1000) > 0.015
    assert drop_of_accuracy(5, 20, 1000) < 0.005


def test_examples_that_a_metric_does_not_depend_on_show_nothing() -> None:
    """Two models agree on 2,000 sentences, 20 of which have an entity: one in seven of these may be lost yet."""
    here = (np.arange(2000) < 20).astype(float)
    f1 = metrics.f1(here, here, here)
    assert drop_of_metric(f1, f1, 2000) < 0.002
    assert drop_of_metric(f1, f1, 2000, counted=20) == pytest.approx(3 / 20)
    assert drop_of_metric(f1, f1, 2000, counted=0) == 1


@pytest.mark.parametrize(
    "task", ["accuracy", pytest.param("f1", marks=pytest.mark.slow), pytest.param("spearman", marks=pytest.mark.slow)]
)
def test_guarantees_over_resampled_data_are_true(task: str) -> None:
    """200 data sets of 2,000 examples drawn from 20,000: false ones are rare, and a small drop is found small."""
    rng = np.random.default_rng(1)
    size, examples, most = 20_000, 2_000, 0.005
    for true_drop, wanted in ((0.0005, "yes"), (0.0065, "no")):
        yes = 0
        first, second, truth = _predictions(task, size, true_drop, rng)
        for _ in range(200):
            rows = rng.integers(0, size, examples)
            yes += _bound(task, first[rows], second[rows], truth[rows]) <= most
        plain = np.ones((1, size))
        drop = float((_metric(task, first, truth)(plain) - _metric(task, second, truth)(plain))[0])
        if wanted == "yes":
            assert drop <= 0.001
            assert yes >= 160, (drop, yes)
        else:
            assert drop > most
            assert yes <= 15, (drop, yes)


def test_how_many_examples_would_do() -> None:
    needed = examples_needed(lambda count: drop_of_accuracy(0, 0, count), 0.005, 100)
    assert needed is not None
    assert 600 <= needed <= 1000
    assert examples_needed(lambda count: 0.01, 0.005, 100) is None


def _predictions(
    task: str, size: int, drop: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What two models say of examples, the second a little worse: labels that are right or not, or numbers."""
    truth = rng.normal(0, 1, size) if task == "spearman" else np.ones(size)
    if task == "spearman":
        first = truth + rng.normal(0, 0.5, size)
        return first, first + rng.normal(0, (2.9 * drop) ** 0.5, size), truth  # which takes 0.35 times the variance
    first = (rng.random(size) < 0.85).astype(float)
    second, won = first.copy(), 0.001
    second[rng.permutation(np.flatnonzero(first))[: round(size * (drop + won))]] = 0
    second[rng.permutation(np.flatnonzero(first == 0))[: round(size * won)]] = 1
    return first, second, truth


def _metric(task: str, said: np.ndarray, truth: np.ndarray) -> metrics.Metric:
    if task == "spearman":
        return metrics.spearman(truth, said)
    return metrics.mean(said) if task == "accuracy" else metrics.f1(said, np.ones(len(said)), truth)


def _bound(task: str, first: np.ndarray, second: np.ndarray, truth: np.ndarray) -> float:
    if task == "accuracy":
        return drop_of_accuracy(int((first > second).sum()), int((second > first).sum()), len(first))
    return drop_of_metric(_metric(task, first, truth), _metric(task, second, truth), len(first))
