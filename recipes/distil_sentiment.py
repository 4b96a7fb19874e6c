"""A student of recipes/sentiment.py's model with less than a quarter of its parameters, also taught by unlabelled text.

DISTILBERT_DATA=path/to/data python recipes/distil_sentiment.py

The unlabelled text is sentences of whole film reviews (movie_reviews, Pang and Lee 2004).
"""

from pathlib import Path

from common import WORK, part_files, read_rows, share, write_lines
from sentiment import TASK, prepare, whole_reviews
from teaching import students

SETTINGS = {
    "layers": 2,  # as wide as the teacher, so that its embeddings and attention are taken over as they are
    "hidden_dim": 880,
    "vocab_size": 8000,
    "epochs": 2,
    "eval_steps": 356,
    "batch_size": 64,
    "learning_rate": 5e-4,
    "precision": "bfloat16",
}
SHARE = 0.6  # of the sentences without labels


def review_sentences() -> list[str]:
    """Those of whole reviews, each once."""
    lines = dict.fromkeys(" ".join(line.split()) for review in whole_reviews() for line in review["text"].split("\n"))
    return [line for line in lines if len(line) > 20]


def unlabelled() -> Path:
    """Sentences of whole reviews, none of which is in the labelled data."""
    known = {row["text"] for file in prepare().values() for row in read_rows(file)}
    path = WORK / "sentiment.unlabelled.txt"
    write_lines(path, (line for line in review_sentences() if share(line) < SHARE and line not in known))
    return path


def main() -> None:
    files = part_files("sentiment", ".jsonl")
    students(
        "distil-sentiment", WORK / "sentiment", TASK, files["test"], SETTINGS,
        train=files["train"], eval=files["dev"], unlabelled=[unlabelled()],
    )  # fmt: skip


if __name__ == "__main__":
    main()
