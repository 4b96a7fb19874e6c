"""The section of groups: how wrong the model is on short and long texts, and on texts with rare words."""

from collections import Counter

import numpy as np

from ..evaluation.outcomes import AnswerOutcome, NumberOutcome, Outcome, TagOutcome
from .calibration_section import wilson
from .markup import Child, Html, measured, number, paragraph, table
from .page import Section, section
from .texts import Group, groups, lengths, rare_shares

_LENGTHS = (8, 16, 32, 64, 128, 256)
_RARE = (0.0, 0.1, 0.25, 0.5)
_RARE_NAMES = ("none", "up to 10 %", "10 to 25 %", "25 to 50 %", "more than half")


def groups_section(outcome: Outcome | None, known: Counter[str] | None) -> Section | None:
    """`known`: in how many training examples each word stands, where they are at hand."""
    if outcome is None or not len(outcome.errors):
        return None
    data, errors = outcome.data, outcome.errors.astype(np.float64)
    edges = (0, *_LENGTHS)
    names = ["0", *(f"{low + 1} to {high}" for low, high in zip(edges, _LENGTHS)), f"{_LENGTHS[-1] + 1} or more"]
    by_length = groups(lengths(data), edges, names)
    by_rarity = groups(rare_shares(data, known), _RARE, _RARE_NAMES)
    where = "in no other of these texts" if known is None else "in no text that was trained on"
    meaning = _meaning(outcome)
    return section(
        "groups",
        "Errors by length and rare words",
        paragraph(f"{meaning[0].upper()}{meaning[1:]}, of all and of each group; the interval is one of 95 %."),
        _table("By the number of words", "words", by_length, outcome, errors),
        _table(f"By the share of words that stand {where}", "rare words", by_rarity, outcome, errors),
    )


def _meaning(outcome: Outcome) -> str:
    match outcome:
        case NumberOutcome(data=data):
            return "the mean distance to the true number" if data.problem else "the mean distance in rank, 1 at most"
        case AnswerOutcome():
            return "what F1 lacks of 1, on average"
        case TagOutcome():
            return "the share of sentences with an entity that is not right"
    return "the share of examples that are not right"


def _table(caption: str, head: str, found: list[Group], outcome: Outcome, errors: np.ndarray) -> Html:
    most = max(max(float(errors[chosen].mean()) for _, chosen in found), 1e-9)
    distance = isinstance(outcome, NumberOutcome) and outcome.data.problem is not None
    rows: list[list[Child]] = []
    for name, chosen in [("all", np.ones(len(errors), bool)), *found]:
        mean, count = float(errors[chosen].mean()), int(chosen.sum())
        shares = bool(np.isin(errors, (0, 1)).all())
        interval = "{:.3f} to {:.3f}".format(
            *(wilson(mean * count, count) if shares else _spread(errors[chosen], bounded=not distance))
        )
        rows.append([name, f"{count:,}", measured(number(mean), mean / most if distance else mean), interval])
    return table(caption, (head, "examples", "errors", "95 % interval"), rows, numbers=(1, 3))


def _spread(values: np.ndarray, *, bounded: bool) -> tuple[float, float]:
    """Of the mean of what is not below 0, and not above 1 where it is bounded, by the normal distribution."""
    mean, reach = float(values.mean()), 1.96 * float(values.std()) / np.sqrt(len(values))
    return max(0.0, mean - reach), min(1.0, mean + reach) if bounded else mean + reach
