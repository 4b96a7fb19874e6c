"""Small data files for every task, and runs that end in a moment."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from distilbert.folder.checkpoint import Head
from distilbert.train import FinetuneArguments

HEADS = {
    "text-classification": Head.SEQUENCE_CLASSIFICATION,
    "token-classification": Head.TOKEN_CLASSIFICATION,
    "question-answering": Head.QUESTION_ANSWERING,
    "fill-mask": Head.MASKED_LM,
    "sentence-similarity": Head.NONE,
    "multiple-choice": Head.MULTIPLE_CHOICE,
}
NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0, "qa_dropout": 0.0, "seq_classif_dropout": 0.0}


def data_file(folder: Path, task: str, sentences: list[str], name: str = "train") -> Path:
    """Examples that a small model can learn by heart."""
    path = folder / f"{name}.jsonl"
    rows: list[dict[str, Any]] = []
    for index, text in enumerate(sentences):
        other = sentences[(index + 1) % len(sentences)]
        words = text.split()
        match task:
            case "text-classification":
                rows.append({"text": text, "label": ("no", "yes")["the" in words]})
            case "token-classification":
                rows.append({"words": words, "labels": ["B-A" if word[0] in "aeiou" else "O" for word in words]})
            case "question-answering":
                rows.append({"question": "which comes first?", "context": text, "answers": [words[0]]})
            case "fill-mask":
                rows.append({"text": text})
            case "sentence-similarity":
                rows.append({"text": text, "pair": text if index % 2 else other, "score": 5 * (index % 2)})
            case "multiple-choice":
                rows.append({"prompt": text, "choices": [text, other, "no"][: 2 + index % 2], "label": 0})
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def arguments(
    model: Path, train: Path, out: Path, task: str = "text-classification", **changes: Any
) -> "FinetuneArguments":
    values: dict[str, Any] = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "threads": 1, "device": "cpu"}
    return FinetuneArguments(task=task, model=model, train=train, out=out, **values | changes)
