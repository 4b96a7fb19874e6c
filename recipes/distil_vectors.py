"""A student of all-MiniLM-L6-v2 with less than a quarter of its parameters, taught by text alone; scored on STS-B dev.

DISTILBERT_DATA=path/to/data python recipes/distil_vectors.py

The text is the sentences of STS-B's train part without their scores, of film reviews, of wikitext2 and of a part of the
paragraphs of books, and the questions and contexts of SQuAD. Nothing is chosen by STS-B's dev part: the last weights
count.
"""

import csv
import json
import re
from pathlib import Path

from common import WORK, encoder, share, source
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


def pairs(part: str) -> Path:
    """STS-B's pairs with their scores, as it has them."""
    return source(f"stsb/stsb-en-{part}.csv")


def text() -> Path:
    with pairs("train").open(encoding="utf-8", newline="") as file:
        sentences = [sentence for row in csv.reader(file) for sentence in row[:2]]
    squad = json.loads(source("squad_dev/*dev-v1.1*.json").read_text(encoding="utf-8"))
    contexts = [part_text for article in squad["data"] for part_text in article["paragraphs"]]
    questions = [question["question"] for context in contexts for question in context["qas"]]
    long = [context["context"] for context in contexts] + wikipedia("valid")
    long += [part_text for part_text in paragraphs() if share(part_text) < BOOKS]
    parts = [part for part_text in long for part in re.split(r"(?<=[.!?]) (?=[A-Z\"'])", part_text)]
    reviews = [part_text for part_text in review_sentences() if share(part_text) < REVIEWS]
    path = WORK / "vectors.txt"
    lines = dict.fromkeys(" ".join(part_text.split()) for part_text in (*sentences, *questions, *parts, *reviews))
    path.write_text("\n".join(line for line in lines if line) + "\n", encoding="utf-8")
    return path


def main() -> None:
    students(
        "distil-vectors", encoder(), "sentence-similarity", pairs("dev"), SETTINGS,
        train=text(), columns={"text": "1", "pair": "2", "score": "3"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
