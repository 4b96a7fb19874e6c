"""How good predictions are: every metric as a function of how often each example counts.

A metric takes counts [R, n], R samples of n examples, and gives [R] values. Counts of one are the plain
metric; counts drawn at random are the bootstrap, and so one vectorised definition gives the figure and its
interval. A metric that has no value for a sample (an AUC without positives) gives NaN there.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..tasks.label_scheme import LabelScheme

Metric = Callable[[np.ndarray], np.ndarray]  # counts [R, n] -> values [R]
Span = tuple[str, int, int]  # an entity's type, start and end in words
EntityCounts = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]  # type -> right, predicted and true, [n] each

CALIBRATION_BINS = 15
_PART = 1 << 16  # examples
# of the metrics that tasks have
LESS_IS_BETTER = ("cross_entropy", "calibration_error", "calibration_error_raw", "rmse", "mae")


def value_of(metric: Metric, examples: int) -> float:
    """The metric on all of so many examples."""
    return float(metric(np.ones((1, examples)))[0])


def parts(examples: int) -> Iterator[slice]:
    """Pieces of so many examples, for what would take several times their memory if it were done at once."""
    for start in range(0, examples, _PART):
        yield slice(start, min(start + _PART, examples))


# means and ratios -----------------------------------------------------------------------------------


def mean(values: Any) -> Metric:
    """The mean of one value an example [n]: accuracy of right and wrong, SQuAD's EM and F1."""
    values = np.asarray(values)

    def metric(counts: np.ndarray) -> np.ndarray:
        sums = np.zeros(len(counts))
        for part in parts(len(values)):
            sums += counts[:, part] @ values[part].astype(np.float64)
        return sums / counts.sum(1)

    return metric


def ratio(above: Any, below: Any) -> Metric:
    """sum(above) / sum(below), each [n]: what has several units an example, such as masked tokens."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return lambda counts: _divided(counts @ above, counts @ below)


def root_mean_square(errors: Any) -> Metric:
    """sqrt(mean(errors²)) of [n] errors."""
    squares = mean(np.square(np.asarray(errors, np.float64)))
    return lambda counts: np.sqrt(squares(counts))


def f1(right: Any, predicted: Any, true: Any) -> Metric:
    """2 · right / (predicted + true), summed over examples [n]: entities, or labels of several at once. 0 for 0/0."""
    numbers = np.stack([np.asarray(x, np.float64) for x in (right, predicted, true)], -1)

    def metric(counts: np.ndarray) -> np.ndarray:
        both, found, wanted = (counts @ numbers).T
        return _divided(2 * both, found + wanted, 0.0)

    return metric


# labels ---------------------------------------------------------------------------------------------


def macro_f1(true: np.ndarray, predicted: np.ndarray) -> Metric:
    """The mean over classes of their F1, for label indices int [n], or bool [n, C] where there are several labels.
    Classes that a sample neither has nor is said to have do not count, as in scikit-learn."""

    def metric(counts: np.ndarray) -> np.ndarray:
        right, wanted, found = _class_sums(counts, true, predicted)
        below = wanted + found  # [R, C]
        return _divided(_divided(2 * right, below, 0.0).sum(1), (below > 0).sum(1))

    return metric


def weighted_f1(true: np.ndarray, predicted: np.ndarray) -> Metric:
    """The same mean with each class weighted by how many examples it has."""

    def metric(counts: np.ndarray) -> np.ndarray:
        right, wanted, found = _class_sums(counts, true, predicted)
        f1s = _divided(2 * right, wanted + found, 0.0)
        return _divided((f1s * wanted).sum(1), wanted.sum(1), 0.0)

    return metric


def _class_sums(
    counts: np.ndarray, true: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often each class is right, true and predicted, [R, C] each; nothing is held between calls."""
    if true.ndim == 2:
        right, wanted, found = (counts @ x.astype(np.float64) for x in (true & predicted, true, predicted))
        return right, wanted, found
    classes = 1 + int(max(true.max(initial=0), predicted.max(initial=0)))

    def sums(index: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(index, row, classes) for row in weights])

    right, wanted, found = np.zeros((3, len(counts), classes))
    for part in parts(len(true)):
        some, here, said = counts[:, part], true[part], predicted[part]
        right += sums(here, some * (here == said))
        wanted += sums(here, some)
        found += sums(said, some)
    return right, wanted, found


def matthews(true: np.ndarray, predicted: np.ndarray) -> Metric:
    """Matthews' correlation of label indices int [n], for any number of classes; 0 where either is constant.

    Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006.
    """

    def metric(counts: np.ndarray) -> np.ndarray:
        right, t, p = _class_sums(counts, true, predicted)
        total = counts.sum(1)
        covariance = right.sum(1) * total - (t * p).sum(1)
        spread = (total**2 - (t**2).sum(1)) * (total**2 - (p**2).sum(1))
        return _divided(covariance, np.sqrt(spread), 0.0)

    return metric


def auc(true: np.ndarray, scores: np.ndarray) -> Metric:
    """The area under the ROC curve: how often a positive of bool [n] has a higher score than a negative.

    For [n, C] the mean over classes, each against the rest; classes without both kinds do not count.
    """
    if true.ndim == 2:
        each = [auc(true[:, label], scores[:, label]) for label in range(true.shape[1])]

        def average(counts: np.ndarray) -> np.ndarray:
            values = np.stack([metric(counts) for metric in each])
            here = ~np.isnan(values)
            return _divided(np.where(here, values, 0).sum(0), here.sum(0))

        return average
    order, groups = _ties(scores)
    positive = true[order]

    def metric(counts: np.ndarray) -> np.ndarray:
        won, positives, negatives = np.zeros((3, len(counts)))  # so far
        for part in parts(len(groups)):
            begins = groups[part]
            here = slice(begins[0], groups[part.stop] if part.stop < len(groups) else len(order))
            some = counts[:, order[here]]
            above = np.add.reduceat(some * positive[here], begins - begins[0], axis=1)
            below = np.add.reduceat(some * ~positive[here], begins - begins[0], axis=1)
            beaten = negatives[:, None] + below.cumsum(1) - below / 2  # a tie is half won
            won += (above * beaten).sum(1)
            positives += above.sum(1)
            negatives += below.sum(1)
        return _divided(won, positives * negatives)

    return metric


def calibration_error(confidence: np.ndarray, right: np.ndarray, units: np.ndarray | None = None) -> Metric:
    """Expected calibration error: |confidence - accuracy| in 15 bins of equal width, weighted by their size.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599. `confidence` float [n] of what was predicted, `right`
    bool [n]. Where examples have several units each, such as words, these two are those of all units in
    order, and `units` int [n] is how many each has, one at least.
    """
    bins = _bins(confidence)
    if units is not None:
        gaps = np.eye(CALIBRATION_BINS)[bins] * (confidence - right)[:, None]
        gaps = np.add.reduceat(gaps, np.cumsum(units) - units, axis=0)
        return lambda counts: np.abs(counts @ gaps).sum(1) / (counts @ units)

    def metric(counts: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(counts), CALIBRATION_BINS))
        for part in parts(len(bins)):
            weighted = counts[:, part] * (confidence[part] - right[part])
            sums += [np.bincount(bins[part], row, CALIBRATION_BINS) for row in weighted]
        return np.abs(sums).sum(1) / counts.sum(1)

    return metric


def by_confidence(
    confidence: np.ndarray, right: np.ndarray, count: int = CALIBRATION_BINS
) -> dict[int, tuple[int, float, float]]:
    """Of each of so many bins that has any: how many, their mean confidence, the share that is right."""
    bins = _bins(confidence, count)
    return {
        int(index): (int(inside.sum()), float(confidence[inside].mean(dtype=np.float64)), float(right[inside].mean()))
        for index, inside in ((index, bins == index) for index in np.unique(bins))
    }


def _bins(confidence: np.ndarray, count: int = CALIBRATION_BINS) -> np.ndarray:
    """(0, 1/15], (1/15, 2/15], …"""
    return np.clip(np.ceil(confidence * count).astype(np.int8) - 1, 0, count - 1)


# numbers --------------------------------------------------------------------------------------------


def pearson(true: np.ndarray, predicted: np.ndarray) -> Metric:
    """Pearson's correlation of float [n] with float [n]; NaN where either is constant."""
    return lambda counts: _correlation(counts, true[None], predicted[None])


def spearman(true: np.ndarray, predicted: np.ndarray) -> Metric:
    """Spearman's correlation: Pearson's of the ranks, ties at their mean rank; ranks are those within a sample."""
    orders = [_ties(x) for x in (true, predicted)]

    def ranks(counts: np.ndarray, order: np.ndarray, groups: np.ndarray) -> np.ndarray:
        size = np.add.reduceat(counts[:, order], groups, axis=1)
        rank = size.cumsum(1) - (size - 1) / 2
        spread = np.repeat(rank, np.diff(groups, append=len(order)), axis=1)
        result = np.empty_like(counts)
        result[:, order] = spread
        return result

    return lambda counts: _correlation(counts, *(ranks(counts, *order) for order in orders))


def _centred(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Minus their mean; a constant becomes 0, whatever is rounded."""
    mean = (counts * values).sum(1, keepdims=True) / counts.sum(1, keepdims=True)
    centred = values - mean
    centred[np.abs(centred) <= 1e-13 * np.abs(mean)] = 0
    return centred


def _correlation(counts: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of [R, n], or [1, n], with the same."""
    x, y = _centred(counts, x), _centred(counts, y)
    spread = np.sqrt((counts * x * x).sum(1) * (counts * y * y).sum(1))
    return _divided((counts * x * y).sum(1), spread)


def _ties(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ascending order of float [n], and where in it each group of equal values begins."""
    order = np.argsort(values, kind="stable").astype(np.int32)
    ordered = values[order]
    return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])).astype(np.int32)


def _divided(above: np.ndarray, below: np.ndarray, otherwise: float = float("nan")) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, otherwise), where=below > 0)


# entities -------------------------------------------------------------------------------------------


def entity_spans(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> list[tuple[set[Span], set[Span]]]:
    """The true and the predicted entities of each sentence.

    Spans are read off the labels as seqeval's default mode does for IOB1, IOB2 and IOBES: an I- without a beginning
    begins an entity.
    """
    labels = sorted({label for sentences in (true, predicted) for sentence in sentences for label in sentence})
    scheme = LabelScheme(labels)
    index = {label: place for place, label in enumerate(labels)}
    found = []
    for both in zip(true, predicted, strict=True):
        wanted, found_spans = (_spans([index[label] for label in sentence], scheme, labels) for sentence in both)
        found.append((wanted, found_spans))
    return found


def count_spans(spans: Sequence[tuple[set[Span], set[Span]]]) -> EntityCounts:
    """By entity type: entities that are right, predicted and true in each sentence, [n] each.

    An entity is right if its type and both its ends are.
    """
    counts: dict[str, np.ndarray] = {}
    for place, (wanted, found) in enumerate(spans):
        for row, group in enumerate((wanted & found, found, wanted)):
            for kind, _, _ in group:
                counts.setdefault(kind, np.zeros((3, len(spans))))[row, place] += 1
    return {kind: (rows[0], rows[1], rows[2]) for kind, rows in sorted(counts.items())}


def _spans(sentence: list[int], scheme: LabelScheme, labels: Sequence[str]) -> set[Span]:
    indices = np.array(sentence, np.int64)
    starts = scheme.starts(indices).tolist()
    ends = [*starts[1:], len(sentence)]
    return {
        (scheme.types[sentence[start]], start, end)
        for start, end in zip(starts, ends, strict=True)
        if labels[sentence[start]] != "O"
    }
