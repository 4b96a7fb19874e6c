"""Persons, organisations and places: wnut17 and the dev part of UNER English EWT, scored on UNER's test part.

    DISTILBERT_DATA=path/to/data python recipes/entities.py

A tenth of UNER's dev sentences, by a hash of their words, chooses the best weights; the rest is learnt from.
"""

import json
import shutil

from common import DATA, RESULTS, WORK, encoder, share
from distilbert.evaluation import evaluate
from distilbert.evaluation.reading import read_data
from distilbert.train import Arguments, finetune

SETTINGS = {
    "epochs": 6,
    "batch_size": 32,
    "learning_rate": 3e-4,
    "layer_decay": 0.9,
    "patience": 3,
    "precision": "bfloat16",
}
# wnut17's types -> UNER's three; its products and creative works are none of them
TYPES = {"person": "PER", "location": "LOC", "corporation": "ORG", "group": "ORG"}


def renamed(label: str) -> str:
    prefix, _, kind = label.partition("-")
    kind = TYPES.get(kind, kind)
    return f"{prefix}-{kind}" if kind in ("PER", "LOC", "ORG") else "O"


def write(name: str, examples: list) -> None:
    rows = [{"words": example.words, "labels": [renamed(label) for label in example.labels]} for example in examples]
    (WORK / name).write_text("\n".join(map(json.dumps, rows)) + "\n")


def main() -> None:
    model = encoder()
    tweets = read_data(DATA / "wnut17" / "wnut17train.conll", "token-classification").examples
    dev, test = (
        read_data(DATA / "uner_english_ewt" / f"en_ewt-ud-{part}.iob2", "token-classification").examples
        for part in ("dev", "test")
    )
    held_out = [example for example in dev if share(" ".join(example.words)) < 0.1]
    write("entities.train.jsonl", [*tweets, *(example for example in dev if example not in held_out)])
    write("entities.dev.jsonl", held_out)
    write("entities.test.jsonl", list(test))
    files = {part: WORK / f"entities.{part}.jsonl" for part in ("train", "dev", "test")}
    out = WORK / "entities"
    settings = {"train": files["train"], "eval": files["dev"], "out": out, "resume": True, **SETTINGS}
    finetune(Arguments(task="token-classification", model=model, **settings))
    RESULTS.mkdir(exist_ok=True)
    scores = {
        precision: evaluate(out, files["test"], precision=precision).to_dict() for precision in ("float32", "int8")
    }
    (RESULTS / "entities.json").write_text(json.dumps(scores, indent=2) + "\n")
    shutil.copyfile(out / "report.html", RESULTS / "entities.html")
    for precision, own in scores.items():
        print(precision, {name: round(score["value"], 4) for name, score in own["scores"].items()})


if __name__ == "__main__":
    main()
