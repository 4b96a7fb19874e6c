"""Text of every kind, from emptiness to 48 languages, through the tasks on pairs and on the vocabulary."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import DATA, Maker
from distilbert import load
from distilbert.folder.checkpoint import Head

LONGEST = 2000  # characters of a language's text
GOOD = "a charming and often affecting journey ."
HARD = [
    "",
    " ",
    "\x00",
    "\ud800",
    "a\udfffb",
    "\u202e",
    "e" + "\u0301" * 500,
    "a" * 100_000,
    "😀" * 300,
    "[CLS][SEP][PAD]",
]


def fill_mask(task: Any, texts: list[str]) -> list[np.ndarray]:
    return [row.max(-1) for row in task.logits([f"{text} [MASK]" for text in texts])]


def zero_shot(task: Any, texts: list[str]) -> list[np.ndarray]:
    return list(task.logits(texts, ["love", "war"]))


def reranking(task: Any, texts: list[str]) -> list[np.ndarray]:
    ranked = sorted(task(GOOD, texts), key=lambda each: each.index)
    assert [each.text for each in ranked] == texts
    return [np.array(each.score) for each in ranked]


def multiple_choice(task: Any, texts: list[str]) -> list[np.ndarray]:
    questions = [(text, ["a film .", text[::-1]]) for text in texts]
    results = list(task.stream(questions))
    assert [{each.label for each in result} for result in results] == [set(choices) for _, choices in questions]
    return [np.array([each.score for each in result]) for result in results]


def sparse(task: Any, texts: list[str]) -> list[np.ndarray]:
    vectors = task(texts, long_text="window")
    assert all(task.tokens(vector, top_k=3) for vector in vectors)
    return [np.array([vector.values.sum(), vector.values.max()]) for vector in vectors]


TASKS: dict[str, tuple[Callable[[Any, list[str]], list[np.ndarray]], Head, dict[str, Any]]] = {
    "fill-mask": (fill_mask, Head.MASKED_LM, {}),
    "zero-shot-classification": (
        zero_shot,
        Head.SEQUENCE_CLASSIFICATION,
        {"id2label": {"0": "no", "1": "entailment"}},
    ),
    "text-ranking": (reranking, Head.SEQUENCE_CLASSIFICATION, {"num_labels": 1}),
    "multiple-choice": (multiple_choice, Head.MULTIPLE_CHOICE, {}),
    "sparse-encoding": (sparse, Head.MASKED_LM, {}),
}


def sample() -> list[str]:
    naughty = json.loads((DATA / "naughty_strings.json").read_text(encoding="utf-8"))
    rights = [line.split("\t")[1] for line in (DATA / "udhr.tsv").read_text(encoding="utf-8").splitlines()]
    assert len(naughty) > 150
    assert len(rights) > 90
    return [*HARD, *naughty, *rights]


def check(make_checkpoint: Maker, name: str, texts: list[str]) -> None:
    """Each text has a result, and a good one between two of them is what it is alone."""
    numbers, head, changes = TASKS[name]
    task = load(make_checkpoint(head, **changes), name)
    (alone,) = numbers(task, [GOOD])
    results = numbers(task, [each for text in texts for each in (text, GOOD)])
    assert len(results) == 2 * len(texts)
    for vectors_of, neighbour in zip(results[::2], results[1::2], strict=True):
        assert np.isfinite(vectors_of).all()
        np.testing.assert_allclose(neighbour, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", TASKS)
def test_all_naughty_strings_and_49_languages(make_checkpoint: Maker, shared_data: Path, name: str) -> None:
    naughty = json.loads((shared_data / "blns" / "blns.json").read_text(encoding="utf-8"))
    languages = [path.read_text(encoding="utf-8") for path in sorted((shared_data / "udhr").glob("*.txt"))]
    assert (len(naughty), len(languages)) == (515, 49)
    check(make_checkpoint, name, [*naughty, *(text[:LONGEST] for text in languages)])
