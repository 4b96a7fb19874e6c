"""More unlabelled text: real texts with words masked or left out.

Tang et al. 2019, https://arxiv.org/abs/1903.12136, section 3.2: each word becomes a mask with probability 0.1, and
with probability 0.25 only one to five neighbouring words of a text are kept.
"""

from collections.abc import Sequence

import numpy as np

_MASKED, _CUT = 0.1, 0.25
_LONGEST = 5


def altered(words: Sequence[str], mask: str, rng: np.random.Generator) -> list[str]:
    """At least one of the words, some masked or left out, as drawn from `rng`."""
    kept = [mask if hidden else word for word, hidden in zip(words, rng.random(len(words)) < _MASKED, strict=True)]
    if len(kept) > 1 and rng.random() < _CUT:
        length = int(rng.integers(1, min(_LONGEST, len(kept)) + 1))
        start = int(rng.integers(0, len(kept) - length + 1))
        kept = kept[start : start + length]
    return kept
