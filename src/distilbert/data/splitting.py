"""Examples held out of others: of each label its share, and texts that are the same on one side."""

import dataclasses
import random
import re
from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from ..errors import InputError, counted
from ..files import is_file
from .examples import AnyExample, Data, LabelledText, Question, texts_of

_SHARE = re.compile(r"(\d*\.?\d+(?:e-\d+)?) ?(%?)")


def share_of(value: str | Path | None) -> float | None:
    """The share that a text such as 0.1 or 10% says; None for a file's name. Raises InputError for another number."""
    found = _SHARE.fullmatch(str(value))
    if found is None or is_file(Path(str(value))):
        return None
    share = float(found[1]) / (100 if found[2] else 1)
    if not 0 < share < 1:
        raise InputError(f"eval is a file, or a share of the examples between 0 and 1, and {value} is neither")
    return share


def hold_out(data: Data[Any], share: float, seed: int) -> tuple[Data[Any], Data[Any]]:
    """The examples without a share of them, and those of that share, drawn by `seed`, both in the order of the file.

    Examples of one text (of one context for questions) stay together; of each single label about that share is drawn,
    of rare ones taken together.

    Raises InputError where one of the two would be empty.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, example in enumerate(data.examples):
        groups[text_key(example)].append(index)
    strata: dict[object, list[list[int]]] = defaultdict(list)
    for group in groups.values():
        first = data.examples[group[0]]
        label = (
            first.label if isinstance(first, LabelledText) and data.problem == "single_label_classification" else None
        )
        strata[label].append(group)
    rng = random.Random(seed)  # noqa: S311
    chosen: set[int] = set()
    carried = 0.0  # what labels too rare to give an example of their own give together
    for drawn_by, members in sorted(strata.items(), key=lambda item: str(item[0])):
        rng.shuffle(members)
        wanted, taken = share * sum(map(len, members)) + carried, 0
        kept = carried != 0 and drawn_by is not None  # one to learn from
        for group in members[kept:]:
            if taken + len(group) / 2 > wanted:
                break
            chosen.update(group)
            taken += len(group)
        carried = wanted - taken if carried or not taken else 0.0
    if not chosen or len(chosen) == len(data.examples):
        texts = "" if len(groups) == len(data.examples) else f" of {counted(len(groups), 'different text')}"
        raise InputError(
            f"{data.source}: has too few examples to hold out {share:g} of them: {len(data.examples):,}{texts}; give a "
            "file of others (--eval FILE)"
        )
    rest = [example for index, example in enumerate(data.examples) if index not in chosen]
    out = [data.examples[index] for index in sorted(chosen)]
    source = f"{share:g} of {data.source}"
    return dataclasses.replace(data, examples=rest), dataclasses.replace(data, examples=out, source=source, guessed="")


def text_key(example: AnyExample) -> Hashable:
    """What two examples share where one tells the answer of the other."""
    return example.context if isinstance(example, Question) else texts_of(example)
