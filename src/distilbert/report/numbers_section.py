"""The numbers section: predicted values, or similarities, against the true ones."""

from ..evaluation.outcomes import NumberOutcome, Outcome
from .markup import number, paragraph, tag
from .page import Section, section
from .plots import diagonal, drawing, histogram, scatter


def numbers_section(outcome: Outcome | None) -> Section | None:
    if not isinstance(outcome, NumberOutcome):
        return None
    true, predicted = outcome.true, outcome.predicted
    similar = outcome.data.problem is None
    title, up = ("Similarity", "cosine similarity") if similar else ("Predicted values", "predicted value")
    right = "true score" if similar else "true value"
    about = (
        f"The {up} goes from {number(float(predicted.min()))} to {number(float(predicted.max()))} where the {right} "
        f"goes from {number(float(true.min()))} to {number(float(true.max()))}."
    )
    with drawing("scatter", f"{up} by {right}", right, up, about) as (axes, points):
        if not similar:
            diagonal(axes, float(true.min()), float(true.max()))
        scatter(axes, true, predicted)
    figures = [points.markup]
    if not similar:
        off = predicted - true
        about = f"On average the prediction is {float(off.mean()):+.3f} from the true value."
        with drawing("distances", "Predicted minus true", "predicted minus true", "examples", about) as (axes, spread):
            histogram(axes, off)
        figures.append(spread.markup)
    text = (
        "Points on a rising line, straight or not, mean a Spearman correlation of 1; a similarity need not be on the "
        "scale of the true scores."
        if similar
        else "On the dashed line the prediction is the true value."
    )
    return section("numbers", title, paragraph(text), tag("div", *figures, class_="figures"))
