"""Labels of the data that are likely wrong, by confident learning.

Northcutt, Jiang and Chuang 2021, https://doi.org/10.1613/jair.1.12125.
"""

import numpy as np

_ROUNDING = 1e-9  # a score that is its own mean reaches it


def likely_label_errors(given: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which examples likely have another label than they were given, and which one: int [K] and int [K], worst first.

    A label's threshold is its mean score over the examples that were given it. An example counts for the label with the
    highest score among those that reach their thresholds; where that is another one than was given, the example lies
    off the diagonal of the confident joint. The order is that of the scores' difference.

    Args:
        given: int [n], label indices.
        scores: float [n, C], probabilities by a model that was not trained on these examples.
    """
    classes = scores.shape[1]
    counts = np.bincount(given, minlength=classes)
    sums = np.bincount(given, scores[np.arange(len(given)), given], minlength=classes)
    # a label that no example was given has no threshold, and none can be said to have it
    thresholds = np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)
    reached = np.where(scores >= thresholds - _ROUNDING, scores, -np.inf)
    likely = reached.argmax(1)
    found = np.flatnonzero(np.isfinite(reached.max(1)) & (likely != given))
    gap = scores[found, likely[found]] - scores[found, given[found]]
    found = found[np.argsort(-gap, kind="stable")]
    return found, likely[found]
