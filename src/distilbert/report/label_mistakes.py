"""Mistakes of single labels by cell of the confusion, and labels of the data that are likely wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.examples import Data
from ..errors import counted
from ..evaluation.outcomes import LabelOutcome, LabelSetOutcome
from .label_errors import likely_label_errors
from .markup import Child, Html, data_text, details, joined, paragraph, table, tag
from .texts import example_text

_MOST_CELLS = 8
_WORST, _NEAR = 5, 3  # mistakes of a cell
_MOST_LABEL_ERRORS = 25


def label_mistakes(outcome: LabelOutcome) -> Html | None:
    """The most frequent confusions, each with its worst mistakes and its near misses."""
    labels, true, scores = outcome.data.labels, outcome.true, outcome.scores
    if scores.shape[1] < 2:
        return None
    predicted = scores.argmax(1)
    wrong = np.flatnonzero(predicted != true)
    if not len(wrong):
        return None
    kind = true[wrong].astype(np.int64) * len(labels) + predicted[wrong]
    kinds, counts = np.unique(kind, return_counts=True)
    parts: list[Html] = []
    for place in np.argsort(-counts, kind="stable")[:_MOST_CELLS]:
        at, said = divmod(int(kinds[place]), len(labels))
        inside = wrong[kind == kinds[place]]
        margin = scores[inside, said] - scores[inside, at]
        order = inside[np.argsort(-margin, kind="stable")]
        share = int(counts[place]) / int((true == at).sum())
        heading = joined(
            "true ",
            tag("b", data_text(labels[at], 60)),
            ", predicted ",
            tag("b", data_text(labels[said], 60)),
            f": {int(counts[place]):,} ({share:.1%} of the true ones)",
        )
        parts.append(details(heading, _cell(outcome, at, said, order), open_=not parts))
    left = len(kinds) - len(parts)
    return joined(
        tag("h3", "By what is taken for what"),
        paragraph(
            f"{len(wrong):,} of {len(true):,} are wrong. The worst are those where the model was the surest; near "
            "misses are those where the two scores were almost the same."
            + (f" {left:,} rarer confusions are left out." if left else "")
        ),
        *parts,
    )


def _cell(outcome: LabelOutcome, at: int, said: int, order: np.ndarray) -> Html:
    """The first of the mistakes in order, the worst, and the last, the near misses."""
    worst = order[:_WORST].tolist()
    near = order[max(len(worst), len(order) - _NEAR) :][::-1].tolist()
    rows: list[list[Child]] = []
    for what, chosen in (("worst", worst), ("near miss", near)):
        for index in chosen:
            scores = outcome.scores[index]
            text = data_text(example_text(outcome.data.examples[index]))
            rows.append([text, what, f"{scores[said]:.3f}", f"{scores[at]:.3f}"])
    labels = outcome.data.labels
    head = ("example", "kind", "score of the predicted label", "score of the true label")
    caption = f"True {labels[at]}, predicted {labels[said]}"
    return table(caption, head, rows, numbers=(2, 3), class_="texts")


def label_error_table(outcome: LabelOutcome) -> Html | None:
    if outcome.scores.shape[1] < 2:
        return None
    found, likely = likely_label_errors(outcome.true, outcome.scores)
    labels = outcome.data.labels
    rows = [
        (index, labels[outcome.true[index]], labels[other], float(outcome.scores[index, other]))
        for index, other in zip(found.tolist(), likely.tolist(), strict=True)
    ]
    return _label_errors(outcome.data, rows)


def set_error_table(outcome: LabelSetOutcome) -> Html | None:
    """Each label by itself, given or not."""
    rows: list[tuple[int, str, str, float]] = []
    for place, label in enumerate(outcome.data.labels):
        score = outcome.scores[:, place]
        found, likely = likely_label_errors(outcome.true[:, place].astype(np.int64), np.stack([1 - score, score], 1))
        for index, given in zip(found.tolist(), likely.tolist(), strict=True):
            names = (f"without {label}", f"with {label}")
            rows.append((index, names[1 - given], names[given], float(score[index] if given else 1 - score[index])))
    return _label_errors(outcome.data, sorted(rows, key=lambda row: -row[3]))


def _label_errors(data: Data[Any], found: Sequence[tuple[int, str, str, float]]) -> Html | None:
    """From (example, label given, likely label, its score), the likeliest first."""
    if not found:
        return None
    rows = [
        (data_text(example_text(data.examples[index])), data_text(given), data_text(likely), f"{score:.3f}")
        for index, given, likely, score in found[:_MOST_LABEL_ERRORS]
    ]
    examples = len({index for index, *_ in found})
    return joined(
        tag("h3", "Labels that are likely wrong"),
        paragraph(
            f"{examples:,} of {counted(len(data.examples), 'example')} "
            f"({examples / len(data.examples):.1%}), by confident "
            "learning (Northcutt et al. 2021): the model is as sure of another label as it is, on average, of texts "
            "that have that label. It says little where the model is poor, or was trained on these examples."
        ),
        table(
            f"The first {len(rows)} of them",
            ("example", "label given", "likely label", "its score"),
            rows,
            numbers=(3,),
            class_="texts",
        ),
    )
