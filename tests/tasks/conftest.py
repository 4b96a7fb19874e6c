"""A tagger and an answerer of random weights, and each with an engine that says what it is told."""

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from conftest import Maker
from distilbert import QuestionAnswerer, TokenClassifier, load
from distilbert.folder.checkpoint import Head
from helpers.answers import Told
from helpers.taggers import IOB, Dictated, id2label


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
