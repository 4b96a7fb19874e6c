"""What the recipes of the starter models share: quantise, score once on what was never trained on, describe.

A starter model is a folder of `distilbert_starter` in the folder that DISTILBERT_WORK names. Once it is final, it is
copied to starter/src/distilbert_starter.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common import WORK, keep
from distilbert.convert import quantize
from distilbert.evaluation import Interval, evaluate

OUT = WORK / "distilbert_starter"
Scores = dict[str, dict[str, Interval]]  # by what was scored, and by metric


_CARD = """---
license: {card.licence}
language: en
library_name: distilbert
pipeline_tag: {task}
base_model: sentence-transformers/all-MiniLM-L6-v2
---
# starter/{name}: {card.title}

```python
import distilbert

model = distilbert.load("starter/{name}")
```

## Made of

- sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), a BERT of 6 layers and width 384, as a DistilBERT
{made_of}

{card.split} Weights are int8, the word embeddings 4 bits.

## Scores

| data | metric | value | 95 % interval (bootstrap) |
|---|---|---|---|
{table}

## Limits

{card.limits}

## For production

{card.production}
"""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a model card says beside the scores.

    Attributes:
        title: what the model does, in a few words.
        data: each data set that it was trained on, with its licence.
        split: what it was scored on, and that it was not trained on it.
        limits: what it is bad at.
        production: what to take instead where it matters.
        licence: of the weights, as the hub writes it.
    """

    title: str
    data: Sequence[str]
    split: str
    limits: str
    production: str
    licence: str = "apache-2.0"


def pack(name: str, source: Path, longest: int = 0) -> Path:
    """The int8 folder of a starter model, made of a float32 one; `longest`: tokens of a text, if not the model's."""
    out = OUT / name
    out.parent.mkdir(parents=True, exist_ok=True)
    print(quantize(source, out, word_bits=4))
    if longest:
        path = out / "tokenizer_config.json"
        settings = json.loads(path.read_text(encoding="utf-8")) | {"model_max_length": longest}
        path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    for file in ("report.html", "training.json", "scores.json", "README.md"):  # of the training; the card says it
        (out / file).unlink(missing_ok=True)
    return out


def score(folder: Path, task: str, tests: Mapping[str, Path], **options: Any) -> Scores:
    """Every metric of the task on each test file, by what the file is called in the card."""
    return {what: dict(evaluate(folder, file, task, **options).scores) for what, file in tests.items()}


def mean(values: np.ndarray) -> Interval:
    """The mean over examples, by the bootstrap."""
    drawn = np.random.default_rng(0).choice(values.astype(float), (1000, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))


def describe(name: str, task: str, card: Card, scores: Scores) -> None:
    """Keep the scores, and write the card as README.md into the model's folder."""
    keep(f"starter-{name}", {what: {m: each.to_dict() for m, each in found.items()} for what, found in scores.items()})
    table = [
        f"| {what} | {metric} | {value.value:.3f} | {value.low:.3f} to {value.high:.3f} |"
        for what, intervals in scores.items()
        for metric, value in intervals.items()
    ]
    made_of = [f"- {data}" for data in card.data]
    text = _CARD.format(name=name, task=task, card=card, made_of="\n".join(made_of), table="\n".join(table))
    (OUT / name / "README.md").write_text(text, encoding="utf-8")
