"""The section of a search for the smallest student: what was tried, as a drawing and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..evaluation.candidates import Candidate
from .markup import Child, details, number, paragraph, printable, table, tag
from .page import Section, section
from .plots import SERIES, drawing, level


@dataclass(frozen=True)
class Searched:
    """What a search has tried: `tried` on the examples that decided, and the name of the shape that was taken."""

    tried: Sequence[Candidate]
    taken: str
    metric: str
    to: float
    verdict: str


def search_section(searched: Searched) -> Section:
    """Share of the teacher's score against size, with what was asked for as a line."""
    about = f"{searched.taken} was taken; the line is at {searched.to:.1%}."
    name = f"share of the teacher's {searched.metric}"
    with drawing("search", "What was tried", "MB of weights", name, about) as (axes, figure):
        level(axes, searched.to, "asked for")
        for series, precision in enumerate(("float32", "int8")):
            tried = [each for each in searched.tried if each.precision == precision and each.share]
            axes.scatter(
                [each.megabytes for each in tried],
                [each.share.value for each in tried if each.share],
                s=[70 if each.name == searched.taken else 24 for each in tried],
                color=SERIES[series],
                marker="os"[series],
                label=precision,
            )
            for each in tried:
                if precision == "float32" and each.share:
                    place = (each.megabytes, each.share.value)
                    axes.annotate(printable(each.name), place, xytext=(4, 4), textcoords="offset points", fontsize=8)
        axes.set_xscale("log")
    rows = [_row(each, searched.taken) for each in searched.tried]
    head = ("shape", "precision", searched.metric, "share of the teacher's", "examples a second", "MB of weights", "")
    shown = table("Layers x width x hidden units", head, rows, numbers=(2, 3, 4, 5))
    return section(
        "search",
        "Search for the smallest",
        paragraph(f"{searched.taken}: {searched.verdict}."),
        tag("div", figure.markup, class_="figures"),
        details("The search as numbers", paragraph("On the examples that decided."), shown),
    )


def _row(each: Candidate, taken: str) -> list[Child]:
    return [
        each.name,
        each.precision,
        number(each.score.value, 4),
        str(each.share) if each.share else "-",
        f"{each.rate:,.1f}",
        f"{each.megabytes:,.1f}",
        "taken" if each.name == taken else "",
    ]
