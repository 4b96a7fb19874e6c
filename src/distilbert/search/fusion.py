"""One ranking of several: those of vectors and of sparse vectors, or of several models."""

from collections import defaultdict
from collections.abc import Iterable

from ..errors import check_whole
from ..results import Found, Hit, Ranked


def reciprocal_rank_fusion(
    rankings: Iterable[Iterable[Hit | Found | Ranked]], top_k: int = 10, *, k: int = 60
) -> list[Hit]:
    """The best of several rankings of one corpus: a text's score is the sum of 1 / (k + rank), ranks from 1 on.

    Cormack, Clarke and Büttcher 2009, SIGIR, doi 10.1145/1571941.1572114, whose k is 60. Scores of the rankings do not
    matter, which is why rankings by different measures can be joined. Equal ones stand in order of their index.

    Raises:
        InputError: for `top_k` or `k` outside their range.
    """
    check_whole("top_k", top_k)
    check_whole("k", k, least=0)
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, hit in enumerate(ranking, 1):
            scores[hit.index] += 1 / (k + rank)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:top_k]
    return [Hit(index, score) for index, score in best]
