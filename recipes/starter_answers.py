"""starter/qa: questions with an answer and without one, on SQuAD's dev parts, split by article as in `answers.py`.

    DISTILBERT_DATA=path/to/data python recipes/starter_answers.py

It learns from the questions of SQuAD 1.1 and the unanswerable ones of 2.0 on the same articles.
"""

import json
from pathlib import Path
from typing import Any

import answers
from common import part, part_files, source, train
from starters import Card, describe, pack, score

TASK = answers.TASK
SETTINGS = {
    "epochs": 1,
    "batch_size": 16,
    "learning_rate": 2e-4,
    "layer_decay": 0.9,
    "max_length": 384,
}
CARD = Card(
    title="answers from a text, or that it has none",
    data=["SQuAD 1.1 and 2.0, dev parts (Rajpurkar and others 2016, 2018; CC BY-SA 4.0)"],
    split="Eight tenths of the articles, by a hash of the title, were trained on and a tenth chose the weights; it "
    "was scored on the questions about the others, which only a model of 300 steps had been scored on before.",
    limits="It was trained on some 11,000 questions about 35 articles of Wikipedia, an eighth of what SQuAD's train "
    "part has, and answers with a piece of the text: it does not reckon, compare or say yes and no. Let it say "
    "that there is no answer with `no_answer=True`, and look at the scores.",
    production="Take distilbert/distilbert-base-cased-distilled-squad from the hub (F1 about 87 on SQuAD 1.1), or "
    "train on questions of your own: `distilbert train --task question-answering --model starter/qa`.",
    licence="cc-by-sa-4.0",
)


def prepare() -> dict[str, Path]:
    files = answers.prepare()
    second = json.loads(source("squad_dev/*dev-v2.0*.json").read_text(encoding="utf-8"))["data"]
    named = part_files("starter-qa", ".json")
    for part_name, file in named.items():
        chosen = [article for article in second if part(article["title"]) == part_name]
        if part_name == "train":
            first = json.loads(files["train"].read_text())["data"]
            chosen = first + [unanswerable(article) for article in chosen]
        file.write_text(json.dumps({"version": "v2.0", "data": chosen}))
    return {"train": named["train"], "dev": named["dev"], "first": files["test"], "second": named["test"]}


def unanswerable(article: dict[str, Any]) -> dict[str, Any]:
    """An article with its questions without an answer alone: the others stand in SQuAD 1.1 too."""
    paragraphs = [
        {**paragraph, "qas": [question for question in paragraph["qas"] if not question["answers"]]}
        for paragraph in article["paragraphs"]
    ]
    return {**article, "paragraphs": [paragraph for paragraph in paragraphs if paragraph["qas"]]}


def main() -> None:
    files = prepare()
    folder = pack("qa", train("starter-qa", TASK, files, SETTINGS))
    scores = score(
        folder, TASK, {"SQuAD 1.1, other articles": files["first"], "SQuAD 2.0, other articles": files["second"]}
    )
    describe("qa", TASK, CARD, scores)


if __name__ == "__main__":
    main()
