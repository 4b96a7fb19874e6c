"""What a report reads of examples of every task: their words, and groups of them."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.examples import AnyExample, Data, texts_of

_WORD = re.compile(r"\w+")


def example_text(example: AnyExample) -> str:
    """All that a model reads of an example, as one text."""
    return " | ".join(texts_of(example))


def words_of(example: AnyExample) -> list[str]:
    """Its words in lower case, without punctuation."""
    return _WORD.findall(example_text(example).lower())


def lengths(data: Data[Any]) -> np.ndarray:
    """int64 [n], the words of each example."""
    return np.array([len(words_of(example)) for example in data.examples], np.int64)


SIZES = ("words: median", "95 % have at most", "longest")  # the heads of `sizes`


def sizes(words: np.ndarray) -> tuple[str, str, str]:
    """Of texts of so many words, int [n]."""
    middle, long = np.percentile(words, [50, 95])
    return f"{middle:.0f}", f"{long:.0f}", f"{words.max():,}"


def text_counts(data: Data[Any]) -> Counter[str]:
    """In how many examples each word stands."""
    counts: Counter[str] = Counter()
    for example in data.examples:
        counts.update(set(words_of(example)))
    return counts


def rare_shares(data: Data[Any], known: Counter[str] | None) -> np.ndarray:
    """float [n], the share of each example's words that stand in no other of them, or in none of `known`."""
    counts = text_counts(data) if known is None else known
    most = 1 if known is None else 0  # an example's own words are counted among its own
    shares = []
    for example in data.examples:
        words = words_of(example)
        shares.append(sum(counts[word] <= most for word in words) / max(len(words), 1))
    return np.array(shares)


Group = tuple[str, np.ndarray]  # a name, and bool [n]: which examples are in it


def groups(values: np.ndarray, edges: Sequence[float], names: Sequence[str]) -> list[Group]:
    """The examples whose value is at most each edge, and above the one before; those without any are left out."""
    place = np.searchsorted(edges, values)
    return [(name, place == index) for index, name in enumerate(names) if (place == index).any()]
