"""Plain text -> blocks of tokens, as masked language modelling reads it."""

from collections.abc import Sequence

import numpy as np

from ..tokenizer import BertTokenizer

MASKED_BLOCK = 128  # tokens, special ones included


def blocks(tokenizer: BertTokenizer, texts: Sequence[str], limit: int) -> list[np.ndarray]:
    """The texts one after another, cut into blocks of at most `limit` ids [T], special tokens around each."""
    whole = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    if not whole:
        return []
    first, last = whole[0][: tokenizer.opening_count], whole[0][len(whole[0]) - tokenizer.closing_count :]
    stream = np.concatenate([tokenizer.body(ids) for ids in whole])
    room = limit - tokenizer.special_count
    return [np.concatenate([first, stream[start : start + room], last]) for start in range(0, len(stream), room)]
