"""report.html: what was trained on what, how it went, and what the model still has wrong.

The page is one file with its drawings inside: it asks for nothing from anywhere.
"""

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.intervals import Interval
from ..evaluation.metrics import calibration_bins
from ..evaluation.scores import Scores
from ..files import written_whole
from .checkpoints import State
from .model_card import setting_text

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 460, 240, 56, 34, 12
_MOST_POINTS = 400  # of a curve or a scatter: more cannot be told apart
_MOST_LABELS = 30  # of a confusion matrix that can be read
_LONGEST_TEXT = 600  # characters of a mistake
_MEANING = {  # of metrics, for people who do not meet them every day
    "accuracy": "share of examples that are right",
    "f1_macro": "mean over the labels of their F1: rare labels count as much as frequent ones",
    "f1_micro": "F1 over all labels of all examples",
    "mcc": "Matthews' correlation: 0 for guessing, 1 for no mistake",
    "auc": "how often a right example is scored above a wrong one",
    "cross_entropy": "mean surprise, less is better",
    "calibration_error": "how far confidence and accuracy are apart, less is better",
    "exact_match": "share of examples that are right in whole",
    "f1": "harmonic mean of precision and recall",
    "precision": "share of what was found that is right",
    "recall": "share of what there is that was found",
    "word_accuracy": "share of words with the right label",
    "pearson": "correlation with the true numbers",
    "spearman": "correlation of the order",
    "rmse": "root mean square error, less is better",
    "mrr": "mean of 1 / rank of the true partner",
    "top1_accuracy": "share of masks filled with the true token",
    "top5_accuracy": "share of masks whose token is among the first five",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6675; --line: #d5dae1; --paper: #fff; --a: #2563a8;
  --b: #c2571a; --cell: 37, 99, 168; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa4b2; --line: #39424f; --paper: #14181e;
  --a: #79b0ec; --b: #f0a06a; --cell: 121, 176, 236; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2.5rem auto;
  max-width: 62rem; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p, .soft { color: var(--soft); } p { max-width: 46rem; margin: .3rem 0 .8rem; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); } td.n, th.n { text-align: right; }
.matrix td { text-align: center; padding: .35rem .6rem; border: 1px solid var(--paper); min-width: 2.6rem; }
.matrix th { border: 0; padding: .35rem .6rem; }
svg { max-width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.axis { stroke: var(--line); fill: none; } .a { stroke: var(--a); fill: none; stroke-width: 2; }
.b { stroke: var(--b); fill: none; stroke-width: 2; } .dot { fill: var(--b); } .point { fill: var(--a); opacity: .55; }
.same { stroke: var(--soft); stroke-dasharray: 4 4; }
"""


def write_report(
    out: Path,
    facts: Mapping[str, Any],
    state: State,
    details: Scores | None,
    scores: Mapping[str, Interval],
) -> None:
    """Write report.html into `out`.

    `facts` say how the model was made, "from" what and by which "command"; `details` and `scores` are those of
    the best weights, None and empty where nothing was evaluated.
    """
    with written_whole(out / "report.html") as path:
        path.write_text(_page(facts, state, details, scores), encoding="utf-8", errors="replace")


# the page -------------------------------------------------------------------------------------------


def _page(facts: Mapping[str, Any], state: State, details: Scores | None, scores: Mapping[str, Interval]) -> str:
    settings = facts["settings"]
    parts = [
        f"<h1>{_text(facts['task'])}</h1>",
        f"<p>{_text(facts['made'])} from {_text(facts['from'])}, on {facts['train_examples']:,} examples of "
        f"{_text(settings['train'])} in {facts['steps']:,} steps, {_duration(facts['seconds'])} "
        f"({facts['tokens'] / max(facts['seconds'], 1e-9):,.0f} tokens a second).</p>",
    ]
    if scores:
        rows = [
            (name, f"{s.value:.4f}", f"{s.low:.4f}", f"{s.high:.4f}", _MEANING.get(name, ""))
            for name, s in scores.items()
        ]
        parts += [
            "<h2>Scores</h2>",
            f"<p>On {facts['eval_examples']:,} examples of {_text(settings['eval'])}, with the weights of step "
            f"{facts['best_step']:,}, the best by {_text(details.main if details else '')}. From and to hold 95 % "
            "of bootstrap samples.</p>",
            _table(("metric", "value", "from", "to", ""), rows, numbers=(1, 2, 3)),
        ]
    parts += ["<h2>Curves</h2>", '<div class="row">', _figure("loss", [("a", state.losses)])]
    if details and len(state.scores) > 1:
        curve = [(step, scores_then[details.main]) for step, scores_then in state.scores]
        parts.append(_figure(details.main, [("b", curve)], mark=state.best_step))
    parts.append("</div>")
    if details:
        parts += _detailed(details)
    set_to = [(name, setting_text(value)) for name, value in settings.items()]
    versions = [(name, str(version)) for name, version in facts["versions"].items()]
    parts += ["<h2>Settings</h2>", _table(("setting", "value"), [*set_to, *versions])]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(facts['task'])}: training report</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _detailed(details: Scores) -> list[str]:
    """Confusion, calibration, true against predicted numbers, and mistakes, as far as the task has them."""
    parts = []
    if details.confusion is not None and len(details.labels) <= _MOST_LABELS:
        parts += [
            "<h2>Confusion</h2>",
            "<p>Rows are true labels, columns what the model said; the shade is the share of the row.</p>",
            f'<div class="wide">{_matrix(details.labels, details.confusion)}</div>',
        ]
    if details.confidence is not None and details.right is not None:
        parts += [
            "<h2>Calibration</h2>",
            "<p>How often the model is right when it says that it is so sure. On the dashed line it is as often "
            "right as it says; the area of a dot is its share of the examples.</p>",
            _reliability(details.confidence, details.right),
        ]
    if details.points is not None:
        parts += [
            "<h2>Predictions</h2>",
            "<p>True values to the right, predicted ones up.</p>",
            _scatter(*details.points),
        ]
    if details.mistakes:
        with_text = any(mistake.text for mistake in details.mistakes)
        head = (*(["example"] if with_text else []), "true", "predicted", details.worst_by)
        rows = [
            (*([_cut(m.text)] if with_text else []), _cut(m.true), _cut(m.predicted), f"{m.weight:.3g}")
            for m in details.mistakes
        ]
        parts += [
            "<h2>Worst mistakes</h2>",
            "<p>Look here for wrong labels in the data, and for what the model cannot know.</p>",
            f'<div class="wide">{_table(head, rows, numbers=(len(head) - 1,))}</div>',
        ]
    return parts


def _text(value: object) -> str:
    return html.escape(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " …"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if place in numbers else ''}>{_text(cell)}</{tag}>" for place, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><tr>{line(head, 'th')}</tr>{body}</table>"


def _matrix(labels: Sequence[str], confusion: np.ndarray) -> str:
    head = "".join(f"<th>{_text(label)}</th>" for label in labels)
    rows = []
    for label, counts in zip(labels, confusion.tolist(), strict=True):
        total = max(sum(counts), 1)
        cells = "".join(
            f'<td style="background: rgba(var(--cell), {0.85 * count / total:.3f})">{count:,}</td>' for count in counts
        )
        rows.append(f"<tr><th>{_text(label)}</th>{cells}</tr>")
    return f'<table class="matrix"><tr><th></th>{head}</tr>{"".join(rows)}</table>'


# drawings -------------------------------------------------------------------------------------------


class _Frame:
    """The axes of a drawing, and the place of a value between them."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], title: str) -> None:
        self.x, self.y, self.title = x, y, title

    def at(self, x: float, y: float) -> tuple[float, float]:
        (x0, x1), (y0, y1) = self.x, self.y
        right, up = (x - x0) / ((x1 - x0) or 1), (y - y0) / ((y1 - y0) or 1)
        return _LEFT + right * (_WIDTH - _LEFT - 14), _HEIGHT - _BOTTOM - up * (_HEIGHT - _BOTTOM - _TOP)

    def drawn(self, *content: str) -> str:
        lines = []
        for value in _ticks(*self.y):
            left, height = self.at(self.x[0], value)
            right, _ = self.at(self.x[1], value)
            lines.append(f'<path class="axis" d="M{left:.1f} {height:.1f}H{right:.1f}"/>')
            lines.append(f'<text x="{_LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{value:.4g}</text>')
        for value in _ticks(*self.x):
            along, _ = self.at(value, self.y[0])
            lines.append(f'<text x="{along:.1f}" y="{_HEIGHT - 12}" text-anchor="middle">{value:.4g}</text>')
        return (
            f'<figure style="margin: 0"><figcaption class="soft">{_text(self.title)}</figcaption>'
            f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{_text(self.title)}">{"".join([*lines, *content])}</svg></figure>'
        )


def _ticks(low: float, high: float) -> list[float]:
    """Some three to seven round numbers from low to high."""
    rough = (high - low) / 6 or 1
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(size for size in (1, 2, 5, 10) if size * power >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)]


def _figure(title: str, curves: Sequence[tuple[str, Sequence[tuple[int, float]]]], mark: int = 0) -> str:
    """Curves of (step, value), each with its class; a dot at the step `mark`."""
    values = [value for _, curve in curves for _, value in curve if math.isfinite(value)]
    last = max((step for _, curve in curves for step, _ in curve), default=1)
    low, high = min(values, default=0.0), max(values, default=1.0)
    frame = _Frame((0, last), (low, high if high > low else low + 1), f"{title} by step")
    content = []
    for kind, curve in curves:
        places = [frame.at(step, value) for step, value in _thinned(curve) if math.isfinite(value)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        content.append(f'<polyline class="{kind}" points="{line}"/>')
        for step, value in curve:
            if step == mark or len(curve) == 1:
                x, y = frame.at(step, value)
                content.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
    return frame.drawn(*content)


def _thinned(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most `_MOST_POINTS`, each the mean of its neighbours."""
    if len(curve) <= _MOST_POINTS:
        return list(curve)
    parts = np.array_split(np.array(curve), _MOST_POINTS)
    return [(int(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts]


def _reliability(confidence: np.ndarray, right: np.ndarray) -> str:
    frame = _Frame((0, 1), (0, 1), "share that is right, by confidence")
    (x0, y0), (x1, y1) = frame.at(0, 0), frame.at(1, 1)
    content = [f'<path class="same" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>']
    for sure, share, count in calibration_bins(confidence, right):
        x, y = frame.at(sure, share)
        radius = max(2.0, 22 * math.sqrt(count / len(confidence)))
        content.append(f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>')
    return frame.drawn(*content)


def _scatter(true: np.ndarray, predicted: np.ndarray) -> str:
    frame = _Frame((true.min(), true.max()), (predicted.min(), predicted.max()), "predicted by true")
    chosen = np.random.default_rng(0).permutation(len(true))[:_MOST_POINTS]
    places = [frame.at(float(true[i]), float(predicted[i])) for i in chosen]
    return frame.drawn(*(f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places))
