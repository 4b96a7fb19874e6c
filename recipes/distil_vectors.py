"""A student of all-MiniLM-L6-v2 with less than a quarter of its parameters, taught by text alone; scored on STS-B dev.

DISTILBERT_DATA=path/to/data python recipes/distil_vectors.py

The text is the sentences of STS-B's train part without their scores, of film reviews, of wikitext2 and of a part of the
paragraphs of books, and the questions and contexts of SQuAD. Nothing is chosen by STS-B's dev part: the last weights
count.
"""

import csv
import re
from pathlib import Path

from answers import articles
from common import WORK, encoder, share, source, write_lines
from distil_sentiment import review_sentences
from masked_lm import paragraphs, wikipedia
from teaching import students

SETTINGS = {
    "layers": 2,
    "hidden_dim": 880,
    "vocab_size": 16000,
    "epochs": 2,
    "batch_size": 128,
    "learning_rate": 5e-4,
    "max_length": 64,
    "precision": "bfloat16",
}
REVIEWS, BOOKS = 0.3, 0.05  # shares of the text
COLUMNS = {"text": "1", "pair": "2", "score": "3"}  # of STS-B


def pairs(part: str) -> Path:
    """STS-B's pairs with their scores, as it has them."""
    return source(f"stsb/stsb-en-{part}.csv")


def pair_sentences() -> list[str]:
    """Those of STS-B's train part."""
    with pairs("train").open(encoding="utf-8", newline="") as file:
        return [sentence for row in csv.reader(file) for sentence in row[:2]]


def text() -> Path:
    contexts = [paragraph for article in articles() for paragraph in article["paragraphs"]]
    questions = [question["question"] for context in contexts for question in context["qas"]]
    long = [context["context"] for context in contexts] + wikipedia("valid")
    long += [part_text for part_text in paragraphs() if share(part_text) < BOOKS]
    parts = [part for part_text in long for part in re.split(r"(?<=[.!?]) (?=[A-Z\"'])", part_text)]
    reviews = [part_text for part_text in review_sentences() if share(part_text) < REVIEWS]
    path = WORK / "vectors.txt"
    lines = dict.fromkeys(
        " ".join(part_text.split()) for part_text in (*pair_sentences(), *questions, *parts, *reviews)
    )
    write_lines(path, filter(None, lines))
    return path


def main() -> None:
    students(
        "distil-vectors", encoder(), "sentence-similarity", pairs("dev"), SETTINGS,
        train=text(), columns=COLUMNS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
