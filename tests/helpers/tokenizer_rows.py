"""Encodings as rows that are alike of this package and of Transformers."""

import warnings
from pathlib import Path
from typing import Any

from distilbert import BertTokenizer, Encoding, TokenizerWarning
from helpers.tokenizer_folders import TEXTS


def opened(folder: Path) -> BertTokenizer:
    """The tokenizer of a folder, without the warnings that have tests of their own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TokenizerWarning)
        return BertTokenizer.from_folder(folder)


def rows(encodings: list[Encoding]) -> list[Any]:
    return [
        (e.ids.tolist(), e.offsets.tolist(), [None if word < 0 else word for word in e.word_ids.tolist()])
        for e in encodings
    ]


def their_rows(theirs: Any, **options: Any) -> list[Any]:
    read = theirs(list(TEXTS), return_offsets_mapping=True, **options)
    return [
        (ids, [list(pair) for pair in offsets], read.word_ids(index))
        for index, (ids, offsets) in enumerate(zip(read["input_ids"], read["offset_mapping"], strict=True))
    ]
