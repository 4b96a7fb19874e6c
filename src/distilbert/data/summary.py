"""What a person should know of examples before a model is trained on them."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, name_list, printable_name, short_repr
from .cells import alike_key, says_nothing
from .examples import Data, LabelledText, Question, SentencePair, TaggedWords
from .splitting import text_key

_MOST_LABELS = 20  # that are counted one by one
_FEW = 20  # labels, of which nothing is said
_RARE = 1 / 3  # of an equal share: a class with less than this part of it is rare
_RENAMED = "; --labels LABEL=NAME gives a label another name"
_EMPTY_WORDS = ("none", "null", "n/a", "na")  # what people write for a text that is missing, besides what tools do


def summary(data: Data[Any], others: Data[Any] | None = None) -> list[str]:
    """Lines on examples: labels, texts that stand there twice, texts that `others` has too, texts that are none."""
    counts = label_counts(data)
    lines = [_counted(counts)] if counts else []
    if (number := _only_number(data)) is not None:
        lines.append(f"all its numbers are {number:g}: their order has no score")
    if counts and (without := [label for label in data.labels if not counts[label]]):
        lines.append(f"labels without an example: {name_list(without)}{'' if others else _RENAMED}")
    if counts and data.problem in ("single_label_classification", "multi_label_classification"):
        lines += [*_alone(counts), *_alike(counts)]
    lines += _repeated(data)
    if others is not None:
        known = {text_key(example) for example in others.examples}
        shared = sum(text_key(example) in known for example in data.examples)
        if shared:
            lines.append(f"{shared:,} of its texts stand in {others.source} as well: scores on them say little")
    empty = Counter(
        example.text.strip()
        for example in data.examples
        if isinstance(example, LabelledText)
        and isinstance(example.text, str)
        and (example.text.strip().lower() in _EMPTY_WORDS or says_nothing(example.text))
    )
    if empty:
        words = ", ".join(f"{short_repr(word)} {count:,}" for word, count in empty.most_common(3))
        lines.append(f"texts that may stand for a missing one: {words}")
    return lines


def label_counts(data: Data[Any]) -> Counter[str]:
    """How many examples have each label; empty for tasks without, and for numbers."""
    counts: Counter[str] = Counter()
    for example in data.examples:
        if isinstance(example, LabelledText) and not isinstance(example.label, float | None):
            counts.update([example.label] if isinstance(example.label, str) else example.label)
        elif isinstance(example, TaggedWords):
            counts.update(example.labels)
    return counts


def rare_classes(data: Data[Any]) -> list[str]:
    """Single labels of texts that are much rarer than they would be if all came as often."""
    if data.problem != "single_label_classification":
        return []
    counts = label_counts(data)
    rare = _RARE * counts.total() / max(1, len(data.labels))
    return [label for label in data.labels if 0 < counts[label] < rare]


def uneven_classes(data: Data[Any]) -> str:
    """That classes are uneven, with the rarest; empty where they are not."""
    counts = label_counts(data)
    rare = rare_classes(data)
    named = ", ".join(f"{short_repr(label)} {counts[label] / counts.total():.1%}" for label in rare[:5])
    return f"classes are uneven ({named})" if rare else ""


def _counted(counts: Counter[str]) -> str:
    if len(counts) <= _MOST_LABELS:
        return "labels: " + ", ".join(f"{printable_name(label)} {count:,}" for label, count in counts.most_common())
    first, *_, last = counts.most_common()
    most, least = (f"{count:,} times {short_repr(label)}" for label, count in (first, last))
    return f"{len(counts)} labels, from {least} to {most}"


def check_learnable(data: Data[Any]) -> None:
    """Raises InputError for examples that all have the same number, and for questions that all have no answer."""
    if (number := _only_number(data)) is not None:
        raise InputError(f"{data.source}: all numbers are {number:g}; there is nothing to learn")
    if all(isinstance(example, Question) and example.answers == () for example in data.examples):
        raise InputError(f"{data.source}: no question has an answer; there is nothing to learn")


def _only_number(data: Data[Any]) -> float | None:
    """The number that all examples have; None where there are others, or none."""
    numbers = {
        example.label if isinstance(example, LabelledText) else example.score
        for example in data.examples
        if isinstance(example, LabelledText | SentencePair)
    }
    number = numbers.pop() if len(numbers) == 1 else None
    return number if isinstance(number, float) and len(data.examples) > 1 else None


def _alone(counts: Counter[str]) -> list[str]:
    """That most labels stand once, as texts and numbers of rows do."""
    once = sum(count == 1 for count in counts.values())
    if counts.total() < _FEW or 2 * once <= counts.total():
        return []
    return [f"{once:,} of its {len(counts):,} labels stand once: is their column the right one?"]


def _alike(counts: Counter[str]) -> list[str]:
    """Labels that differ in how they are written alone."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        groups[alike_key(label)].append(label)
    alike = [sorted(group, key=lambda label: -counts[label]) for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    named = ", ".join(" and ".join(map(repr, sorted(group))) for group in alike)
    way = shlex.join(f"{label}={best}" for best, *rest in alike for label in rest)
    return [f"labels {named} differ in how they are written alone; --labels {way} makes them one"]


def _repeated(data: Data[Any]) -> list[str]:
    labels: dict[Any, list[Any]] = defaultdict(list)
    for example in data.examples:
        if isinstance(example, LabelledText | TaggedWords):
            labels[text_key(example)].append(example.label if isinstance(example, LabelledText) else example.labels)
    repeated: Sequence[list[Any]] = [each for each in labels.values() if len(each) > 1]
    if not repeated:
        return []
    if len(labels) == 1:
        return ["all its texts are the same: there is nothing to learn from"]
    unlike = sum(any(label != each[0] for label in each) for each in repeated)
    rest = f", {unlike:,} of them with different labels" if unlike else ""
    stand = "text stands" if len(repeated) == 1 else "texts stand"
    return [f"{len(repeated):,} {stand} in it more than once{rest}"]
