"""A student of recipes/entities.py's model, a third as slow, also taught by text without labels.

DISTILBERT_DATA=path/to/data python recipes/distil_entities.py

It keeps the teacher's whole vocabulary: the names of the test part are not those of the text it learns from, and a name
cut into small pieces is not known any more. Words cost memory, not time.

The text without labels is what names much: encyclopedia (wikitext2, SQuAD's contexts), news and captions (the sentences
of STS-B's train part), speeches, and parts of film reviews and books.
"""

from collections.abc import Sequence
from pathlib import Path

import entities
from answers import articles
from common import WORK, part_files, share, source, write_lines
from distil_sentiment import review_sentences
from distil_vectors import pair_sentences
from masked_lm import paragraphs, wikipedia
from teaching import students

SETTINGS = {
    "layers": 3,
    "hidden_dim": 330,
    "epochs": 6,
    "batch_size": 64,
    "learning_rate": 5e-4,
    "max_batch_tokens": 2048,
    "hard": 1.0,
    "cosine": 1.0,
    "dropout": 0.0,  # there is text enough, and without it steps take four fifths of the time
    "precision": "bfloat16",
}
SPEECHES, REVIEWS, BOOKS = 0.2, 0.1, 0.02  # shares of the text
LONGEST = 60  # words of a line


def unlabelled() -> Path:
    """Paragraphs cut into pieces of the length of sentences."""
    contexts = [paragraph["context"] for article in articles() for paragraph in article["paragraphs"]]
    speeches = [
        line for path in sorted(source("speeches").glob("*.txt")) for line in path.read_text("utf-8").split("\n")
    ]
    texts = [*wikipedia("valid"), *wikipedia("test"), *contexts, *pair_sentences()]
    texts += sample(speeches, SPEECHES) + sample(review_sentences(), REVIEWS) + sample(paragraphs(), BOOKS)
    lines = [
        " ".join(words[start : start + LONGEST])
        for words in (text.split() for text in texts)
        for start in range(0, len(words), LONGEST)
    ]
    path = WORK / "entities.unlabelled.txt"
    write_lines(path, dict.fromkeys(lines))
    return path


def sample(texts: Sequence[str], part: float) -> list[str]:
    return [text for text in texts if len(text) > 20 and share(text) < part]


def main() -> None:
    files = part_files("entities", ".jsonl")
    students(
        "distil-entities", WORK / "entities", entities.TASK, files["test"], SETTINGS,
        train=files["train"], eval=files["dev"], unlabelled=[unlabelled()],
    )  # fmt: skip


if __name__ == "__main__":
    main()
