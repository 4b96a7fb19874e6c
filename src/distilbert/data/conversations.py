"""Conversations, as chat models are trained on them -> plain rows: what a person says, and the answer as its label."""

from collections.abc import Mapping, Sequence
from typing import Any

from .faults import Faults
from .tables import Row

_PERSON, _MODEL, _SYSTEM = ("user", "human"), ("assistant", "gpt", "model"), ("system", "developer")
_NAMES = ("messages", "conversations", "conversation")
_LABELS = {"label", "labels", "category"}
_INSTRUCTED = {"instruction", "output"}  # Alpaca's columns, beside "input"


def is_conversation(rows: Sequence[Row]) -> bool:
    """Whether rows are as OpenAI's API, ShareGPT or Alpaca have them, and have no label besides."""
    values = rows[0].values
    return not values.keys() & _LABELS and (_turns(values) is not None or values.keys() >= _INSTRUCTED)


def asked_and_answered(rows: Sequence[Row], faults: Faults) -> list[Row]:
    """Each with "text" and "label". Conversations of more than one question are faults."""
    return faults.each(rows, lambda row: Row(row.place, _plain(row)))


def _turns(values: Mapping[str, Any]) -> list[tuple[Any, Any]] | None:
    """Who speaks, and what is said; None for a row that is no conversation."""
    for name in _NAMES:
        turns = values.get(name)
        if isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns):
            found = [(turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))) for turn in turns]
            return None if any(role is None for role, _ in found) else found
    return None


def _plain(row: Row) -> Mapping[str, Any]:
    turns = _turns(row.values)
    if turns is None:
        if not row.values.keys() >= _INSTRUCTED:
            raise row.fault("has no turns of a conversation, as the first row has")
        return {"text": row.values.get("input") or row.values["instruction"], "label": row.values["output"]}
    spoken = [(role, content) for role, content in turns if role not in _SYSTEM]
    match [role for role, _ in spoken]:
        case [person, model] if person in _PERSON and model in _MODEL:
            return {"text": _content(spoken[0][1]), "label": _content(spoken[1][1])}
    raise row.fault(
        f"a conversation of {len(spoken)} turns; a text and its label are one of the user and one of the assistant"
    )


def _content(content: Any) -> Any:
    """A text, also one in parts."""
    if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
        return "".join(str(part["text"]) for part in content)
    return content
