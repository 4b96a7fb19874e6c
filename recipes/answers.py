"""Question answering on SQuAD 1.1's dev part, split by article: a tenth to test, a tenth to choose, the rest to learn.

    DISTILBERT_DATA=path/to/data python recipes/answers.py

The data set's train part is eight times as large; this shows the way, not the best that can be reached.
"""

import json
import shutil

from common import DATA, RESULTS, WORK, encoder, share
from distilbert.evaluation import evaluate
from distilbert.train import Arguments, finetune

SETTINGS = {
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 2e-4,
    "layer_decay": 0.9,
    "max_length": 384,
    "precision": "bfloat16",
}


def main() -> None:
    model = encoder()
    squad = json.loads((DATA / "squad_dev" / "squad-dev-v1.1.rebuilt.json").read_text(encoding="utf-8"))
    files = {part: WORK / f"answers.{part}.json" for part in ("train", "dev", "test")}
    parts: dict[str, list] = {part: [] for part in files}
    for article in squad["data"]:
        place = share(article["title"])
        parts["train" if place < 0.8 else "dev" if place < 0.9 else "test"].append(article)
    for part, articles in parts.items():
        files[part].write_text(json.dumps({"version": "1.1", "data": articles}))
    out = WORK / "answers"
    settings = {"train": files["train"], "eval": files["dev"], "out": out, "resume": True, **SETTINGS}
    finetune(Arguments(task="question-answering", model=model, **settings))
    RESULTS.mkdir(exist_ok=True)
    scores = evaluate(out, files["test"], precision="float32").to_dict()
    (RESULTS / "answers.json").write_text(json.dumps(scores, indent=2) + "\n")
    shutil.copyfile(out / "report.html", RESULTS / "answers.html")
    print({name: round(score["value"], 4) for name, score in scores["scores"].items()})


if __name__ == "__main__":
    main()
