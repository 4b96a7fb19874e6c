"""The calibration section: how often the model is right when it is so sure."""

import math

import numpy as np

from ..evaluation.intervals import Interval
from ..evaluation.metrics import CALIBRATION_BINS, by_confidence
from ..evaluation.scores import Scores
from .markup import details as shown_on_demand
from .markup import number, paragraph, table, tag
from .page import Section, section
from .plots import SERIES, diagonal, drawing, histogram, line

_Z = 1.96  # of 95 %


def calibration_section(details: Scores, error: Interval | None) -> Section | None:
    """`error` is the expected calibration error with its interval."""
    if details.sure is None or not len(details.sure[0]):
        return None
    confidence, right = details.sure
    bins = by_confidence(confidence, right).values()
    sure, share = float(confidence.mean()), float(right.mean())
    about = f"Confidence is {sure:.3f} on average, and {share:.3f} of the predictions are right."
    with drawing("reliability", "Reliability", "confidence", "share that is right", about) as (axes, reliability):
        diagonal(axes, 0, 1)
        low, high = zip(*(wilson(accuracy * count, count) for count, _, accuracy in bins), strict=True)
        counts, x, y = (np.array(column) for column in zip(*bins, strict=True))
        reach = np.maximum([y - np.array(low), np.array(high) - y], 0)
        axes.errorbar(x, y, yerr=reach, fmt="none", ecolor=SERIES[0], elinewidth=1.2)
        if details.raw is not None:
            for series, (name, sure_of) in enumerate((("calibrated", (confidence, right)), ("raw", details.raw))):
                line(axes, [(x, y) for _, x, y in by_confidence(*sure_of, 10).values()], name, series)
        axes.scatter(x, y, s=12 + 160 * counts / counts.sum(), color=SERIES[0], zorder=3)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
    about = f"Half of the predictions have a confidence of at least {float(np.median(confidence)):.3f}."
    with drawing("confidence", "Confidences", "confidence", "predictions", about) as (axes, confidences):
        histogram(axes, confidence, CALIBRATION_BINS, (0.0, 1.0))  # bars as wide as the error's bins
        axes.set_xlim(min(float(confidence.min()) - 0.01, 0.5), 1.01)
    rows = [
        (f"{sure:.3f}", number(accuracy), f"{count:,}", "{:.3f} to {:.3f}".format(*wilson(accuracy * count, count)))
        for count, sure, accuracy in bins
    ]
    head = ("mean confidence", "share that is right", "predictions", "95 % interval")
    return section(
        "calibration",
        "Calibration",
        paragraph(_verdict(sure, share, error)),
        tag("div", reliability.markup, confidences.markup, class_="figures"),
        shown_on_demand("The reliability as numbers", table("Bins of confidence", head, rows, numbers=range(4))),
    )


def _verdict(sure: float, share: float, error: Interval | None) -> str:
    text = f"The model is sure by {sure:.3f} on average, and {share:.3f} of its predictions are right: "
    gap = sure - share
    text += "it is over-confident. " if gap > 0.02 else "it is under-confident. " if gap < -0.02 else "these agree. "
    if error and not math.isnan(error.value):
        text += f"Expected calibration error {error}, in {CALIBRATION_BINS} bins (Guo et al. 2017). "
    return text + "On the dashed line a model is as often right as it says; bars are 95 % intervals."


def wilson(hits: float, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953)."""
    share, squared = hits / count, _Z * _Z
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    reach = _Z / (1 + squared / count) * math.sqrt(share * (1 - share) / count + squared / (4 * count * count))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
