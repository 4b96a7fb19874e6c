"""A student of recipes/entities.py's model with less than a quarter of its parameters, also taught by unlabelled text.

DISTILBERT_DATA=path/to/data python recipes/distil_entities.py

The unlabelled text is wikitext2 and a part of the paragraphs of public-domain books.
"""

from pathlib import Path

import entities
from common import WORK, part_files, share
from masked_lm import paragraphs, wikipedia
from teaching import students

SETTINGS = {
    "layers": 2,
    "hidden_dim": 880,
    "vocab_size": 12000,
    "epochs": 3,
    "batch_size": 64,
    "learning_rate": 5e-4,
    "hard": 1.0,
    "precision": "bfloat16",
}
SHARE = 0.03  # of the books' paragraphs
LONGEST = 60  # words of a line


def unlabelled() -> Path:
    """Paragraphs cut into pieces of the length of sentences."""
    texts = [*wikipedia("valid"), *wikipedia("test"), *(own for own in paragraphs() if share(own) < SHARE)]
    path = WORK / "entities.unlabelled.txt"
    lines = [
        " ".join(words[start : start + LONGEST])
        for words in (text.split() for text in texts)
        for start in range(0, len(words), LONGEST)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    files = part_files("entities", ".jsonl")
    students(
        "distil-entities", WORK / "entities", entities.TASK, files["test"], SETTINGS,
        train=files["train"], eval=files["dev"], unlabelled=[unlabelled()],
    )  # fmt: skip
