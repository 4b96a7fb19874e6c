"""Sentiment of film-review sentences: sentence_polarity (Pang and Lee 2005), split 80/10/10 by a hash of the text.

    DISTILBERT_DATA=path/to/data python recipes/sentiment.py

On two cores it takes about ten minutes. The model lands in work/sentiment, its scores in recipes/results/.
"""

import json
import shutil

from common import DATA, RESULTS, WORK, encoder, share
from distilbert.evaluation import evaluate
from distilbert.train import Arguments, finetune

SETTINGS = {
    "epochs": 4,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "layer_decay": 0.9,
    "patience": 2,
    "precision": "bfloat16",
}


def split() -> None:
    """train.jsonl, dev.jsonl and test.jsonl; a sentence that comes twice counts once."""
    labels = {"positive": "rt-polarity.pos", "negative": "rt-polarity.neg"}
    found = {}
    for label, name in labels.items():
        for line in (DATA / "sentence_polarity" / name).read_bytes().split(b"\n"):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError:
                text = line.decode("latin-1").strip()
            if text:
                found.setdefault(text, label)
    parts: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for text, label in found.items():
        place = share(text)
        part = "train" if place < 0.8 else "dev" if place < 0.9 else "test"
        parts[part].append(json.dumps({"text": text, "label": label}))
    for part, lines in parts.items():
        (WORK / f"sentiment.{part}.jsonl").write_text("\n".join(lines) + "\n")


def main() -> None:
    model = encoder()
    split()
    out = WORK / "sentiment"
    files = {part: WORK / f"sentiment.{part}.jsonl" for part in ("train", "dev", "test")}
    finetune(
        Arguments(
            task="text-classification",
            model=model,
            train=files["train"],
            eval=files["dev"],
            out=out,
            resume=True,
            **SETTINGS,
        )
    )
    RESULTS.mkdir(exist_ok=True)
    scores = {
        precision: evaluate(out, files["test"], precision=precision).to_dict() for precision in ("float32", "int8")
    }
    (RESULTS / "sentiment.json").write_text(json.dumps(scores, indent=2) + "\n")
    shutil.copyfile(out / "report.html", RESULTS / "sentiment.html")
    for precision, own in scores.items():
        print(precision, {name: round(score["value"], 4) for name, score in own["scores"].items()})


if __name__ == "__main__":
    main()
