"""Faithfulness of explanations: deletion and insertion curves against words in random order, on film reviews.

    python benchmarks/explain.py [--data reviews.tsv --count 500] [--save out.json]
    python benchmarks/explain.py --count 500 --share 1/5 --save 1.json; …; --join 1.json 2.json …   # in pieces

Petsiuk, Das and Saenko 2018, https://arxiv.org/abs/1806.07421: the words of a text are masked one by one, those with
the largest values first (deletion), or shown one by one in a text that is all masks (insertion). The area under the
class's probability is small for deletion and large for insertion where the words are those that the class stands on.

The classifier is a linear head on all-MiniLM-L6-v2, fitted on the lines of `--data` that are not explained, or it is
`--model`. A line of the data has a label, a tab and a text; by default they are the 400 of tests/data.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np

from common import REPOSITORY, machine, options, save, table, trained_model
from distilbert import TextClassifier, load
from distilbert.convert import convert
from distilbert.explain import Explanation, explain

MASK = "[MASK]"
CURVES = ("deletion", "insertion")
RESAMPLES = 10_000


def classifier(folder: Path, rows: Sequence[str]) -> TextClassifier:
    """A head fitted on these lines, each a label, a tab and a text."""
    convert(trained_model(), folder / "encoder")
    (folder / "train.tsv").write_text("label\ttext\n" + "\n".join(rows) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "distilbert", "train", "--task", "text-classification", "--head-only"]
    paths = {"--model": folder / "encoder", "--train": folder / "train.tsv", "--out": folder / "model"}
    subprocess.run([*command, *map(str, chain.from_iterable(paths.items()))], check=True)
    return load(folder / "model", "text-classification")


def variants(explanation: Explanation, order: Sequence[int]) -> tuple[list[str], list[str]]:
    """The text with 0, 1, … words of the order masked, and with 0, 1, … of them alone shown."""
    deleted = [masked(explanation, set(order[:count])) for count in range(len(order) + 1)]
    inserted = [masked(explanation, set(order[count:])) for count in range(len(order) + 1)]
    return deleted, inserted


def masked(explanation: Explanation, hidden: set[int]) -> str:
    """The words with [MASK] in the place of each token of those that are hidden."""
    tokens = [sum(word.start <= token.start < word.end for token in explanation.tokens) for word in explanation.words]
    words = zip(explanation.words, tokens, strict=True)
    return " ".join(
        " ".join([MASK] * count) if place in hidden else word.text for place, (word, count) in enumerate(words)
    )


def areas(model: TextClassifier, explanation: Explanation, order: Sequence[int]) -> tuple[float, float]:
    """Under the class's probability, by deletion and by insertion: means over equal steps by the trapezoid rule."""
    deleted, inserted = variants(explanation, order)
    index = model.config.labels.index(explanation.target)
    logits = model.logits([*deleted, *inserted]).astype(np.float64)
    scores = np.exp(logits[:, index] - np.logaddexp.reduce(logits, axis=1))
    by_deletion, by_insertion = np.split(scores, 2)
    return tuple(float(np.trapezoid(curve) / (len(curve) - 1)) for curve in (by_deletion, by_insertion))


def interval(differences: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """The mean, and its 95 % confidence interval by bootstrap over texts."""
    means = rng.choice(differences, (RESAMPLES, len(differences))).mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(differences.mean()), float(low), float(high)


def measure(model: TextClassifier, texts: Sequence[str], methods: Sequence[str]) -> dict[str, list[list[float]]]:
    """For each method and text how much better than random its two areas are: above 0 is better, for deletion too."""
    rng = np.random.default_rng(0)
    gains: dict[str, list[list[float]]] = {method: [] for method in methods}
    for text in texts:
        chance = None
        for method in methods:
            explanation = explain(model, text, method=method)
            if chance is None:
                chance = areas(model, explanation, rng.permutation(len(explanation.words)).tolist())
            order = np.argsort([-word.value for word in explanation.words], kind="stable").tolist()
            deletion, insertion = areas(model, explanation, order)
            gains[method].append([chance[0] - deletion, insertion - chance[1]])
    return gains


def summary(gains: dict[str, list[list[float]]]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Means and intervals over all texts."""
    rng = np.random.default_rng(0)
    return {
        method: {curve: interval(np.array(each), rng) for curve, each in zip(CURVES, zip(*rows))}
        for method, rows in gains.items()
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "tests/data/sentence_polarity.tsv")
    parser.add_argument("--count", type=int, default=200, help="how many texts are explained (default: 200)")
    parser.add_argument("--model", type=Path, help="a text classifier's folder, in place of the one that is fitted")
    parser.add_argument("--share", default="1/1", metavar="I/N", help="explain this share of the texts")
    parser.add_argument("--join", type=Path, nargs="+", metavar="FILE", help="what the shares saved, as one")
    args = parser.parse_args()
    if args.join:
        shares = [json.loads(path.read_text())["gains"] for path in args.join]
        gains = {method: [row for share in shares for row in share[method]] for method in shares[0]}
    else:
        rows = args.data.read_text(encoding="utf-8").splitlines()
        if not args.model and args.count >= len(rows):
            parser.error(f"--count must leave some of the {len(rows)} lines to fit the classifier on")
        explained = np.random.default_rng(0).permutation(len(rows))[: args.count]
        first, step = map(int, args.share.split("/"))
        texts = [rows[index].split("\t")[1] for index in explained[first - 1 :: step]]
        methods = ["leave-one-out", *(["integrated-gradients"] if find_spec("torch") else [])]
        with tempfile.TemporaryDirectory() as temporary:
            rest = [row for index, row in enumerate(rows) if index not in set(explained.tolist())]
            model = load(args.model, "text-classification") if args.model else classifier(Path(temporary), rest)
            gains = measure(model, texts, methods)
    found = summary(gains)
    cells = {
        method: [f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]" for mean, low, high in result.values()]
        for method, result in found.items()
    }
    count = len(next(iter(gains.values())))
    print(table(f"Area better than random, {count} texts, 95 % confidence", cells, CURVES))
    save(args.save, {"machine": machine(("distilbert", "numpy")), "texts": count, **found, "gains": gains})


if __name__ == "__main__":
    main()
