"""How much worse a second model may be than a first one, from both on the same examples: upper bounds at 95 %."""

import math
from collections.abc import Callable

import numpy as np

from ..evaluation.intervals import resampled
from ..evaluation.metrics import Metric, value_of

CONFIDENCE = 0.95
_OF_TOTAL = 0.005  # the part of the risk that the bound on how many decisions differ may take
_RESAMPLES = 2000
_MOST_EXAMPLES = 10_000_000


def drop_of_accuracy(lost: int, won: int, examples: int) -> float:
    """An upper bound on how much lower the second model's accuracy is, for any numbers, however small.

    `lost` examples are right with the first model alone and `won` with the second alone. Both are taken as Poisson. The
    bound is the largest drop under which so small a difference is not too rare, at the largest total rate of differing
    decisions that the data allow (Berger and Boos 1994, https://doi.org/10.1080/01621459.1994.10476836).
    """
    most = _poisson_limit(lost + won, _OF_TOTAL)
    low, high = float(max(lost - won, 0)), most
    for _ in range(40):
        middle = (low + high) / 2
        rare = _skellam(lost - won, (most + middle) / 2, (most - middle) / 2) + _OF_TOTAL <= 1 - CONFIDENCE
        low, high = (low, middle) if rare else (middle, high)
    return float(min(high / examples, 1.0))


def drop_of_metric(first: Metric, second: Metric, examples: int, counted: int | None = None) -> float:
    """The same for any metric: the paired bootstrap's one-sided bound.

    It is at least three examples above what was seen (the rule of three): a bootstrap of examples that all agree has no
    spread. `counted`: how many examples the metric depends on, by default all.
    """
    counted = examples if counted is None else counted
    if counted < 3:
        return 1.0
    seen = value_of(first, examples) - value_of(second, examples)
    drawn_values = resampled({"first": first, "second": second}, examples, _RESAMPLES, seed=0)
    values = drawn_values["first"] - drawn_values["second"]
    values = values[~np.isnan(values)]
    drawn = float(np.quantile(values, CONFIDENCE)) if len(values) else 1.0
    return max(drawn, seen + 3 / counted) if not math.isnan(seen) else 1.0


def examples_needed(bound: Callable[[int], float], most_drop: float, examples: int) -> int | None:
    """About how many examples would do if they were as these are; None where ten million would not."""
    count = examples
    while count < _MOST_EXAMPLES:
        if bound(count) <= most_drop:
            return count
        count = math.ceil(count * 1.1)
    return None


def _poisson_limit(seen: int, risk: float) -> float:
    """The largest mean of a Poisson number under which so few are not rarer than `risk`."""
    low, high = float(seen), seen + 10 + 10 * math.sqrt(seen + 1)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _poisson(np.arange(seen + 1), middle).sum() > risk else (low, middle)
    return high


def _poisson(counts: np.ndarray, mean: float) -> np.ndarray:
    if mean <= 0:
        return (counts == 0).astype(np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, int(counts.max(initial=0)) + 1)))])
    return np.exp(counts * math.log(mean) - mean - logs[counts])


def _skellam(difference: int, first: float, second: float) -> float:
    """How likely a Poisson number of mean `first` exceeds one of mean `second` by `difference` at most."""
    most = int(second + 10 + 10 * math.sqrt(second + 1))
    of_second = _poisson(np.arange(most + 1), second)
    of_first = np.cumsum(_poisson(np.arange(max(most + difference, 0) + 1), first))
    places = np.arange(most + 1) + difference
    return float((of_second * np.where(places >= 0, of_first[np.maximum(places, 0)], 0)).sum())
