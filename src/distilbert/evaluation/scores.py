"""What a model makes of examples: metrics, and the tables and mistakes by which a person can act on them."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import name_list
from .metrics import Metric, by_confidence, calibration_error, value_of
from .outcomes import LabelSetOutcome, NumberOutcome, Outcome

MISTAKES = 25  # that are kept, the worst
Sure = tuple[np.ndarray, np.ndarray]  # how sure a model was of what it said, float [n], and whether right, bool [n]


@dataclasses.dataclass(frozen=True)
class Mistake:
    """An example that the model has wrong. `weight` orders mistakes, the worst first."""

    text: str
    true: str
    predicted: str
    weight: float


@dataclasses.dataclass(frozen=True)
class Breakdown:
    """A table that shows where a model is good: a row for each class, kind of entity, length of answer, …

    Attributes:
        title: what it shows, for a person.
        columns: their names; the first is of what a row is about.
        rows: texts and numbers; None where there is no value.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str | int | float | None, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {"title": self.title, "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows]}


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """What a model makes of examples.

    Attributes:
        main: the name of the metric that decides which of two models is better: more is better.
        metrics: by name.
        examples: how many.
        labels, confusion: of single labels: int64 [C, C], rows true, columns predicted; else None.
        sure: how sure the model was of what it said, and whether that was right; else None.
        mistakes: the worst ones first, of tasks whose `outcome` a report does not list them by.
        worst_by: what mistakes are ordered by, in words, such as "ranks apart".
        baseline: metrics of saying the same of every example, what is most frequent in these, where that makes sense.
        baseline_is: what it says, in words.
        breakdowns: scores of parts.
        reliability: how often it is right, by how sure it is; None for what is not a label or an answer.
        raw: of a calibrated model how sure its raw logits are, and whether what they say is right.
        predictions: makes a row of plain values for each example, in order.
        outcome: what the model said of each example; None for masked language modelling.
        counted: how many examples the main metric depends on (sentences without an entity change no F1 of entities);
            None: all.
    """

    main: str
    metrics: Mapping[str, Metric]
    examples: int
    mistakes: Sequence[Mistake] = ()
    labels: tuple[str, ...] = ()
    confusion: np.ndarray | None = None
    sure: Sure | None = None
    worst_by: str = "confidence"
    baseline: Mapping[str, float] = dataclasses.field(default_factory=dict)
    baseline_is: str = ""
    breakdowns: Sequence[Breakdown] = ()
    reliability: Breakdown | None = None
    raw: Sure | None = None
    predictions: Callable[[], Iterable[dict[str, Any]]] = tuple
    outcome: Outcome | None = None
    counted: int | None = None

    @property
    def tables(self) -> list[Breakdown]:
        """The breakdowns, and the reliability behind them."""
        return [*self.breakdowns, *([self.reliability] if self.reliability else [])]

    def values(self) -> dict[str, float]:
        """Each metric on all examples."""
        return values(self.metrics, self.examples)


def values(metrics: Mapping[str, Metric], examples: int) -> dict[str, float]:
    """Each metric on all of so many examples."""
    return {name: value_of(metric, examples) for name, metric in metrics.items()}


def reliability_table(kinds: Mapping[str, Sure]) -> Breakdown:
    """How sure a model was and how often it was right; `kinds` are compared ("before"), one without a name is alone."""
    found = {name: by_confidence(*sure, 10) for name, sure in kinds.items()}
    columns = ["confidence"]
    for name in found:
        columns += [f"{part} {name}".strip() for part in ("examples", "mean confidence", "share right")]
    rows = []
    for tenth in sorted(set().union(*found.values())):
        cells = [cell for tenths in found.values() for cell in tenths.get(tenth, (0, None, None))]
        rows.append((f"{tenth / 10:.1f} to {(tenth + 1) / 10:.1f}", *cells))
    return Breakdown("how often it is right, by how sure it is", tuple(columns), rows)


def beside_raw(sure: Sure, raw: Sure | None, units: np.ndarray | None = None) -> tuple[dict[str, Metric], Breakdown]:
    """Of a calibrated model the calibration error of its raw logits; and the reliability table, of both.

    `raw` is None for a model without a calibration; `units` is as for `calibration_error`.
    """
    if raw is None:
        return {}, reliability_table({"": sure})
    error = calibration_error(*raw, units)
    return {"calibration_error_raw": error}, reliability_table({"raw": raw, "calibrated": sure})


def never_predicted(scores: Scores | None) -> str:
    """The labels that examples have and none was given, in words; empty where there are none."""
    if scores is None:
        return ""
    if scores.confusion is not None:
        labels, lost = scores.labels, (scores.confusion.sum(1) > 0) & (scores.confusion.sum(0) == 0)
    elif isinstance(scores.outcome, LabelSetOutcome):
        labels = scores.outcome.data.labels
        lost = scores.outcome.true.any(0) & ~(scores.outcome.scores >= 0.5).any(0)
    else:
        return ""
    never = [label for label, here in zip(labels, lost.tolist(), strict=True) if here]
    return f"never predicted, though there are examples: {name_list(never)}" if never else ""


def constant_numbers(scores: Scores | None) -> str:
    """That correlations have no value, and which numbers are all the same; empty where they have one."""
    if scores is None or not isinstance(scores.outcome, NumberOutcome):
        return ""
    sides = (("true", scores.outcome.true), ("predicted", scores.outcome.predicted))
    same = [f"all {side} numbers are {numbers[0]:.4g}" for side, numbers in sides if (numbers == numbers[0]).all()]
    return f"correlations have no value (nan): {' and '.join(same)}" if same else ""


def most_confused(confusion: np.ndarray) -> list[tuple[int, int, int, float]]:
    """(true, predicted, how many, share of the row) of what is wrong in int [C, C], the most frequent first."""
    wrong = confusion - np.diag(confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]
    places = [divmod(int(place), len(confusion)) for place in order]
    totals = confusion.sum(1)
    return [(true, found, int(wrong[true, found]), float(wrong[true, found] / totals[true])) for true, found in places]
