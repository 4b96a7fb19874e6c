"""The commands for texts, each with what it is given, and what they complain of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distilbert.cli import main
from distilbert.folder.checkpoint import Head

Run = Callable[..., list[str]]

TEXT = "a charming and often affecting journey ."
OTHER = "it is dull ."
LONG = " ".join(["film"] * 200)

# the arguments behind a command's name, its model, and the keys of its JSON
COMMANDS: dict[str, tuple[list[str], Head, dict[str, Any], list[str]]] = {
    "classify": ([], Head.SEQUENCE_CLASSIFICATION, {}, ["text", "label", "score", "tokens", "truncated"]),
    "ner": (
        [],
        Head.TOKEN_CLASSIFICATION,
        {"id2label": {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}},
        ["text", "entities"],
    ),
    "answer": (
        ["what is it ?"],
        Head.QUESTION_ANSWERING,
        {},
        ["question", "context", "text", "start", "end", "score"],
    ),
    "fill-mask": ([], Head.MASKED_LM, {}, ["text", "fills"]),
    "embed": ([], Head.NONE, {}, ["text", "embedding"]),
    "zero-shot": (
        [],
        Head.SEQUENCE_CLASSIFICATION,
        {"id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"}},
        ["text", "labels"],
    ),
    "rerank": (
        ["a love story"],
        Head.SEQUENCE_CLASSIFICATION,
        {"num_labels": 1},
        ["index", "score", "text", "truncated"],
    ),
    "sparse": ([], Head.MASKED_LM, {}, ["text", "indices", "values", "tokens"]),
    "choose": ([], Head.MULTIPLE_CHOICE, {}, ["prompt", "labels"]),
}
STREAMS = [name for name in COMMANDS if name not in ("rerank", "choose")]


def texts_of(command: str) -> list[str]:
    """Two texts that the command can read."""
    return [f"{text} [MASK]" for text in (TEXT, OTHER)] if command == "fill-mask" else [TEXT, OTHER]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command complains of: one line, with its name, and nothing on standard output."""
    assert main([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith(f"distilbert {arguments[0]}: ")
    return line


def documented(command: str, keys: list[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{command}` |")]
    assert [key for key in keys if f"`{key}`" not in row] == []
