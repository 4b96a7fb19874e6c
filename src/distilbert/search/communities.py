"""Groups of vectors that are close to one of them."""

import numpy as np

from ..errors import InputError, check_whole, short_repr
from ..pooling import Normalize
from ..tasks.numbers import largest
from .exact import check_vectors, norms

_ROWS = 1024  # vectors that are compared with all others at once


def community_detection(
    vectors: np.ndarray, *, threshold: float = 0.75, min_community_size: int = 10
) -> list[list[int]]:
    """Groups of vectors whose cosine with the group's centre is at least `threshold`; no vector is in two.

    The same as `sentence_transformers.util.community_detection`: the largest neighbourhood becomes the first group;
    of each that follows, what is left by then.

    Args:
        vectors: floats [N, D].
        min_community_size: smaller groups are left out.

    Returns:
        Indices of the groups, the largest group first; each begins with its centre and goes on with the most similar.

    Raises:
        InputError: for anything else, and for vectors that hold NaN or infinity.
    """
    check_vectors(vectors)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not -1 <= threshold <= 1:
        raise InputError(f"threshold must be a cosine, from -1 to 1, not {short_repr(threshold)}")
    check_whole("min_community_size", min_community_size)
    norms(vectors)  # raises for NaN
    neighbourhoods = _neighbourhoods(Normalize()(vectors.astype(np.float32)), threshold, min_community_size)
    neighbourhoods.sort(key=lambda found: len(found[1]), reverse=True)
    taken = np.zeros(len(vectors), bool)
    communities = []
    for centre, members in neighbourhoods:
        if taken[centre]:
            continue
        free = members[~taken[members]]
        if len(free) >= min_community_size:
            communities.append([centre, *free[free != centre].tolist()])
            taken[communities[-1]] = True
    return sorted(communities, key=len, reverse=True)


def _neighbourhoods(vectors: np.ndarray, threshold: float, least: int) -> list[tuple[int, np.ndarray]]:
    """Each vector that has so many neighbours, itself among them, and these, nearest first."""
    found: list[tuple[int, np.ndarray]] = []
    for start in range(0, len(vectors), _ROWS):
        scores = vectors[start : start + _ROWS] @ vectors.T
        counts = (scores >= np.float32(threshold)).sum(-1)
        found += [
            (start + int(row), largest(scores[row], int(counts[row])).astype(np.uint32))
            for row in np.flatnonzero(counts >= least)
        ]
    return found
