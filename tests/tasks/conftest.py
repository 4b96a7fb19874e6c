"""A tagger and an answerer of random weights, and each with an engine that says what it is told."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import Maker, random_weights, small_config
from distilbert import QuestionAnswerer, TokenClassifier, load
from distilbert.folder.checkpoint import Head, save_checkpoint
from helpers.answers import Told
from helpers.taggers import IOB, Dictated, id2label


@pytest.fixture(scope="module")
def of_both_cases(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> Callable[..., dict[bool, Any]]:
    """Makes a task of random weights that lower-cases, and one that does not: for hypothesis, which runs many examples
    in one test.
    """

    def make(head: Head, **changes: Any) -> dict[bool, Any]:
        tasks = {}
        for lower in (True, False):
            folder = tmp_path_factory.mktemp("steady")
            config = small_config(head, **changes)
            save_checkpoint(folder, config, random_weights(config, head))
            (folder / "vocab.txt").write_bytes(vocab.read_bytes())
            (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower}))
            tasks[lower] = load(folder)
        return tasks

    return make


@pytest.fixture
def tagger(make_checkpoint: Maker) -> TokenClassifier:
    task = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB)))
    assert isinstance(task, TokenClassifier)
    return task


@pytest.fixture
def dictate(make_checkpoint: Maker) -> Callable[..., TokenClassifier]:
    """A task with these labels whose every piece has the label that is said, and the first label otherwise."""

    def make(labels: Sequence[str], wanted: dict[str, str | dict[str, float]]) -> TokenClassifier:
        task = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(labels)))
        assert isinstance(task, TokenClassifier)
        task.model = dataclasses.replace(task.model, engine=Dictated(task, wanted))
        return task

    return make


@pytest.fixture
def answerer(make_checkpoint: Maker) -> QuestionAnswerer:
    task = load(make_checkpoint(Head.QUESTION_ANSWERING))
    assert isinstance(task, QuestionAnswerer)
    return task


@pytest.fixture
def told(answerer: QuestionAnswerer) -> QuestionAnswerer:
    answerer.model = dataclasses.replace(answerer.model, engine=Told(), max_length=512)
    return answerer
