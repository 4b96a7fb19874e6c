import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilbert.evaluation import intervals, metrics
from distilbert.evaluation.squad import squad_scores
from distilbert.evaluation.thresholds import precision_recall, threshold_table


def value(metric: metrics.Metric, n: int) -> float:
    return float(metric(np.ones((1, n)))[0])


@pytest.fixture
def labels() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 300)
    return true, np.where(rng.random(300) < 0.6, true, rng.integers(0, 4, 300))


def test_label_metrics_equal_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    true, predicted = labels
    one_hot, predictions = np.eye(4, dtype=bool)[true], np.eye(4, dtype=bool)[predicted]
    assert value(metrics.macro_f1(one_hot, predictions), 300) == pytest.approx(
        sklearn.f1_score(true, predicted, average="macro")
    )
    assert value(metrics.matthews(true, predicted), 300) == pytest.approx(sklearn.matthews_corrcoef(true, predicted))
    micro = metrics.f1((one_hot & predictions).sum(1), predictions.sum(1), one_hot.sum(1))
    assert value(micro, 300) == pytest.approx(sklearn.f1_score(true, predicted, average="micro"))


def test_auc_equals_scikit_learn_with_ties_and_several_classes() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    true = rng.integers(0, 3, 200)
    scores = np.round(rng.dirichlet(np.ones(3), 200), 1) + np.eye(3)[true] * 0.2
    assert len(np.unique(scores)) < 30
    scores /= scores.sum(1, keepdims=True)
    binary = true == 1
    assert value(metrics.auc(binary, scores[:, 1]), 200) == pytest.approx(sklearn.roc_auc_score(binary, scores[:, 1]))
    several = metrics.auc(np.eye(3, dtype=bool)[true], scores)
    assert value(several, 200) == pytest.approx(sklearn.roc_auc_score(true, scores, multi_class="ovr"))
    assert np.isnan(value(metrics.auc(np.zeros(5, bool), np.arange(5.0)), 5))


def test_figures_made_in_parts_are_those_of_the_whole(
    labels: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    true, predicted = labels
    scores = np.round(rng.random(300), 1)  # with ties
    counts = np.stack([np.bincount(rng.integers(0, 300, 300), minlength=300) for _ in range(2)]).astype(float)

    def figures() -> list[np.ndarray]:
        made = [
            metrics.macro_f1(true, predicted),
            metrics.weighted_f1(true, predicted),
            metrics.auc(true == 1, scores),
            metrics.calibration_error(scores, true == predicted),
        ]
        table = threshold_table(["one"], (true == 1)[:, None], scores[:, None]).rows[0][1:]
        return [*(metric(counts) for metric in made), *precision_recall(true == 1, scores), np.array(table)]

    whole = figures()
    monkeypatch.setattr(metrics, "_PART", 7)
    for one, other in zip(whole, figures(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_samples_drawn_in_parts_are_those_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_PART", 7)
    at_once = np.random.default_rng(4).integers(0, 100, 100)
    values = np.arange(100.0)
    monkeypatch.setattr(intervals, "_CHUNK", 100)  # one sample at a time
    drawn = intervals.resampled({"": metrics.mean(values)}, 100, 3, 4)[""]
    assert drawn[0] == pytest.approx(values[at_once].mean(), rel=1e-12)
    monkeypatch.setattr(intervals, "_CHUNK", 300)
    assert intervals.resampled({"": metrics.mean(values)}, 100, 3, 4)[""] == pytest.approx(drawn, rel=1e-12)


def test_correlations_equal_scipy_also_on_samples() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    true = np.round(rng.normal(size=150), 1)
    predicted = true + rng.normal(size=150)
    drawn = rng.integers(0, 150, 150)
    counts = np.bincount(drawn, minlength=150).astype(float)[None]
    for metric, theirs in ((metrics.pearson, stats.pearsonr), (metrics.spearman, stats.spearmanr)):
        ours = metric(true, predicted)
        assert value(ours, 150) == pytest.approx(theirs(true, predicted).statistic)
        assert ours(counts)[0] == pytest.approx(theirs(true[drawn], predicted[drawn]).statistic)
    assert np.isnan(value(metrics.spearman(np.ones(4), np.arange(4.0)), 4))
    assert np.isnan(value(metrics.pearson(true, np.full(150, true.mean() + 1e3)), 150))  # however it is rounded


def test_every_metric_of_counts_equals_the_metric_of_the_sample(labels: tuple[np.ndarray, np.ndarray]) -> None:
    true, predicted = labels
    confidence = np.random.default_rng(3).random(300)
    drawn = np.random.default_rng(4).integers(0, 300, 300)
    counts = np.bincount(drawn, minlength=300).astype(float)[None]
    one_hot = np.eye(4, dtype=bool)
    makers = {
        "macro": lambda t, p, c: metrics.macro_f1(one_hot[t], one_hot[p]),
        "mcc": lambda t, p, c: metrics.matthews(t, p),
        "auc": lambda t, p, c: metrics.auc(t == 1, c),
        "ece": lambda t, p, c: metrics.calibration_error(c, t == p),
        "ratio": lambda t, p, c: metrics.ratio(t == p, 1 + t),
        "rmse": lambda t, p, c: metrics.root_mean_square(c),
    }
    for name, make in makers.items():
        sample = make(true[drawn], predicted[drawn], confidence[drawn])
        assert make(true, predicted, confidence)(counts)[0] == pytest.approx(value(sample, 300)), name


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False])
    assert value(metrics.calibration_error(confidence, right), 4) == pytest.approx((0.05 + 0.05) / 2)
    assert metrics.by_confidence(confidence, right) == {
        8: (2, pytest.approx(0.55), 0.5),
        14: (2, pytest.approx(0.95), 1),
    }


@given(
    st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=12), min_size=1, max_size=6),
    st.integers(0, 99),
    st.booleans(),
)
def test_entity_f1_equals_seqeval(sentences: list[list[int]], seed: int, iobes: bool) -> None:
    seqeval = pytest.importorskip("seqeval.metrics")
    names = ["O", *(f"{prefix}-{kind}" for kind in ("PER", "LOC") for prefix in ("BIES" if iobes else "BI"))]
    rng = np.random.default_rng(seed)
    true = [[names[label % len(names)] for label in sentence] for sentence in sentences]
    predicted = [[label if rng.random() < 0.6 else names[rng.integers(len(names))] for label in s] for s in true]
    # both types have a B- somewhere, by which our scheme knows E- and S- as prefixes
    true.append(["B-PER", "B-LOC"])
    predicted.append(["B-PER", "B-LOC"])
    counts = metrics.count_spans(metrics.entity_spans(true, predicted))
    right, found, wanted = (sum(counts[kind][row] for kind in counts) for row in range(3))
    assert value(metrics.f1(right, found, wanted), len(true)) == pytest.approx(seqeval.f1_score(true, predicted))
    assert value(metrics.ratio(right, found), len(true)) == pytest.approx(seqeval.precision_score(true, predicted))
    report = seqeval.classification_report(true, predicted, output_dict=True, zero_division=0)
    for kind in counts:
        assert value(metrics.f1(*counts[kind]), len(true)) == pytest.approx(report[kind]["f1-score"])


@pytest.mark.parametrize(
    ("version", "file", "exact", "f1"),
    [
        ("v1.1", "v1.1-bert-ensemble", 86.2062, 92.1956),
        ("v1.1", "v1.1-match-lstm-ensemble", 67.6348, 76.7556),
        ("v2.0", "v2.0-bert-single", 78.7417, 81.7753),
    ],
)
def test_squad_scores_equal_the_published_ones(
    shared_data: Path, version: str, file: str, exact: float, f1: float
) -> None:
    folder = shared_data / "squad_dev"
    data = json.loads((folder / f"squad-dev-{version}.rebuilt.json").read_text(encoding="utf-8"))["data"]
    predicted = json.loads((folder / "predictions" / f"{file}.json").read_text(encoding="utf-8"))
    questions = [q for article in data for paragraph in article["paragraphs"] for q in paragraph["qas"]]
    # an answer that was not given is wrong, as in the official scorers
    scores = [
        squad_scores(predicted[q["id"]], [a["text"] for a in q["answers"]]) if q["id"] in predicted else (0, 0)
        for q in questions
    ]
    assert np.round(100 * np.mean(scores, axis=0), 4).tolist() == [exact, f1]


def test_squad_scores_by_hand() -> None:
    assert squad_scores("The Denver Broncos!", ["Denver  broncos", "Broncos"]) == (1, 1)
    assert squad_scores("Denver", ["Denver Broncos"]) == (0, pytest.approx(2 / 3))
    assert squad_scores("", []) == (1, 1)
    assert squad_scores("Denver", []) == (0, 0)
    assert squad_scores("", ["Denver"]) == (0, 0)


def test_the_bootstrap_s_interval_is_that_of_theory_and_repeats() -> None:
    right = np.arange(1000) % 5 != 0
    (score,) = intervals.bootstrap({"accuracy": metrics.mean(right)}, 1000).values()
    error = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert score.value == pytest.approx(0.8)
    assert score.low == pytest.approx(0.8 - error, abs=0.004)
    assert score.high == pytest.approx(0.8 + error, abs=0.004)
    assert intervals.bootstrap({"accuracy": metrics.mean(right)}, 1000)["accuracy"] == score


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    rng = np.random.default_rng(0)
    first = rng.random(500) < 0.7
    second = first.copy()
    second[np.flatnonzero(~first)[:20]] = True
    (gap,) = intervals.compare(
        {"a": metrics.mean(first)}, {"a": metrics.mean(second), "b": metrics.mean(first)}, 500
    ).values()
    assert gap.value == pytest.approx(20 / 500)
    assert 0 < gap.low < gap.value < gap.high < 0.07


def test_a_figure_that_has_no_value_is_null_in_json() -> None:
    none = intervals.Interval(float("nan"), 0.0, 1.0)
    assert none.to_dict() == {"value": None, "low": 0.0, "high": 1.0}
    assert str(intervals.Interval.from_dict(none.to_dict())) == str(none)
