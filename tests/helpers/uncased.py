"""BERT's uncased tokenizer over the tests' vocabulary, and Transformers' beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import DATA
from distilbert import BertTokenizer, Encoding

VOCAB = DATA / "vocab.txt"
NAUGHTY: list[str] = json.loads((DATA / "naughty_strings.json").read_text(encoding="utf-8"))
RIGHTS = [line.split("\t")[1] for line in (DATA / "udhr.tsv").read_text(encoding="utf-8").splitlines()]
CLS, SEP, UNK, MASK = 101, 102, 100, 103

uncased = BertTokenizer.from_file(VOCAB)


def same(ours: Encoding, theirs: Any, index: int) -> bool:
    """Ids, offsets and word ids as in a BatchEncoding of Transformers."""
    return (
        ours.ids.tolist() == theirs["input_ids"][index]
        and ours.offsets.tolist() == [list(pair) for pair in theirs["offset_mapping"][index]]
        and [None if word < 0 else word for word in ours.word_ids.tolist()] == theirs.word_ids(index)
    )


def check_same(ours: list[Encoding], theirs: Any, texts: list[Any]) -> None:
    wrong = [texts[index] for index, encoding in enumerate(ours) if not same(encoding, theirs, index)]
    assert not wrong, f"{len(wrong)} of {len(texts)} texts differ, the first: {wrong[0]!r}"


def transformers_tokenizer(vocab: Path = VOCAB, **options: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.DistilBertTokenizer(vocab=str(vocab), **options)
