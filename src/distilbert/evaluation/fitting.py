"""Calibrations fitted to logits and what is right: the likeliest temperature and biases, by Newton's method."""

import numpy as np

from ..calibration import Calibration
from ..tasks.numbers import logistic, softmax

_STEPS = 100
_SMALLEST_GAIN = 1e-10  # of a step
_LEAST_SCALE = 0.001  # that scores still differ where a model is no better than chance
_PRIOR = 1.0  # weighs as much as one example: what keeps answers that are all right from a temperature of 0


def fit(logits: np.ndarray, true: np.ndarray, *, biases: bool, several: bool) -> Calibration:
    """The calibration with the least cross-entropy (and prior: see `_PRIOR`), which has one minimum.

    Args:
        logits: float [n, C].
        true: bool [n, C]; with `several` any number of labels a row, each by itself, else one.
        biases: whether there is one for each label; they add up to 0 unless `several`.
    """
    logits = logits.astype(np.float64)
    labels = logits.shape[1]
    scale, bias = 1.0, np.zeros(labels)
    loss = _loss(logits, true, scale, bias, several)
    for _ in range(_STEPS):
        gradient, curvature = _derivatives(logits, true, scale, bias, several)
        free = labels + 1 if biases else 1
        step = np.zeros(labels + 1)
        step[:free] = np.linalg.solve(curvature[:free, :free], gradient[:free])
        size, gain = 1.0, 0.0
        while size > 1e-6:  # back from steps that go too far
            new_scale, new_bias = max(scale - size * step[0], _LEAST_SCALE), bias - size * step[1:]
            if (better := _loss(logits, true, new_scale, new_bias, several)) < loss:
                scale, bias, gain, loss = new_scale, new_bias, loss - better, better
                break
            size /= 2
        if gain < _SMALLEST_GAIN:
            break
    if not several:
        bias -= bias.mean()
    return Calibration(float(1 / scale), tuple(bias.tolist()) if biases else ())


def cross_entropy(logits: np.ndarray, true: np.ndarray, *, several: bool) -> np.ndarray:
    """Of each row, [n]; of several labels the sum over them."""
    if several:
        losses: np.ndarray = np.logaddexp(0, np.where(true, -logits, logits)).sum(1)
        return losses
    peak = logits.max(1, keepdims=True)
    whole = peak[:, 0] + np.log(np.exp(logits - peak).sum(1))
    rest: np.ndarray = whole - np.where(true, logits, 0).sum(1)
    return rest


def _loss(logits: np.ndarray, true: np.ndarray, scale: float, bias: np.ndarray, several: bool) -> float:
    prior = _PRIOR / 2 * ((scale - 1) ** 2 + float(bias @ bias)) / len(logits)
    return float(cross_entropy(scale * logits + bias, true, several=several).mean()) + prior


def _derivatives(
    logits: np.ndarray, true: np.ndarray, scale: float, bias: np.ndarray, several: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Of the loss by scale and biases: [1 + C], [1 + C, 1 + C]."""
    count, labels = logits.shape
    scores = (logistic if several else softmax)(scale * logits + bias)
    off = scores - true
    gradient = np.append((off * logits).sum(), off.sum(0)) / count
    spread = scores * (1 - scores) if several else scores
    weighted = spread * logits
    curvature = np.zeros((labels + 1, labels + 1))
    curvature[0, 0] = (weighted * logits).sum()
    curvature[0, 1:] = weighted.sum(0)
    curvature[1:, 1:] = np.diag(spread.sum(0))
    if not several:  # softmax: the labels of a row share one sum
        mean = weighted.sum(1)
        curvature[0, 0] -= mean @ mean
        curvature[0, 1:] -= mean @ scores
        curvature[1:, 1:] -= scores.T @ scores
    curvature[1:, 0] = curvature[0, 1:]
    prior = _PRIOR / count
    gradient += prior * np.append(scale - 1, bias)
    return gradient, curvature / count + prior * np.eye(labels + 1)
