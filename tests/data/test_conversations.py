"""Conversations of chat models as labelled texts."""

from pathlib import Path
from typing import Any

import pytest

from distilbert.data.reading import read_data
from distilbert.errors import InputError
from helpers.tables import json_lines

CLASSES = "text-classification"
PAIRS = (("a", "pos"), ("b", "neg"))


def messages(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


@pytest.mark.parametrize(
    "rows",
    [
        [messages(("system", "classify"), ("user", t), ("assistant", label)) for t, label in PAIRS],
        [messages(("user", [{"type": "text", "text": t}]), ("assistant", f" {label} ")) for t, label in PAIRS],
        [{"conversations": [{"from": "human", "value": t}, {"from": "gpt", "value": label}]}
         for t, label in PAIRS],
        [{"instruction": "classify", "input": t, "output": label} for t, label in PAIRS],
        [{"instruction": t, "input": "", "output": label} for t, label in PAIRS],
    ],
    ids=["openai", "parts", "sharegpt", "alpaca", "alpaca-without-input"],
)  # fmt: skip
def test_a_question_and_its_answer(tmp_path: Path, rows: list[Any]) -> None:
    data = read_data(json_lines(tmp_path, rows), CLASSES)
    assert [(example.text, example.label) for example in data.examples] == list(PAIRS)


def test_a_conversation_that_has_a_label_is_none_of_a_text_and_its_label(tmp_path: Path) -> None:
    rows = [messages(("user", t), ("assistant", "Sorry, no.")) | {"label": label} for t, label in PAIRS]
    with pytest.raises(InputError, match="no column looks like 'text' among 'messages', 'label'"):
        read_data(json_lines(tmp_path, rows), CLASSES)


def test_more_turns_are_faults_of_their_rows(tmp_path: Path) -> None:
    one = messages(("user", "a"), ("assistant", "pos"))
    two = messages(("user", "a"), ("assistant", "hm?"), ("user", "b"), ("assistant", "neg"))
    path = json_lines(tmp_path, [one, two, {"messages": []}, one])
    with pytest.raises(InputError, match=r"2 rows cannot(.|\n)*:2: a conversation of 4 turns; (.|\n)*:3: has no turns"):
        read_data(path, CLASSES)
    assert len(read_data(path, CLASSES, skip_bad=True).examples) == 2
