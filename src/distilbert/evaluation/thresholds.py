"""From which score on a label is said: what each threshold costs."""

from collections.abc import Iterator, Sequence

import numpy as np

from .metrics import parts
from .scores import Breakdown

_RECALLS = (0.8, 0.9, 0.95)
_AT_RECALL = tuple(f"precision at recall {recall:g}" for recall in _RECALLS)


def threshold_table(labels: Sequence[str], true: np.ndarray, scores: np.ndarray) -> Breakdown:
    """For each label, from bool and float [n, C]: the threshold of the best F1, and the precision at some recalls."""
    columns = ("label", "best threshold", "precision", "recall", "f1", "f1 at 0.5", *_AT_RECALL)
    rows: list[tuple[str | float | None, ...]] = []
    for column, label in enumerate(labels):
        wanted, score = true[:, column], scores[:, column]
        if not wanted.any():
            rows.append((label, *[None] * (len(columns) - 1)))
            continue
        best = (-1.0, 0.0, 0.0, 0.0)  # F1, and its recall, precision and threshold
        reached = [0.0] * len(_RECALLS)
        for threshold, precision, recall in _curve(wanted, score):
            f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-30)
            at = int(f1.argmax())
            if f1[at] > best[0]:  # of equal ones the highest threshold
                best = (float(f1[at]), float(recall[at]), float(precision[at]), float(threshold[at]))
            for place, least in enumerate(_RECALLS):
                reached[place] = max(reached[place], float(precision[recall >= least - 1e-12].max(initial=0.0)))
        half = score >= 0.5
        at_half = 2 * float((half & wanted).sum()) / max(float(half.sum() + wanted.sum()), 1.0)
        rows.append((label, *best[::-1], at_half, *reached))
    return Breakdown("thresholds", columns, rows)


def precision_recall(true: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds, highest first, with the precision and recall of saying yes from each on: [K] distinct scores.

    `true` bool [n], some of them true; `scores` float [n].
    """
    threshold, precision, recall = (np.concatenate(each) for each in zip(*_curve(true, scores), strict=True))
    return threshold, precision, recall


def _curve(true: np.ndarray, scores: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """What `precision_recall` gives, piece by piece."""
    order = np.argsort(-scores, kind="stable")
    wanted, hits = int(true.sum()), 0
    for part in parts(len(order)):
        ordered = scores[order[part.start : part.stop + 1]]  # with the one behind, if any: equal ones are one threshold
        last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True] * (part.stop == len(order))))
        found = hits + np.cumsum(true[order[part]])
        hits = int(found[-1])
        if len(last):
            yield ordered[last], found[last] / (part.start + last + 1), found[last] / wanted
