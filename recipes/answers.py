"""Question answering on SQuAD 1.1's dev part, split by article: a tenth to test, a tenth to choose, the rest to learn.

    DISTILBERT_DATA=path/to/data python recipes/answers.py

The data set's train part is eight times as large; this shows the way, not the best that can be reached.
"""

import json
from pathlib import Path
from typing import Any

from common import follow, part, part_files, source

TASK = "question-answering"
SETTINGS = {
    "epochs": 1,
    "batch_size": 16,
    "learning_rate": 2e-4,
    "layer_decay": 0.9,
    "max_length": 384,
    "precision": "bfloat16",
}


def prepare() -> dict[str, Path]:
    files = part_files("answers", ".json")
    for part_name, file in files.items():
        chosen = [article for article in articles() if part(article["title"]) == part_name]
        file.write_text(json.dumps({"version": "1.1", "data": chosen}))
    return files


def articles() -> list[dict[str, Any]]:
    """Those of SQuAD, each with its "title" and "paragraphs" of a "context" and questions ("qas")."""
    squad: dict[str, Any] = json.loads(source("squad_dev/*dev-v1.1*.json").read_text(encoding="utf-8"))
    return list(squad["data"])


def main() -> None:
    follow("answers", TASK, prepare(), SETTINGS)


if __name__ == "__main__":
    main()
