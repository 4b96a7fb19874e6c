"""The page of a guarantee: what each mixture of int8 and float32 costs, and which layers need float32."""

from pathlib import Path

import numpy as np

from ..guarantee import Guarantee, Rung
from .markup import Child, data_text, joined, measured, paragraph, table, tag
from .page import Section, section, write_page
from .plots import SERIES, drawing, level


def write_guarantee(path: str | Path, found: Guarantee, *, command: str = "") -> None:
    """Write the report of `quantize_within` as one HTML file, whole or not at all; `command` makes it again.

    Raises InputError where the file cannot be written.
    """
    facts: list[tuple[str, Child]] = [
        ("model", data_text(found.source)),
        ("written to", data_text(found.out) if found.chosen else "nothing"),
        ("task", found.task),
        ("data", data_text(found.data)),
        ("examples", f"{found.examples:,}"),
        ("may fall by", f"{100 * found.max_drop:g} points of {found.metric}"),
    ]
    sections = [_guarantee(found), _layers(found)]
    write_page([path], "int8 with a guarantee", facts, command, sections)


def _guarantee(found: Guarantee) -> Section:
    rows: list[list[Child]] = [
        ["float32", f"{100 * found.score:.2f}", "-", f"{found.bytes / 1e6:,.1f}", "1.0", ""],
        *(_row(rung, found) for rung in found.rungs),
    ]
    head = ("mixture", found.metric, "lower by at most", "MB of weights", "times the speed", "")
    about = f"The line is at {100 * found.max_drop:g} points, the most that was allowed."
    with drawing("mixtures", "What each mixture may cost", "times float32's speed", "points lower at most", about) as (
        axes,
        figure,
    ):
        level(axes, 100 * found.max_drop, "allowed")
        speeds = [_speed(rung, found) for rung in found.rungs]
        axes.scatter(speeds, [100 * rung.bound for rung in found.rungs], color=SERIES[0])
        for rung, speed in zip(found.rungs, speeds, strict=True):
            place = (speed, 100 * rung.bound)
            axes.annotate(rung.mixture, place, xytext=(4, 4), textcoords="offset points", fontsize=8)
    return section(
        "guarantee",
        "Guarantee",
        paragraph(found.verdict),
        paragraph(
            "Both models run the same examples. At most so much lower, at 95 %: bounds of paired differences. Mixtures "
            "are tried from the most precise on, until one may be lower than was allowed."
        ),
        table("Points of 100", head, rows, numbers=(1, 2, 3, 4)),
        tag("div", figure.markup, class_="figures"),
    )


def _row(rung: Rung, found: Guarantee) -> list[Child]:
    return [
        rung.mixture,
        f"{100 * rung.score:.2f}",
        f"{100 * rung.bound:.2f}",
        f"{rung.bytes / 1e6:,.1f}",
        f"{_speed(rung, found):.1f}",
        "written" if rung is found.chosen else "",
    ]


def _speed(rung: Rung, found: Guarantee) -> float:
    return rung.examples_per_second / found.examples_per_second


def _layers(found: Guarantee) -> Section:
    most = max((layer.error for layer in found.layers), default=0.0)
    kept = set(found.chosen.float32 if found.chosen else ())
    rows = [
        (
            joined(*(tag("div", name) for name in layer.matrices or ("word and position embeddings",))),
            measured(f"{layer.error:.2g}", float(np.clip(layer.error / most, 0, 1)) if most > 0 else 0.0),
            "float32" if kept.issuperset(layer.matrices) and layer.matrices else "int8",
        )
        for layer in found.layers
    ]
    return section(
        "layers",
        "What int8 costs each layer",
        paragraph("1 - cosine of the last hidden states to float32's, where these matrices alone are in int8."),
        table("Each group of matrices by itself", ("matrices", "error", "kept in"), rows, numbers=(1,)),
    )
