"""starter/ner: persons, organisations and places, as in `entities.py`, but of the tweets those alone that have some.

DISTILBERT_DATA=path/to/data python recipes/starter_entities.py

UNER's dev part has sentences without names in plenty, so that this takes half the time.
"""

from pathlib import Path

import entities
from common import part_files, read_rows, source, train, write_rows
from distilbert.evaluation import read_data
from starters import Card, describe, pack, score

TASK = entities.TASK
SETTINGS = {"epochs": 4, "batch_size": 16, "learning_rate": 3e-4, "layer_decay": 0.9}
CARD = Card(
    title="persons, organisations and places",
    data=[
        "WNUT 2017, train part (Derczynski, Nichols, van Erp, Limsopatham; CC BY 4.0): tweets, with its persons, "
        "locations, corporations and groups as PER, LOC and ORG",
        "Universal NER, English EWT, dev part (Mayhew and others 2024; CC BY-SA 4.0)",
    ],
    split="Scored once, on the test part of UNER English EWT. A tenth of its dev part, by a hash of the words, chose "
    "the weights; nothing of the test part was trained on.",
    limits="It was trained on some 2,900 sentences from the web. Of organisations it misses or mistakes about half. "
    "Products, works, dates and amounts are not among its labels; upper and lower case are the same to it.",
    production="Train on sentences of your own: `distilbert train --task token-classification --model starter/embed`, "
    "or take a large model from the hub that was trained on CoNLL-2003 or OntoNotes.",
    licence="cc-by-sa-4.0",
)


def prepare() -> dict[str, Path]:
    """The files of `entities.py`, and what is learnt from of them."""
    files = entities.prepare()
    train_file = part_files("starter-ner", ".jsonl")["train"]
    tweets = len(read_data(source(entities.TWEETS), TASK).examples)  # they stand first
    rows = enumerate(read_rows(files["train"]))
    kept = [row for place, row in rows if place >= tweets or set(row["labels"]) != {"O"}]
    write_rows(train_file, kept)
    return {**files, "train": train_file}


def main() -> None:
    files = prepare()
    folder = pack("ner", train("starter-ner", TASK, files, SETTINGS))
    scores = score(folder, TASK, {"UNER English EWT, test part": files["test"]})
    describe("ner", TASK, CARD, scores)


if __name__ == "__main__":
    main()
