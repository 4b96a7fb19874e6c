"""The command that shows every task that there is a starter model for, on real text."""

import argparse
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..folder.starters import starters
from ..loading import load
from . import show

_FOLDER = Path(__file__).parents[1] / "demo"
_WIDTH = 80
_QUERIES = ("a moving love story", "the actors are wonderful")
_LABELS = ("sport", "money", "medicine", "film")
_NEXT = (
    "distilbert classify 'text of your own' -m starter/sentiment",
    "distilbert search reviews.csv 'good actors' --column text -m starter/embed",
    "distilbert serve starter/embed",
)


def add_demo(parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""
    del parser


def demo(args: argparse.Namespace) -> int:
    """Run each starter model that is installed on the texts of `demo/`, then say what to try next."""
    del args
    started = time.perf_counter()
    installed = starters()
    names = [name for name in _SECTIONS if name in installed] or _SECTIONS  # without any, `load` says how to get them
    models = {name: load(name) for name in names}
    seconds = time.perf_counter() - started
    show.line(
        (f"distilbert {__version__}", "bold"), f": {len(models)} models opened in {seconds:.1f} s, on this machine"
    )
    for name, model in models.items():
        title, run = _SECTIONS[name]
        show.line()
        show.line((title, "bold cyan"), (f"  {name}", "dim"))
        run(model)
    show.line()
    show.line((f"All of this took {time.perf_counter() - started:.1f} s. ", "bold"), "Now try:")
    for command in _NEXT:
        show.line(f"  {command}")
    return 0


def _sentiment(model: Any) -> None:
    for text in _texts("reviews"):
        result = model(text)
        _paragraph(f"  {result.score:.2f}  {result.label:<10}", text)


def _entities(model: Any) -> None:
    for text in _texts("names"):
        _paragraph("  ", text)
        for entity in model(text):
            show.line((f"    {entity.score:.2f}  {entity.label}  {entity.text}", "bold"))


def _answers(model: Any) -> None:
    context, *questions = _texts("questions")
    _paragraph("  ", context)
    for question in questions:
        answer = model(question, context)
        _paragraph(f"    {answer.score:.2f}  {question}  ", answer.text)


def _masks(model: Any) -> None:
    for text in _texts("masks"):
        _paragraph("  ", text)
        words = ", ".join(f"{fill.token} {fill.score:.2f}" for fill in model(text, top_k=4))
        _paragraph("    ", words)


def _topics(model: Any) -> None:
    for text in _texts("topics"):
        best, *_ = model(text, _LABELS)
        _paragraph(f"  {best.score:.2f}  {best.label:<8}  ", text)


def _search(model: Any) -> None:
    sentences = _texts("sentences")
    started = time.perf_counter()
    vectors = model(sentences)
    show.line(f"  {len(sentences)} sentences of film reviews, read in {1e3 * (time.perf_counter() - started):.0f} ms")
    for query in _QUERIES:
        scores = np.asarray(model.similarity(query, vectors))
        show.line((f"  {query}", "bold"))
        for index in (-scores).argsort()[:2]:
            _paragraph(f"    {scores[index]:.2f}  ", sentences[index])


_SECTIONS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "starter/sentiment": ("Is a review good or bad?", _sentiment),
    "starter/ner": ("Who, where, which organisation?", _entities),
    "starter/qa": ("What does a text say?", _answers),
    "starter/fill-mask": ("Which word is missing?", _masks),
    "starter/embed": ("Search by meaning", _search),
    "starter/zero-shot": (f"Labels of your own: {', '.join(_LABELS)}", _topics),
}


def _texts(name: str) -> list[str]:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def _paragraph(before: str, text: str) -> None:
    """Text in lines that fit beside `before`, which stands in bold."""
    first, *others = textwrap.wrap(text, _WIDTH - len(before))
    show.line((before, "bold"), first)
    for line in others:
        show.line(" " * len(before), line)
