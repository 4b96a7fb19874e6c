"""Leave-one-out: how much the number falls where a group of tokens is masked. Exact, and without torch.

A masked token becomes [MASK], which keeps the places of all others; DistilBERT has seen [MASK] in its pre-training, and
has not seen a sentence with a hole. Li, Monroe and Jurafsky 2016, https://arxiv.org/abs/1612.08220 (erasure).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TokenizerError
from ..tokenizer import BertTokenizer
from .targets import Target


@dataclass(frozen=True, eq=False)
class Erasure:
    """The number for the text as it is, where all groups are masked, and by how much it falls without each [groups]."""

    score: float
    baseline: float
    falls: np.ndarray


def mask_id(tokenizer: BertTokenizer) -> int:
    """The id that stands for a token left out: [MASK], or where there is none the unknown or the padding token."""
    for index in (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id):
        if index is not None:
            return index
    raise TokenizerError("the tokenizer has no mask, unknown or padding token to put in a token's place")


def masked(ids: np.ndarray, places: np.ndarray, mask: int) -> np.ndarray:
    """The ids [T] with `mask` at these places."""
    ids = ids.copy()
    ids[places] = mask
    return ids


def leave_out(target: Target, groups: Sequence[np.ndarray], mask: int) -> Erasure:
    """Mask each group of tokens (places in the text) by itself; all variants run in one stream of packed batches."""
    ids = target.encoding.ids
    every = np.concatenate(groups)
    numbers = target.numbers([ids, masked(ids, every, mask), *(masked(ids, group, mask) for group in groups)])
    return Erasure(float(numbers[0]), float(numbers[1]), numbers[0] - numbers[2:])
