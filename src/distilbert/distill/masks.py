"""Masked language modelling as DistilBERT was distilled with."""

import math
from dataclasses import replace

import numpy as np

from ..data.examples import Data, PlainText
from ..errors import InputError
from ..nn.packed import IGNORE
from ..tokenizer import BertTokenizer
from ..train.objective import Item
from ..train.objectives import CHOSEN, FillMasks

_SMOOTHING = 0.7
_SHORT = 11  # tokens
_UNKNOWN = 0.5  # share of a block's tokens


class SmoothedMasks(FillMasks):
    """15 % of the tokens of a block, drawn with probabilities in proportion to count^-0.7: rare tokens more often.

    Sanh et al. 2019, and its training code. Short blocks, and those that are mostly unknown tokens, are left out.
    """

    def __init__(self, data: Data[PlainText], tokenizer: BertTokenizer, max_length: int, *, every_row: bool) -> None:
        """`every_row`: the head reads all tokens, and the label of one that is not masked is `IGNORE`."""
        super().__init__(data, tokenizer, max_length)
        self.items = [
            item
            for item in self.items
            if item.tokens > _SHORT and (item.texts[0] == tokenizer.unk_token_id).mean() < _UNKNOWN
        ]
        if not self.items:
            raise InputError(f"{data.source}: has no text of more than {_SHORT} tokens that the vocabulary knows")
        counts = np.bincount(np.concatenate([item.texts[0] for item in self.items]), minlength=tokenizer.vocab_size)
        self._weights = np.maximum(counts, 1) ** -_SMOOTHING
        self._every_row = every_row

    def choose(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        weights = self._weights[ids]
        return np.sort(rng.choice(len(ids), math.ceil(CHOSEN * len(ids)), replace=False, p=weights / weights.sum()))

    def draw(self, item: Item, rng: np.random.Generator) -> Item:
        drawn = super().draw(item, rng)
        if not self._every_row:
            return drawn
        targets = np.full(drawn.tokens, IGNORE)
        targets[(drawn.rows or ())[0]] = drawn.target
        return replace(drawn, rows=None, target=targets)
