"""The training section: the loss of the training and the evaluation examples by step, and the score that decided."""

from collections.abc import Mapping, Sequence

from .markup import Html, details, number, paragraph, table, tag
from .page import Section, section
from .plots import drawing, line, mark

Losses = Sequence[tuple[int, float]]
Evaluations = Sequence[tuple[int, Mapping[str, float]]]
_MOST_ROWS = 50  # of the table of evaluations


def training_section(losses: Losses, evaluations: Evaluations, main: str, best_step: int) -> Section:
    """From (step, loss) and (step, scores); `main` is the metric that decided which step is the best."""
    evaluated = [(step, scores["loss"]) for step, scores in evaluations if "loss" in scores]
    last = losses[-1][1] if losses else float("nan")
    about = f"The training loss ends at {last:.4g}"
    about += f", the evaluation loss at {evaluated[-1][1]:.4g}." if evaluated else "."
    with drawing("loss", "Loss", "step", "loss", about) as (axes, loss):
        line(axes, losses, "training", 0)
        if evaluated:
            line(axes, evaluated, "evaluation", 1)
    figures = [loss.markup]
    if main and len(evaluations) > 1:
        scores = [(step, at_step[main]) for step, at_step in evaluations]
        best = next((score for step, score in scores if step == best_step), None)
        about = f"The best is {best:.4g} at step {best_step:,}." if best is not None else ""
        with drawing("score", f"{main} by step", "step", main, about) as (axes, score):
            line(axes, scores, main, 0)
            if best is not None:
                mark(axes, (best_step, best), "best, which is kept")
        figures.append(score.markup)
    return section(
        "training",
        "Training",
        paragraph(
            "Where the evaluation loss rises while the training loss falls, the model learns its examples by heart: "
            "train for fewer steps, or on more data."
            if evaluated
            else "The loss is the mean since the point before."
        ),
        tag("div", *figures, class_="figures"),
        _table(evaluations, main),
    )


def _table(evaluations: Evaluations, main: str) -> Html | None:
    if not evaluations:
        return None
    names = [name for name in ("loss", main) if name in evaluations[0][1]]
    rows = [(f"{step:,}", *(number(scores.get(name), 4) for name in names)) for step, scores in evaluations]
    made = table("The last evaluations", ("step", *names), rows[-_MOST_ROWS:], numbers=range(len(names) + 1))
    return details("The evaluations as numbers", made)
