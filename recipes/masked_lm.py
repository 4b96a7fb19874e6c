"""A masked-LM head for all-MiniLM-L6-v2, on books and the validation part of wikitext2; scored on its test part.

DISTILBERT_DATA=path/to/data python recipes/masked_lm.py
"""

import json
import re
import shutil

from common import DATA, RESULTS, WORK, encoder, share
from distilbert.evaluation import evaluate
from distilbert.train import Arguments, finetune

SETTINGS = {"epochs": 2, "batch_size": 32, "learning_rate": 5e-4, "eval_steps": 400, "precision": "bfloat16"}
SHARE = 0.25  # of the books' paragraphs: what an hour on two cores has time for


def main() -> None:
    model = encoder()
    books = [
        " ".join(paragraph.split())
        for path in sorted((DATA / "books").glob("*.md"))
        for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
        if len(paragraph) > 80 and share(paragraph) < SHARE
    ]
    wiki = {part: plain((DATA / "wikitext2" / f"{part}.txt").read_text(encoding="utf-8")) for part in ("valid", "test")}
    files = {part: WORK / f"masked_lm.{part}.txt" for part in ("train", "dev", "test")}
    held_out = [line for line in books if share("dev" + line) < 0.02]
    kept = set(held_out)
    files["train"].write_text("\n".join([*(line for line in books if line not in kept), *wiki["valid"]]) + "\n")
    files["dev"].write_text("\n".join(held_out) + "\n")
    files["test"].write_text("\n".join(wiki["test"]) + "\n")
    out = WORK / "masked-lm"
    settings = {"train": files["train"], "eval": files["dev"], "out": out, "resume": True, **SETTINGS}
    finetune(Arguments(task="fill-mask", model=model, **settings))
    RESULTS.mkdir(exist_ok=True)
    scores = evaluate(out, files["test"], precision="float32").to_dict()
    (RESULTS / "masked_lm.json").write_text(json.dumps(scores, indent=2) + "\n")
    shutil.copyfile(out / "report.html", RESULTS / "masked_lm.html")
    print({name: round(score["value"], 4) for name, score in scores["scores"].items()})


def plain(text: str) -> list[str]:
    """wikitext2's paragraphs, its marks for unknown words and for joined punctuation undone."""
    lines = (
        line.strip() for line in text.replace(" @-@ ", "-").replace(" @,@ ", ",").replace(" @.@ ", ".").split("\n")
    )
    return [line.replace("<unk>", "[UNK]") for line in lines if len(line) > 80]


if __name__ == "__main__":
    main()
