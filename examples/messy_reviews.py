"""Two thousand rows of film reviews, as messy as tables of people's are, from the 400 labelled sentences of the tests.

    python examples/messy_reviews.py OUT

writes OUT/reviews.csv (1,600 rows), OUT/held_out.csv (200) and OUT/test.csv (200): semicolons, cp1252, line breaks in
quoted cells, labels in several spellings, texts that stand twice, and rows that cannot be used. A sentence of one file
is in no other.
"""

import csv
import random
import sys
from pathlib import Path

SENTENCES = Path(__file__).parents[1] / "tests" / "data" / "sentence_polarity.tsv"
SPELLINGS = {"positive": ("positive", "positive", "positive", "Positive "), "negative": ("negative", "Negative")}
SIGNS = (" – ", "; ", "…\n", " ")  # between two sentences  # noqa: RUF001


def review(sentences: list[tuple[str, str]], rng: random.Random) -> tuple[str, str]:
    """Two sentences with one label."""
    label, first = rng.choice(sentences)
    second = rng.choice([text for other, text in sentences if other == label])
    return first.rstrip(" .") + rng.choice(SIGNS) + second, rng.choice(SPELLINGS[label])


def rows(sentences: list[tuple[str, str]], count: int, rng: random.Random) -> list[list[str]]:
    made = [list(review(sentences, rng)) for _ in range(count)]
    for number in range(0, count, 80):
        made[number] = made[number + 1].copy()  # twice
        made[number + 2][0] = ""  # no text
        made[number + 3][1] = ""  # no label
    return made


def write(path: Path, made: list[list[str]]) -> None:
    with path.open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Nr", "Review", "Sentiment"])
        writer.writerows([number, *row] for number, row in enumerate(made, 1))


def main() -> None:
    out, rng = Path(sys.argv[1]), random.Random(0)  # noqa: S311
    lines = [line.split("\t") for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    sentences = [(label, text) for label, text in lines if text.isascii()]
    rng.shuffle(sentences)
    out.mkdir(parents=True, exist_ok=True)
    for name, part, count in (
        ("reviews.csv", sentences[:-120], 1600),
        ("held_out.csv", sentences[-120:-60], 200),
        ("test.csv", sentences[-60:], 200),
    ):
        write(out / name, rows(part, count, rng))


if __name__ == "__main__":
    main()
