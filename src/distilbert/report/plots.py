"""Drawings by Matplotlib as SVG inside the page: its text is text, and its colours are the page's, light or dark."""

import io
import math
import re
import warnings
import xml.dom.minidom
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.dom.minidom import Element

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .markup import Html, printable, tag

_SIZE = (4.6, 3.2)  # inches of 72 points, on a screen as wide as the column
_LONGEST_NAME = 40  # letters of a name beside a curve
_MOST_POINTS = 500  # of a curve or a scatter: more cannot be told apart
# stand-ins that Matplotlib draws with -> what they are in the page
_TEXT, _LINE = "#010101", "#020202"
SERIES = ("#030303", "#040404", "#050505", "#060606", "#070707", "#080808")
_VARIABLES = {_TEXT: "--quiet", _LINE: "--line"} | dict(
    zip(SERIES, ("--first", "--second", "--third", "--fourth", "--fifth", "--sixth"), strict=True)
)
_DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)), (0, (1, 1)))  # series are told apart without colours too
_COLOUR = re.compile("|".join(_VARIABLES))
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_STYLE: Any = {  # its keys are a Literal of Matplotlib's
    "svg.fonttype": "none",
    "svg.hashsalt": "distilbert",
    "text.parse_math": False,  # a label may have dollars in it
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _TEXT,
    "ytick.labelcolor": _TEXT,
    "lines.linewidth": 1.8,
}

Point = tuple[float, float]


class Drawing:
    """A figure of the page: its markup, once it is drawn."""

    markup = Html("")


@contextmanager
def drawing(name: str, title: str, x: str, y: str, about: str) -> Iterator[tuple[Axes, Drawing]]:
    """The axes to draw on, named `x` and `y`, and the drawing, whose markup is there when the context ends.

    `name` is unlike that of all other figures of the page; `about` says what a person who does not see it should know.
    """
    made = Drawing()
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.tick_params(length=0, pad=6)
        yield axes, made
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
        buffer = io.StringIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Creating legend")  # its place takes a second on a busy machine
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    made.markup = tag("figure", tag("figcaption", title), _inline(buffer.getvalue(), name, f"{title}. {about}"))


def _inline(svg: str, name: str, label: str) -> Html:
    """Matplotlib's file as an element of a page that has several; its ids begin with `name`."""
    document = xml.dom.minidom.parseString(svg)  # noqa: S318 - Matplotlib's own
    root = document.documentElement
    assert root is not None
    for unused in [*root.getElementsByTagName("metadata")]:
        root.removeChild(unused)
    elements = [root, *root.getElementsByTagName("*")]
    used = {reference for element in elements for reference in _references(element)}
    for element in elements:
        for key, value in [*element.attributes.items()]:
            if key == "id":
                element.removeAttribute(key) if value not in used else element.setAttribute(key, f"{name}-{value}")
            elif key == "xlink:href":
                element.removeAttribute(key)
                element.setAttribute("href", f"#{name}-{value.removeprefix('#')}")
            else:
                value = _REFERENCE.sub(rf"url(#{name}-\1)", value)
                element.setAttribute(key, _COLOUR.sub(lambda found: f"var({_VARIABLES[found[0]]})", value))
    for key in ("width", "height", "version", "xmlns", "xmlns:xlink"):
        root.removeAttribute(key)
    root.setAttribute("role", "img")
    root.setAttribute("aria-label", printable(label))
    return Html(root.toxml())


def _references(element: Element) -> Iterator[str]:
    for key, value in element.attributes.items():
        if key == "xlink:href":
            yield value.removeprefix("#")
        else:
            yield from _REFERENCE.findall(value)


def line(axes: Axes, points: Sequence[Point], label: str, series: int) -> None:
    """A curve, thinned where its points are too many to be told apart."""
    kept = [point for point in points if all(map(math.isfinite, point))]
    x, y = zip(*thinned(kept), strict=True) if kept else ((), ())
    axes.plot(
        x,
        y,
        label=printable(label if len(label) <= _LONGEST_NAME else f"{label[:_LONGEST_NAME]} …"),
        color=SERIES[series % len(SERIES)],
        linestyle=_DASHES[series % len(_DASHES)],
        marker="o" if len(kept) <= 30 else None,
        markersize=3,
    )


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most 500 points, each the mean of its neighbours."""
    if len(points) <= _MOST_POINTS:
        return [*points]
    return [(float(x), float(y)) for x, y in (part.mean(0) for part in np.array_split(np.array(points), _MOST_POINTS))]


def scatter(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Points, at most 500 of them, drawn evenly from all."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(x))[:_MOST_POINTS])
    axes.scatter(x[chosen], y[chosen], s=14, color=SERIES[0], alpha=0.55, linewidths=0)


def diagonal(axes: Axes, low: float, high: float) -> None:
    """Where both axes say the same."""
    axes.plot([low, high], [low, high], color=_TEXT, linestyle="--", linewidth=1)


def level(axes: Axes, value: float, label: str) -> None:
    """A value of the second axis, as a line across."""
    axes.axhline(value, color=_TEXT, linestyle="--", linewidth=1, label=label)


def mark(axes: Axes, point: Point, label: str) -> None:
    axes.plot(*point, marker="D", markersize=7, color=SERIES[1], linestyle="", label=label)


def histogram(axes: Axes, values: np.ndarray, bins: int = 30, span: tuple[float, float] | None = None) -> None:
    """How many of the finite values lie where, from the least to the greatest or in a span; values that are all alike
    have a bar in the middle.
    """
    values = values[np.isfinite(values)].astype(np.float64)
    low, high = span or ((float(values.min()), float(values.max())) if len(values) else (0.0, 1.0))
    if high - low < 1e-6 * max(abs(low), abs(high), 1.0):
        low, high = low - 0.01, high + 0.01
    axes.hist(values, bins=bins, range=(low, high), color=SERIES[0], alpha=0.8)
