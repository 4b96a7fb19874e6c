"""How SQuAD compares answers: exact match, and F1 of words."""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normal_answer(text: str) -> str:
    """An answer as SQuAD compares it: lower case, without ASCII punctuation and articles, single spaces.

    Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def squad_scores(predicted: str, answers: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 of words, each the best over the true answers.

    No true answer means that there is none, which "" says. As in the scorer of SQuAD 2.0, answers of which
    nothing remains do not count; for SQuAD 1.1 that makes no difference.
    """
    given = normal_answer(predicted)
    wanted = [normal for answer in answers if (normal := normal_answer(answer))] or [""]
    return max(float(given == right) for right in wanted), max(
        _word_f1(given.split(), right.split()) for right in wanted
    )


def _word_f1(predicted: list[str], true: list[str]) -> float:
    if not predicted or not true:
        return float(predicted == true)
    same = (Counter(predicted) & Counter(true)).total()
    return 2 * same / (len(predicted) + len(true))
