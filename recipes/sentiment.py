"""Sentiment of film-review sentences: sentence_polarity (Pang and Lee 2005), split 80/10/10 by a hash of the text.

DISTILBERT_DATA=path/to/data python recipes/sentiment.py
"""

from pathlib import Path
from typing import Any

from common import follow, part, part_files, read_rows, source, write_rows

TASK = "text-classification"
SETTINGS = {
    "epochs": 4,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "layer_decay": 0.9,
    "patience": 2,
    "precision": "bfloat16",
}


def prepare() -> dict[str, Path]:
    """A sentence that comes twice counts once."""
    folder = source("sentence_polarity")
    found: dict[str, str] = {}
    for label, name in {"positive": "rt-polarity.pos", "negative": "rt-polarity.neg"}.items():
        for line in (folder / name).read_bytes().split(b"\n"):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError:
                text = line.decode("latin-1").strip()
            if text:
                found.setdefault(text, label)
    files = part_files("sentiment", ".jsonl")
    for part_name, file in files.items():
        write_rows(file, [{"text": text, "label": label} for text, label in found.items() if part(text) == part_name])
    return files


def whole_reviews() -> list[dict[str, Any]]:
    """Reviews of films (movie_reviews, Pang and Lee 2004) as "text", with "pos" or "neg" as "label"."""
    return read_rows(source("movie_reviews/reviews.jsonl"))


def main() -> None:
    follow("sentiment", TASK, prepare(), SETTINGS)


if __name__ == "__main__":
    main()
