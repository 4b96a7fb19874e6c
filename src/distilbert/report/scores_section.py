"""The scores section: each metric with its interval as numbers and as a band, beside the baseline."""

import math
from collections.abc import Mapping

from ..errors import counted
from ..evaluation.intervals import Difference, Interval
from ..evaluation.scores import Scores
from .markup import Child, Html, joined, number, paragraph, table, tag
from .page import Section, section

_MEANINGS = {
    "accuracy": "share of examples that are right",
    "f1_macro": "mean over the labels of their F1: rare labels count as much as frequent ones",
    "f1_weighted": "mean over the labels of their F1, weighted by how frequent they are",
    "f1_micro": "F1 over all labels of all examples",
    "mcc": "Matthews' correlation: 0 for guessing, 1 for no mistake",
    "auc": "how often a positive example is scored above a negative one",
    "cross_entropy": "mean negative log-likelihood of the true label; less is better",
    "calibration_error": "expected calibration error: how far confidence and accuracy are apart; less is better",
    "calibration_error_raw": "the same without the folder's calibration",
    "exact_match": "share of examples that are right in whole",
    "f1": "harmonic mean of precision and recall",
    "precision": "share of what was predicted that is right",
    "recall": "share of what is true that was predicted",
    "word_accuracy": "share of words with the right label",
    "pearson": "Pearson's correlation with the true numbers",
    "spearman": "Spearman's correlation: of the ranks",
    "rmse": "root mean square error; less is better",
    "mae": "mean absolute error; less is better",
    "mrr": "mean reciprocal rank of the true partner",
    "accuracy_at_1": "share whose nearest text is the true partner",
    "accuracy_at_10": "share whose true partner is among the ten nearest",
    "top1_accuracy": "share of masks filled with the true token",
    "top5_accuracy": "share of masks whose token is among the first five",
    "f1_answerable": "F1 of the questions that have an answer",
    "cosine": "between the mean-pooled last hidden states of the two, on average",
    "same_decisions": "share of the head's decisions that are those of float32, averaged over texts",
    "f1_unanswerable": "share of the questions without an answer where none was predicted",
}
_FROM_MINUS_ONE = ("mcc", "pearson", "spearman")
_UNBOUNDED = ("cross_entropy", "rmse", "mae")

OtherModel = tuple[str, Mapping[str, Interval], Mapping[str, Difference]]  # its name, scores, and how much better it is


def scores_section(
    details: Scores,
    scores: Mapping[str, Interval],
    *,
    note: str = "",
    other: OtherModel | None = None,
) -> Section:
    """Of a model, and of another one beside it; `note` is said of the examples."""
    baseline = details.baseline
    explained = (
        f"On {counted(details.examples, 'example')}. "
        "The interval holds 95 % of bootstrap samples; the band shows it between 0 "
        "and 1 (correlations: -1 and 1)"
    )
    if baseline:
        explained += f", and the diamond is the baseline: {details.baseline_is}"
    return section(
        "scores",
        "Scores",
        paragraph(f"{explained}. {note}".strip()),
        score_table("Each metric", scores, baseline=baseline, other=other),
    )


def score_table(
    caption: str,
    scores: Mapping[str, Interval],
    *,
    baseline: Mapping[str, float] | None = None,
    other: OtherModel | None = None,
) -> Html:
    """Metrics with their intervals, as numbers and as bands, and with what they mean."""
    head: list[Child] = ["metric", "value", "95 % interval", "interval in its range"]
    if baseline:
        head.append("baseline")
    if other:
        head += [other[0], "difference"]
    head.append("meaning")
    rows: list[list[Child]] = []
    for name, score in scores.items():
        usual = baseline.get(name, math.nan) if baseline else math.nan
        interval = f"{number(score.low, 4)} to {number(score.high, 4)}"
        row: list[Child] = [name, number(score.value, 4), interval, _band(name, score, usual)]
        if baseline:
            row.append(number(usual, 4))
        if other:
            second, gap = other[1].get(name), other[2].get(name)
            row += [number(second.value if second else None, 4), str(gap) if gap else "-"]
        rows.append([*row, tag("span", _meaning(name), class_="meaning")])
    return table(caption, head, rows, numbers=[1, 2, *range(4, len(head) - 1)])


def _meaning(name: str) -> str:
    of_kind = f"F1 of {name.removeprefix('f1_')}" if name.startswith("f1_") else ""
    return _MEANINGS.get(name, of_kind)


def _band(name: str, score: Interval, baseline: float) -> Html | None:
    """The interval from left to right; nothing for a metric without bounds."""
    if name in _UNBOUNDED or math.isnan(score.value) or math.isnan(score.low):
        return None
    least = -1.0 if name in _FROM_MINUS_ONE else 0.0

    def place(value: float) -> float:
        return 100 * min(max((value - least) / (1 - least), 0.0), 1.0)

    low, high = place(score.low), place(score.high)
    parts = [
        tag("i", style=f"left: {low:.2f}%; width: {high - low:.2f}%"),
        tag("b", style=f"left: {place(score.value):.2f}%"),
    ]
    if not math.isnan(baseline):
        parts.append(tag("u", style=f"left: {place(baseline):.2f}%"))
    return tag("span", joined(*parts), class_="band", aria_hidden="true")
