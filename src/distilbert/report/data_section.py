"""The data section: how many examples there are of what, how long they are, and what is odd about them."""

from collections.abc import Sequence
from typing import Any

from ..data.examples import Data
from ..data.summary import label_counts, summary
from .markup import LONGEST_LABEL, Child, Html, data_text, measured, table, tag
from .page import Section, section
from .texts import SIZES, lengths, sizes

_MOST_LABELS = 30  # that have a row each


def data_section(parts: Sequence[tuple[str, Data[Any]]]) -> Section:
    """Of the parts of the data by name; the first is the one that the others are compared with."""
    return section("data", "Data", _sizes(parts), _labels(parts), _remarks(parts))


def _sizes(parts: Sequence[tuple[str, Data[Any]]]) -> Html:
    rows: list[list[Child]] = []
    for name, data in parts:
        rows.append([name, data_text(data.source), f"{len(data.examples):,}", *sizes(lengths(data))])
    head = ("part", "source", "examples", *SIZES)
    return table("Examples, and their words", head, rows, numbers=(2, 3, 4, 5))


def _labels(parts: Sequence[tuple[str, Data[Any]]]) -> Html | None:
    counts = [label_counts(data) for _, data in parts]
    total = sum(map(len, counts))
    if not total:
        return None
    counted = [label for each in counts for label, _ in each.most_common()]
    names = list(dict.fromkeys([*counted, *(label for _, data in parts for label in data.labels)]))
    rows: list[list[Child]] = []
    for name in names[:_MOST_LABELS]:
        row: list[Child] = [data_text(name, LONGEST_LABEL)]
        for (_, data), each in zip(parts, counts, strict=True):
            share = each[name] / max(each.total() if data.problem is None else len(data.examples), 1)
            row += [f"{each[name]:,}", measured(f"{share:.1%}", share)]
        rows.append(row)
    head = ["label", *(cell for part, _ in parts for cell in (part, "share"))]
    numbers = range(1, len(head), 2)
    left = len(names) - _MOST_LABELS
    caption = "How often each label stands there" + (f"; the {left:,} rarest are left out" if left > 0 else "")
    return table(caption, head, rows, numbers=numbers)


def _remarks(parts: Sequence[tuple[str, Data[Any]]]) -> Html | None:
    """What a person should know, besides the counts of labels above."""
    lines = []
    for place, (name, data) in enumerate(parts):
        found = [data.guessed] if data.guessed else []
        found += [line for line in summary(data, parts[0][1] if place else None) if "label" not in line.split(":")[0]]
        lines += [f"{name}: {line}" for line in found]
    return tag("ul", *(tag("li", data_text(line)) for line in lines), class_="plain") if lines else None
