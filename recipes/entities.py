"""Persons, organisations and places: wnut17 and the dev part of UNER English EWT, scored on UNER's test part.

    DISTILBERT_DATA=path/to/data python recipes/entities.py

A tenth of UNER's dev sentences, by a hash of their words, chooses the best weights; the rest is learnt from.
"""

from collections.abc import Sequence
from pathlib import Path

from common import follow, part_files, share, source, write_rows
from distilbert.evaluation import TaggedWords, read_data

TASK = "token-classification"
SETTINGS = {
    "epochs": 6,
    "batch_size": 32,
    "learning_rate": 3e-4,
    "layer_decay": 0.9,
    "patience": 3,
    "precision": "bfloat16",
}
TWEETS = "wnut17/wnut17train.conll"
# wnut17's types -> UNER's three; its products and creative works are none of them
TYPES = {"person": "PER", "location": "LOC", "corporation": "ORG", "group": "ORG"}


def prepare() -> dict[str, Path]:
    tweets, dev, test = (
        read_data(source(name), TASK).examples
        for name in (
            TWEETS,
            "uner_english_ewt/en_ewt-ud-dev.iob2",
            "uner_english_ewt/en_ewt-ud-test.iob2",
        )
    )
    held_out = [share(" ".join(example.words)) < 0.1 for example in dev]
    files = part_files("entities", ".jsonl")
    write(files["train"], [*tweets, *(example for example, held in zip(dev, held_out) if not held)])
    write(files["dev"], [example for example, held in zip(dev, held_out) if held])
    write(files["test"], test)
    return files


def write(file: Path, examples: Sequence[TaggedWords]) -> None:
    write_rows(file, ({"words": each.words, "labels": [*map(renamed, each.labels)]} for each in examples))


def renamed(label: str) -> str:
    prefix, _, kind = label.partition("-")
    kind = TYPES.get(kind, kind)
    return f"{prefix}-{kind}" if kind in ("PER", "LOC", "ORG") else "O"


def main() -> None:
    follow("entities", TASK, prepare(), SETTINGS)


if __name__ == "__main__":
    main()
