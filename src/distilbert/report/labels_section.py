"""The section of labels, entities or answers: scores of each, what is taken for what, and the cost of thresholds."""

from collections.abc import Sequence

import numpy as np

from ..evaluation.outcomes import AnswerOutcome, LabelOutcome, LabelSetOutcome, TagOutcome
from ..evaluation.scores import Breakdown, Scores, most_confused
from ..evaluation.thresholds import precision_recall
from .markup import LONGEST_LABEL, Child, Html, data_text, joined, measured, number, paragraph, table, tag
from .page import Section, section
from .plots import drawing, line

_MOST_LABELS = 30  # of a confusion matrix that can be read
_MOST_CONFUSED = 20  # pairs of labels that are listed of more
_MOST_CURVES = 6
_DEEPEST = 0.5  # opacity of a cell of the confusion, on which text can still be read


def labels_section(details: Scores) -> Section | None:
    """As far as the task has labels, or other parts that its scores are broken down into."""
    parts = [*map(breakdown_table, details.breakdowns), _confusion(details), _curves(details)]
    found = [part for part in parts if part is not None]
    kinds: dict[type, str] = {TagOutcome: "Entities", AnswerOutcome: "Answers"}
    title = kinds.get(type(details.outcome), "Labels")
    return section("labels", title, *found) if found else None


def breakdown_table(breakdown: Breakdown) -> Html:
    """Figures; those of F1 have a bar."""
    barred = [place for place, name in enumerate(breakdown.columns) if name == "f1"]
    numbers = [
        place
        for place in range(1, len(breakdown.columns))
        if place not in barred and not any(isinstance(row[place], str) for row in breakdown.rows)
    ]

    def cell(value: str | int | float | None, place: int) -> Child:
        if isinstance(value, str):
            return data_text(value, LONGEST_LABEL)
        text = f"{value:,}" if isinstance(value, int) else number(value)
        return measured(text, float(value)) if place in barred and value is not None else text

    rows = [[cell(value, place) for place, value in enumerate(row)] for row in breakdown.rows]
    return table(breakdown.title.capitalize(), breakdown.columns, rows, numbers=numbers)


def _confusion(details: Scores) -> Html | None:
    if details.confusion is None or len(details.labels) < 2:
        return None
    if len(details.labels) <= _MOST_LABELS:
        return joined(
            tag("h3", "Confusion"),
            paragraph("Rows are true labels, columns predicted ones: the share of the row, and how many."),
            _matrix(details.labels, details.confusion),
        )
    rows = [
        (data_text(details.labels[true]), data_text(details.labels[found]), f"{count:,}", f"{share:.1%}")
        for true, found, count, share in most_confused(details.confusion)[:_MOST_CONFUSED]
    ]
    head = ("true", "predicted", "how many", "of the true ones")
    return joined(tag("h3", "Confusion"), table("Labels confused most often", head, rows, numbers=(2, 3)))


def _matrix(labels: Sequence[str], confusion: np.ndarray) -> Html:
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    rows = []
    for label, counts, of_row in zip(labels, confusion.tolist(), shares.tolist(), strict=True):
        made = [
            tag(
                "td",
                f"{share:.0%}",
                tag("small", f"{count:,}"),
                style=f"background: rgba(var(--shade), {_DEEPEST * share:.3f})",
            )
            for count, share in zip(counts, of_row, strict=True)
        ]
        rows.append(tag("tr", tag("th", data_text(label, 40), scope="row"), *made))
    head = tag("tr", tag("td"), *(tag("th", data_text(label, 40), scope="col") for label in labels))
    caption = "Confusion, as shares of the true labels"
    inner = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *rows), class_="matrix")
    return tag("div", inner, class_="wide", role="region", aria_label=caption, tabindex=0)


def _curves(details: Scores) -> Html | None:
    """Precision by recall of two labels' second, or of the most frequent ones of several."""
    match details.outcome:
        case LabelOutcome(data=data, true=true, scores=scores) if scores.shape[1] == 2:
            chosen, wanted = [1], true[:, None] == np.arange(2)
        case LabelSetOutcome(data=data, true=wanted, scores=scores):
            chosen = np.argsort(-wanted.sum(0), kind="stable")[:_MOST_CURVES].tolist()
        case _:
            return None
    chosen = [place for place in chosen if wanted[:, place].any()]
    if not chosen:
        return None
    about = "For each label, the precision that is left at each recall as the threshold falls."
    with drawing("thresholds", "Precision by recall", "recall", "precision", about) as (axes, made):
        for series, place in enumerate(chosen):
            _, precision, recall = precision_recall(wanted[:, place], scores[:, place])
            line(axes, [*zip(recall.tolist(), precision.tolist(), strict=True)], data.labels[place], series)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
    return joined(
        tag("h3", "Thresholds"),
        paragraph(
            "A label is predicted where its score is at least the threshold: 0.5 unless you choose another. The table "
            "above has the threshold with the best F1; choose it on other data than you test on."
        ),
        made.markup,
    )
