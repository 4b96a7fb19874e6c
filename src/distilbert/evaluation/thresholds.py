"""From which score on a label is said: what each threshold costs."""

from collections.abc import Sequence

import numpy as np

from .scores import Breakdown

_RECALLS = (0.8, 0.9, 0.95)
_AT_RECALL = tuple(f"precision at recall {recall:g}" for recall in _RECALLS)


def threshold_table(labels: Sequence[str], true: np.ndarray, scores: np.ndarray) -> Breakdown:
    """For each label, from bool and float [n, C]: the threshold of the best F1, and the precision at some recalls."""
    columns = ("label", "best threshold", "precision", "recall", "f1", "f1 at 0.5", *_AT_RECALL)
    rows: list[tuple[str | float | None, ...]] = []
    for place, label in enumerate(labels):
        wanted, score = true[:, place], scores[:, place]
        if not wanted.any():
            rows.append((label, *[None] * (len(columns) - 1)))
            continue
        threshold, precision, recall = precision_recall(wanted, score)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-30)
        best = int(f1.argmax())
        half = score >= 0.5
        at_half = 2 * float((half & wanted).sum()) / max(float(half.sum() + wanted.sum()), 1.0)
        reached = [float(precision[recall >= least - 1e-12].max()) for least in _RECALLS]
        rows.append((label, *(float(x[best]) for x in (threshold, precision, recall, f1)), at_half, *reached))
    return Breakdown("thresholds", columns, rows)


def precision_recall(true: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds, highest first, with the precision and recall of saying yes from each on: [K] distinct scores.

    `true` bool [n], some of them true; `scores` float [n].
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits = np.cumsum(true[order])[last]
    return ordered[last], hits / (last + 1), hits / hits[-1]
