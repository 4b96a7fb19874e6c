"""Linear models of text vectors in NumPy: logistic regression for classes and labels, ridge regression for numbers.

All minimise the loss of scikit-learn's, `|W|²/2 + strength · Σ loss`, which leaves the bias free.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_MEMORY, _MOST_STEPS, _TOLERANCE = 10, 500, 1e-6  # of L-BFGS
_ARMIJO = 1e-4
_FOLDS = 5
STRENGTHS = (0.1, 1.0, 10.0, 100.0)

Loss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]  # logits, targets [n, C] -> [n], its gradient


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Logits of vectors: weight [C, D], bias [C]."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """[n, D] -> [n, C]."""
        return np.asarray(vectors @ self.weight.T + self.bias)


def softmax_loss(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy with one class each: targets one-hot."""
    shifted = logits - logits.max(1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(1, keepdims=True))
    return -((shifted - log_total) * targets).sum(1), np.exp(shifted - log_total) - targets


def sigmoid_loss(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Binary cross-entropy of several labels, summed over them: targets of 0 and 1."""
    losses = np.logaddexp(0, logits) - logits * targets
    return losses.sum(1), np.exp(-np.logaddexp(0, -logits)) - targets


def squared_loss(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half of the squared error."""
    errors = logits - targets
    return (errors**2).sum(1) / 2, errors


def fit(
    vectors: np.ndarray, targets: np.ndarray, loss: Loss, *, strength: float, weights: np.ndarray | None = None
) -> LinearHead:
    """The head with the least loss.

    Args:
        vectors: float [n, D].
        targets: float [n, C], as the loss takes them.
        weights: float [n], how much each example counts; None: all the same.
    """
    x, counts = vectors.astype(np.float64), np.ones(len(vectors)) if weights is None else weights
    shape = (targets.shape[1], x.shape[1] + 1)

    def total(flat: np.ndarray) -> tuple[float, np.ndarray]:
        both = flat.reshape(shape)
        weight, bias = both[:, :-1], both[:, -1]
        losses, gradient = loss(x @ weight.T + bias, targets)
        gradient = gradient * (strength * counts)[:, None]
        by_weight = gradient.T @ x + weight
        value = float((weight**2).sum() / 2 + strength * (losses * counts).sum())
        return value, np.concatenate([by_weight, gradient.sum(0)[:, None]], axis=1).ravel()

    found = _minimised(total, np.zeros(shape[0] * shape[1])).reshape(shape)
    return LinearHead(found[:, :-1], found[:, -1])


def best_strength(
    vectors: np.ndarray, targets: np.ndarray, loss: Loss, *, weights: np.ndarray | None = None, seed: int = 0
) -> float:
    """That of `STRENGTHS` with the least loss on examples left out, in five folds; 1 where there are too few."""
    folds = np.random.default_rng(seed).permutation(len(vectors)) % _FOLDS
    if len(vectors) < 2 * _FOLDS:
        return 1.0
    losses = dict.fromkeys(STRENGTHS, 0.0)
    for strength in STRENGTHS:
        for fold in range(_FOLDS):
            rest, out = folds != fold, folds == fold
            head = fit(
                vectors[rest],
                targets[rest],
                loss,
                strength=strength,
                weights=None if weights is None else weights[rest],
            )
            losses[strength] += float(loss(head(vectors[out]), targets[out])[0].sum())
    return min(losses, key=losses.__getitem__)


def _minimised(function: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray) -> np.ndarray:
    """The place of the least value of a convex function that gives value and gradient: L-BFGS.

    Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4 and 7.5, with steps halved until they pay.
    """
    x = start
    steps: list[np.ndarray] = []
    changes: list[np.ndarray] = []
    value, gradient = function(x)
    for _ in range(_MOST_STEPS):
        if np.abs(gradient).max() < _TOLERANCE:
            break
        direction = -_scaled(gradient, steps, changes)
        size, slope = 1.0, float(gradient @ direction)
        while True:
            new = x + size * direction
            new_value, new_gradient = function(new)
            if new_value <= value + _ARMIJO * size * slope or size < 1e-12:
                break
            size /= 2
        step, change = new - x, new_gradient - gradient
        if step @ change > 1e-14:
            steps, changes = [*steps, step][-_MEMORY:], [*changes, change][-_MEMORY:]
        if value - new_value < 1e-12 * max(1.0, abs(value)):
            return new
        x, value, gradient = new, new_value, new_gradient
    return x


def _scaled(gradient: np.ndarray, steps: list[np.ndarray], changes: list[np.ndarray]) -> np.ndarray:
    """The gradient by the approximate inverse of the Hessian."""
    direction = gradient.copy()
    factors = []
    for step, change in zip(reversed(steps), reversed(changes), strict=True):
        factor = (step @ direction) / (step @ change)
        factors.append(factor)
        direction -= factor * change
    if steps:
        direction *= (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for step, change, factor in zip(steps, changes, reversed(factors), strict=True):
        direction += step * (factor - (change @ direction) / (step @ change))
    return direction
