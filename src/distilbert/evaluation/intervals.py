"""Figures with the intervals that the bootstrap gives them, and the differences of two models."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from .metrics import Metric, parts, value_of

_CHUNK = 1 << 18  # counts held at once: those of more do not stay in a cache


def without_nan(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures for `json.dumps`: JSON has no NaN, so None stands for it."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


@dataclass(frozen=True)
class Interval:
    """A figure and where it lies in 95 % of the bootstrap's samples; NaN where the metric has no value."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """Ready for `json.dumps`; None for NaN."""
        return without_nan(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, float | None]) -> Self:
        """What `to_dict` gave."""
        return cls(**{name: math.nan if value is None else value for name, value in values.items()})

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class Difference(Interval):
    """The second model's figure minus the first's, both on the same samples."""

    def __str__(self) -> str:
        return f"{self.value:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


@dataclass(frozen=True)
class Share:
    """A model's figure as a share of another's, and what that is at least, with 95 % confidence."""

    value: float
    least: float
    examples: int

    def __str__(self) -> str:
        return f"{self.value:.1%} (at least {self.least:.1%})"

    def examples_for(self, wanted: float) -> int | None:
        """How many examples like these would show that the share is `wanted` at least; None where it is not above.

        The distance of `least` from `value` falls with the root of their number.
        """
        if not self.value > wanted:
            return None
        return math.ceil(self.examples * ((self.value - self.least) / (self.value - wanted)) ** 2)


def bootstrap(
    metrics: Mapping[str, Metric], examples: int, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """Each metric on all examples, with its percentile interval over samples of them drawn with replacement."""
    drawn = resampled(metrics, examples, resamples, seed)
    return {name: Interval(value_of(metrics[name], examples), *_middle(drawn[name])) for name in metrics}


def compare(
    first: Mapping[str, Metric], second: Mapping[str, Metric], examples: int, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Difference]:
    """Second minus first, for the metrics that both have, paired: each sample takes the same examples for both."""
    one, two = (resampled(metrics, examples, resamples, seed) for metrics in (first, second))
    return {
        name: Difference(
            value_of(second[name], examples) - value_of(first[name], examples), *_middle(two[name] - one[name])
        )
        for name in first
        if name in second
    }


def share(first: Metric, second: Metric, examples: int, *, resamples: int = 1000, seed: int = 0) -> Share:
    """The second model's metric by the first's, paired: each sample takes the same examples for both.

    The bound is one-sided: 95 % of the samples lie above it.
    """
    one, two = (resampled({"": metric}, examples, resamples, seed)[""] for metric in (first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = two / one
    drawn = drawn[np.isfinite(drawn)]
    least = float(np.percentile(drawn, 5)) if len(drawn) else math.nan
    return Share(float(np.divide(value_of(second, examples), value_of(first, examples))), least, examples)


def resampled(metrics: Mapping[str, Metric], examples: int, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """[resamples] values of each metric, all on the same samples of the examples, drawn with replacement."""
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // max(examples, 1))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        counts = _counts(rng, count, examples)
        for name, metric in metrics.items():
            parts[name].append(metric(counts))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _counts(rng: np.random.Generator, samples: int, examples: int) -> np.ndarray:
    """How often each example is in each of so many samples of all, float64 [samples, examples]."""
    if samples > 1:
        drawn = rng.integers(0, examples, (samples, examples)) + examples * np.arange(samples)[:, None]
        return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float64)
    counts = np.zeros(examples)  # one sample of many: the same numbers are drawn part by part, and not held
    for part in parts(examples):
        np.add.at(counts, rng.integers(0, examples, part.stop - part.start), 1.0)
    return counts[None]


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Where the middle 95 % lie."""
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
