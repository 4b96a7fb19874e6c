"""starter/rerank: which paragraph answers a question, learnt from SQuAD 1.1's dev part, split by article.

DISTILBERT_DATA=path/to/data python recipes/starter_rerank.py

A question is read with its paragraph and with the paragraphs of the same article that the encoder takes for most like
it. It is scored on articles never seen: among the paragraphs of all of them, of which the encoder finds ten.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import distilbert
from common import encoder, part, part_files, share, source
from distilbert.evaluation import Interval
from starters import Card, Scores, describe, pack, train

TASK = "multiple-choice"  # as which it is trained: one paragraph of several is right
SETTINGS = {
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 2e-4,
    "layer_decay": 0.9,
    "max_length": 256,
    "max_batch_tokens": 1 << 15,
    "precision": "bfloat16",
}
OTHERS = 4  # paragraphs beside the right one
FOUND = 10  # paragraphs that the encoder finds, and the reranker orders
CARD = Card(
    title="which paragraph answers a question",
    data=["SQuAD 1.1, dev part (Rajpurkar and others 2016; CC BY-SA 4.0)"],
    split="Eight tenths of the articles, by a hash of the title, were trained on and a tenth chose the weights; it "
    "was scored once, on the questions about the others, of whose paragraphs starter/embed finds ten for each.",
    limits="It was trained on some 8,000 questions about 38 articles of Wikipedia, written by people who saw the "
    "paragraph. A paragraph of more than 256 tokens is cut.",
    production="Take cross-encoder/ms-marco-MiniLM-L6-v2 from the hub, as large, and trained on half a million "
    "questions that people asked a search engine.",
    licence="cc-by-sa-4.0",
)


def articles(part_name: str) -> list[list[dict[str, Any]]]:
    """The paragraphs of each article of a part."""
    squad = json.loads(source("squad_dev/*dev-v1.1*.json").read_text(encoding="utf-8"))["data"]
    return [article["paragraphs"] for article in squad if part(article["title"]) == part_name]


def prepare() -> dict[str, Path]:
    embed = distilbert.load(encoder(), "feature-extraction")
    files = part_files("starter-rerank", ".jsonl")
    del files["test"]
    for part_name, file in files.items():
        rows = [row for paragraphs in articles(part_name) for row in questions_of(paragraphs, embed)]
        file.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return files


def questions_of(paragraphs: Sequence[dict[str, Any]], embed: Any) -> list[dict[str, Any]]:
    """An article's questions, each with its paragraph among the likest others that do not have the answer's words."""
    contexts = [paragraph["context"] for paragraph in paragraphs]
    asked = [(question, place) for place, paragraph in enumerate(paragraphs) for question in paragraph["qas"]]
    likeness = embed([question["question"] for question, _ in asked]) @ embed(contexts).T
    rows = []
    for (question, place), scores in zip(asked, likeness, strict=True):
        answer = question["answers"][0]["text"].lower()
        others = [contexts[other] for other in (-scores).argsort() if answer not in contexts[other].lower()][:OTHERS]
        right = int(share(question["id"]) * (len(others) + 1))
        choices = [*others[:right], contexts[place], *others[right:]]
        if len(choices) == OTHERS + 1:
            rows.append({"prompt": question["question"], "choices": choices, "label": right})
    return rows


def as_reranker(folder: Path) -> Path:
    """The folder of a model of multiple choice -> one of a cross-encoder with a single output, in place."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"architectures": ["DistilBertForSequenceClassification"], "id2label": {"0": "relevance"}}
    config |= {"label2id": {"relevance": 0}}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return folder


def ranks(part_name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The rank of each question's paragraph by the encoder, and by the reranker; infinite beyond those found."""
    embed, rerank = distilbert.load(encoder(), "feature-extraction"), distilbert.load(folder, "text-ranking")
    paragraphs = [paragraph for article in articles(part_name) for paragraph in article]
    contexts = [paragraph["context"] for paragraph in paragraphs]
    asked = [(q["question"], place) for place, paragraph in enumerate(paragraphs) for q in paragraph["qas"]]
    likeness = embed([question for question, _ in asked]) @ embed(contexts).T
    found = (-likeness).argsort(1)[:, :FOUND]
    ranked = rerank.stream((question, [contexts[i] for i in row]) for (question, _), row in zip(asked, found))
    orders = {
        "embed": found,
        "rerank": np.array([row[[each.index for each in best]] for row, best in zip(found, ranked)]),
    }
    places = np.array([place for _, place in asked])[:, None]
    before, after = (
        np.where((order == places).any(1), (order == places).argmax(1) + 1.0, np.inf) for order in orders.values()
    )
    return before, after


def scores_of(rank: np.ndarray) -> dict[str, Interval]:
    return {"accuracy": interval(rank == 1), "mrr@10": interval(1 / rank)}


def interval(values: np.ndarray) -> Interval:
    """The mean over questions, by the bootstrap."""
    drawn = np.random.default_rng(0).choice(values.astype(float), (1000, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))


def main() -> None:
    folder = pack("rerank", as_reranker(train("rerank", TASK, prepare(), SETTINGS)))
    before, after = ranks("test", folder)
    scores: Scores = {"other articles, in starter/embed's order": scores_of(before)}
    scores["other articles, reranked"] = scores_of(after)
    describe("rerank", "text-ranking", CARD, scores)


if __name__ == "__main__":
    main()
