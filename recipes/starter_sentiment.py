"""starter/sentiment: sentences and whole reviews of films, so that texts of any length can be asked about.

    DISTILBERT_DATA=path/to/data python recipes/starter_sentiment.py

Sentences are split as in `sentiment.py`, reviews 80/10/10 by a hash of their text. Of a review that is learnt from, its
end is taken, where reviewers sum up.
"""

from pathlib import Path

import sentiment
from common import part, part_files, read_rows, train, write_rows
from starters import Card, describe, pack, score

TASK = sentiment.TASK
SETTINGS = {"epochs": 1, "batch_size": 32, "learning_rate": 1e-4, "layer_decay": 0.9}
CARD = Card(
    title="is a text about something good or bad?",
    data=[
        "sentence polarity v1.0 (Pang and Lee 2005; CC BY 4.0 in NLTK's collection): sentences of film reviews",
        "movie reviews v2.0 (Pang and Lee 2004; CC BY 4.0 in NLTK's collection): the last 40 words of each",
    ],
    split="Eight tenths of both, by a hash of the text, were trained on, a tenth chose the weights, and a tenth was "
    "scored, once.",
    limits="It knows film reviews in English, and only good and bad: there is no neutral label, and a text that judges"
    " nothing gets one of the two all the same. Irony and comparisons mislead it. A text longer than 128 "
    'tokens is cut, and marked: read it all with `long_text="window"`.',
    production="Train on texts of your own: `distilbert train --task text-classification --model starter/embed`; or "
    "take distilbert/distilbert-base-uncased-finetuned-sst-2-english from the hub: three times as large, and about "
    "91 % right on the sentences of SST-2.",
)
END = 40  # words
LONGEST = 128  # tokens of a text, and of a window of a longer one: about what was learnt from
LABELS = {"neg": "negative", "pos": "positive"}


def prepare() -> dict[str, Path]:
    sentences = sentiment.prepare()
    files = part_files("starter-sentiment", ".jsonl")
    reviews = sentiment.whole_reviews()
    for part_name in ("train", "dev"):
        rows = [labelled(review, END) for review in reviews if part(review["text"]) == part_name]
        write_rows(files[part_name], read_rows(sentences[part_name]) + rows)
    files["sentences"] = sentences["test"]
    for part_name, name in (("dev", "dev-reviews"), ("test", "reviews")):
        files[name] = files["dev"].with_name(f"starter-sentiment.{name}.jsonl")
        write_rows(files[name], [labelled(review) for review in reviews if part(review["text"]) == part_name])
    return files


def labelled(review: dict[str, str], last: int = 0) -> dict[str, str]:
    """A review with its label, or its last words alone."""
    return {"text": " ".join(review["text"].split()[-last:]), "label": LABELS[review["label"]]}


def main() -> None:
    files = prepare()
    folder = pack("sentiment", train("starter-sentiment", TASK, files, SETTINGS), LONGEST)
    scores = score(folder, TASK, {"sentences of film reviews, test tenth": files["sentences"]})
    whole = "whole film reviews, test tenth, read in windows"
    of_reviews = score(folder, TASK, {whole: files["reviews"]}, long_text="window")
    scores[whole] = {"accuracy": of_reviews[whole]["accuracy"]}
    describe("sentiment", TASK, CARD, scores)


if __name__ == "__main__":
    main()
