"""Settings that follow from the data and the model where the caller leaves them open, and what is said of them.

docs/training.md has the measurement that the rules were found by, benchmarks/training_defaults.py makes it.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, TypeVar

from ..arguments import FinetuneArguments, LoopArguments
from ..data.examples import Data
from ..data.summary import label_counts, rare_classes, uneven_classes
from ..errors import counted
from .loop import step_count

Settings = TypeVar("Settings", bound=LoopArguments)

_BATCH_SIZES = ((1000, 32), (200, 16), (0, 8))  # (from so many examples on, so many of them a step)
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 30
_STEPS = {"token-classification": 500, "question-answering": 500}  # what small data are repeated for
_STEPS_OF_OTHERS = 180
_RATE, _RATE_OF_TRAINED = 1.5e-4, 7.5e-5  # learning rates, see `rate_at`, with a fresh head and without
_WIDTH = 384
_FEW_STEPS = 100
_FEW_EXAMPLES = 64  # a class, on average


def with_defaults(arguments: Settings, task: str, examples: int, width: int, *, fresh_head: bool) -> Settings:
    """The settings, with a value for each that is left to the data and the model.

    Small data get as many epochs as learning needs steps, and the learning rate falls with the model's width.
    `fresh_head`: whether its head has random weights.
    """
    batch_size = arguments.batch_size or next(size for least, size in _BATCH_SIZES if examples >= least)
    wanted = epochs_for(_STEPS.get(task, _STEPS_OF_OTHERS), examples, batch_size, _FEWEST_EPOCHS, _MOST_EPOCHS)
    return dataclasses.replace(
        arguments,
        batch_size=batch_size,
        epochs=arguments.epochs or wanted,
        learning_rate=arguments.learning_rate or rate_at(width, _RATE if fresh_head else _RATE_OF_TRAINED),
        head_rate=arguments.head_rate if fresh_head else 1.0,
    )


def epochs_for(steps: int, examples: int, batch_size: int, fewest: int, most: int) -> float:
    """As many epochs as so many steps take, within bounds."""
    return float(min(max(fewest, math.ceil(steps / math.ceil(examples / batch_size))), most))


def rate_at(width: int, rate: float) -> float:
    """The learning rate of a model of some width, by that of one of 384: it falls with the width."""
    return float(f"{rate * _WIDTH / width:.2g}")


def with_class_weights(arguments: FinetuneArguments, data: Data[Any]) -> FinetuneArguments:
    """The settings with weights that make all classes count the same in the loss where they are uneven, unless the
    caller said otherwise.
    """
    weights = arguments.class_weights
    if weights is None and rare_classes(data):
        weights = "balanced"
    return dataclasses.replace(arguments, class_weights=None if weights == "none" else weights)


def remarks(
    given: FinetuneArguments, used: FinetuneArguments, data: Data[Any], items: int, width: int
) -> Iterator[str]:
    """What a person should know of the settings that were chosen, and how to choose others."""
    steps = step_count(used, items)
    chosen = [
        name
        for name in ("batch_size", "epochs", "learning_rate", "precision")
        if getattr(given, name) != getattr(used, name) and not (name == "epochs" and used.max_steps)
    ]
    if chosen:
        settings = {name.replace("_", " "): getattr(used, name) for name in chosen}
        values = ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items()
        )
        yield f"chosen for {counted(items, 'item')} and a width of {width}: {values}"
    yield f"{counted(steps, 'step')} of {counted(min(used.batch_size, items), 'item')}"
    if steps < _FEW_STEPS and not used.max_steps:
        epochs = math.ceil(_FEW_STEPS / math.ceil(items / used.batch_size))
        yield f"so few steps seldom are enough: --epochs {epochs} makes them {_FEW_STEPS} or more"
    if uneven := uneven_classes(data):
        yield f"{uneven}: " + (
            "weights make all count the same in the loss; --class-weights none leaves them out"
            if used.class_weights == "balanced" and given.class_weights is None
            else "--class-weights balanced makes all count the same in the loss"
            if used.class_weights is None
            else "they have the weights that were given"
        )
    counts = label_counts(data)
    few = data.problem == "single_label_classification" and counts.total() <= _FEW_EXAMPLES * len(counts)
    if few and all(isinstance(example.text, str) for example in data.examples):
        yield f"{counts.total()} examples of {len(counts)} classes are few: try --few-shot or --head-only"
