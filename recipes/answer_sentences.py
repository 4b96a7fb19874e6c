"""A re-ranker, and a model of multiple choice: which sentence of a paragraph answers a question of SQuAD 1.1.

    DISTILBERT_DATA=path/to/data python recipes/answer_sentences.py

The dev part of the data set, split by article as in answers.py; a small share of its questions. The re-ranker reads a
question with one sentence, and says whether it holds the answer; the other model reads it with four sentences.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from common import follow, part, part_files, share, source

SHARES = {"train": 0.15, "dev": 0.15, "test": 0.4}  # of the questions of each part
SETTINGS = {
    "epochs": 1,
    "batch_size": 16,
    "learning_rate": 2e-4,
    "layer_decay": 0.9,
    "max_length": 128,
}
_BETWEEN_SENTENCES = re.compile(r'(?<=[.!?]) (?=[A-Z"“(])')


def questions(part_name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Each question, the one sentence with its answer, and three others of the paragraph."""
    squad = json.loads(source("squad_dev/*dev-v1.1*.json").read_text(encoding="utf-8"))
    for article in squad["data"]:
        if part(article["title"]) != part_name:
            continue
        for paragraph in article["paragraphs"]:
            sentences = _BETWEEN_SENTENCES.split(" ".join(paragraph["context"].split()))
            for question in paragraph["qas"]:
                answer = question["answers"][0]["text"]
                right = [sentence for sentence in sentences if answer in sentence]
                wrong = [sentence for sentence in sentences if answer not in sentence]
                if len(right) == 1 and len(wrong) >= 3 and share(question["id"]) < SHARES[part_name]:
                    yield question["question"].strip(), right[0], sorted(wrong, key=share)[:3]


def write_pairs(path: Path, part_name: str) -> None:
    """Two wrong sentences to each right one."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t")
        table.writerow(("text", "pair", "label"))
        for question, right, wrong in questions(part_name):
            table.writerow((question, right, "yes"))
            table.writerows((question, sentence, "no") for sentence in wrong[:2])


def write_choices(path: Path, part_name: str) -> None:
    """The right sentence among the others; the label is its place, which a model cannot see: it reads each alone."""
    with path.open("w", encoding="utf-8") as file:
        for question, right, wrong in questions(part_name):
            choices = sorted([right, *wrong], key=share)
            file.write(json.dumps({"prompt": question, "choices": choices, "label": choices.index(right)}) + "\n")


def main() -> None:
    pairs, choices = part_files("reranker", ".tsv"), part_files("chooser", ".jsonl")
    for part_name in pairs:
        write_pairs(pairs[part_name], part_name)
        write_choices(choices[part_name], part_name)
    follow("reranker", "text-classification", pairs, SETTINGS)
    follow("chooser", "multiple-choice", choices, SETTINGS)


if __name__ == "__main__":
    main()
