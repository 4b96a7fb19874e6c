"""Results for a person: lines with bars and marked spans. Styles and a progress bar on a terminal only."""

import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import counted
from ..progress import progress_bar
from ..results import Answer, Classification, Entity, Found, MaskFill, Ranked

Item = TypeVar("Item")
Part = str | tuple[str, str]  # of a line: text, or text and its style

_console = Console(highlight=False, soft_wrap=True)
_BAR = 20  # characters of a full bar
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
_AROUND = 120  # characters of context on each side of an answer
_JOINERS = "\u200c\u200d"  # invisible, harmless, and part of Persian words and of emoji


def line(*parts: Part) -> None:
    """Print a line, with its styles on a terminal. What a text or a model says must be made clean before."""
    if _console.is_terminal:
        _console.print(Text.assemble(*parts))
    else:  # to the same effect in a tenth of the time
        print("".join(part if isinstance(part, str) else part[0] for part in parts))


def note(text: str) -> None:
    """Print a line on standard error, made clean."""
    print(clean(text), file=sys.stderr)


def cleaned(text: str) -> None:
    """Print a text, perhaps of several lines, made clean."""
    for part in text.splitlines():
        line(clean(part))


def hanging(before: Part, *parts: Part) -> None:
    """A line whose parts, where a terminal breaks them, go on below each other, to the right of `before`."""
    width = cell_len(before if isinstance(before, str) else before[0])
    if not _console.is_terminal or _console.width < 2 * width:
        line(before, *parts)
        return
    table = Table.grid()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text.assemble(before), Text.assemble(*parts))
    _console.print(table, soft_wrap=False)


def columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of cells, which are clean, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def clean(text: str) -> str:
    """Text on one line that cannot drive the terminal: what would is shown as U+FFFD."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs")
    return "\ufffd" if hidden and character not in _JOINERS else character


def bar(share: float) -> str:
    """A share from 0 to 1 as a bar of fixed width, in eighths of a character where the output can show them."""
    eighths = round(max(0.0, min(share, 1.0)) * _BAR * 8)
    full, rest = divmod(eighths, 8)
    if not _console.encoding.startswith("utf"):
        return ("#" * full).ljust(_BAR)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(_BAR)


def score(value: float) -> str:
    """Seven characters, of small scores too."""
    return f"{value:7.4f}" if abs(value) >= 5e-5 or value == 0 else f"{value:7.1e}"


def labels(text: str, found: Classification | Sequence[Classification]) -> None:
    """A line for a text with its one label; labels in a list, or none, stand below their text."""
    results = [found] if isinstance(found, Classification) else found
    cut = (" (cut)", "yellow") if any(result.truncated for result in results) else ""
    if isinstance(found, Classification):
        hanging((f"{score(found.score)}  {clean(found.label):<12} ", "bold"), clean(text), cut)
        return
    line(clean(text), cut, "" if results else (" (no label)", "dim"))
    shares = all(0 <= result.score <= 1 for result in results)
    for result in results:
        line(f"  {score(result.score)} {bar(result.score) if shares else ''} ", (clean(result.label), "bold"))


def vector(text: str, values: np.ndarray) -> None:
    head = " ".join(f"{value:7.4f}" if values.dtype.kind == "f" else f"{value:4d}" for value in values[:6].tolist())
    hanging((f"[{head} …] {len(values)} {values.dtype}  ", "bold"), clean(text))


def entities(text: str, found: Sequence[Entity]) -> None:
    """The text with its entities marked, each with its label and score behind it."""
    parts: list[Part] = []
    colours: dict[str, str] = {}
    end = 0
    for entity in found:
        colour = colours.setdefault(entity.label, _COLOURS[len(colours) % len(_COLOURS)])
        parts.append(clean(text[end : entity.start]))
        parts.append((f"[{clean(entity.text)}]", f"bold {colour}"))
        parts.append((f"({clean(entity.label)} {entity.score:.2f})", colour))
        end = entity.end
    line(*parts, clean(text[end:]))


def answers(context: str, found: Answer | Sequence[Answer]) -> None:
    """The best answer in its context, then the others."""
    for place, answer in enumerate([found] if isinstance(found, Answer) else found):
        probability = f"{score(answer.score)}  "
        if not answer.text:
            line((f"{probability}(no answer in the context)", "yellow"))
            continue
        line((probability + clean(answer.text), "bold"))
        if place == 0:
            before = context[max(0, answer.start - _AROUND) : answer.start]
            after = context[answer.end : answer.end + _AROUND]
            hanging(
                " " * len(probability),
                ("…" if answer.start > _AROUND else "") + clean(before),
                (f"[{clean(answer.text)}]", "bold green"),
                clean(after) + ("…" if answer.end + _AROUND < len(context) else ""),
            )


def fills(text: str, found: Sequence[MaskFill] | Sequence[Sequence[MaskFill]]) -> None:
    """Pieces with bars; where a text has several masks, one block for each."""
    one = [fill for fill in found if isinstance(fill, MaskFill)]
    blocks = [one] if one else [block for block in found if not isinstance(block, MaskFill)]
    line(clean(text))
    for number, block in enumerate(blocks, 1):
        if len(blocks) > 1:
            line((f"  mask {number}", "dim"))
        for fill in block:
            line(f"  {score(fill.score)} {bar(fill.score)} ", (clean(fill.token), "bold"))


def ranked(rank: int, document: Ranked | Found) -> None:
    """A document and its rank, 1 for the best."""
    cut = (" (cut)", "yellow") if isinstance(document, Ranked) and document.truncated else ""
    hanging((f"{score(document.score)}  #{rank:<5} ", "bold"), clean(document.text), cut)


def weights(text: str, tokens: Sequence[tuple[str, float]], total: int) -> None:
    line(clean(text), (f" ({counted(total, 'token')})", "dim"))
    top = max((weight for _, weight in tokens), default=1.0)
    for token, weight in tokens:
        line(f"  {score(weight)} {bar(weight / top)} ", (clean(token), "bold"))


def facts(title: str, values: dict[str, object]) -> None:
    """Names and values, one pair a line."""
    line((clean(title), "bold"))
    width = max(map(len, values))
    for name, value in values.items():
        if type(value) is int:
            value_text = f"{value:,}"
        elif isinstance(value, dict):
            value_text = ", ".join(f"{key} {part}" for key, part in value.items())
        else:
            value_text = ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
        line(f"  {name.replace('_', ' '):<{width}}  ", clean(value_text))


def progress(items: Iterable[Item], total: Callable[[], int | None], *, silent: bool) -> Iterator[Item]:
    """The items; if the work is long, with a bar on the terminal of how many went by.

    There is none where results show on that terminal as they come, which `silent` says they do not.
    """
    if _console.is_terminal and not silent:
        yield from items
        return
    with progress_bar(total()) as advance:
        for item in items:
            advance(1)
            yield item
