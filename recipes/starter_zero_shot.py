"""starter/zero-shot: starter/embed, asked which of the caller's labels fits. Nothing is trained: this measures it.

DISTILBERT_DATA=path/to/data python recipes/starter_zero_shot.py

The sentences are those that starter/sentiment is scored on. The paragraphs are all of SQuAD 1.1's dev part, the labels
the titles of its 48 articles.
"""

import numpy as np

import answers
import distilbert
import sentiment
from common import encoder, keep, read_rows
from starters import OUT, mean, pack


def main() -> None:
    folder = OUT / "embed" if (OUT / "embed").is_dir() else pack("embed", encoder())
    zero = distilbert.load(folder, "zero-shot-classification")
    rows = read_rows(sentiment.prepare()["test"])
    found = zero([row["text"] for row in rows], ["positive", "negative"])
    right = [best.label == row["label"] for (best, *_), row in zip(found, rows)]
    articles = answers.articles()
    titles = [article["title"].replace("_", " ") for article in articles]
    texts = [(part["context"], title) for article, title in zip(articles, titles) for part in article["paragraphs"]]
    subjects = [best.label == title for (best, *_), (_, title) in zip(zero([text for text, _ in texts], titles), texts)]
    scores = {
        "sentences of film reviews, positive or negative": mean(np.array(right)),
        "paragraphs of Wikipedia, which of 48 titles": mean(np.array(subjects)),
    }
    keep("starter-zero-shot", {what: {"accuracy": found.to_dict()} for what, found in scores.items()})
    print({what: str(found) for what, found in scores.items()})


if __name__ == "__main__":
    main()
