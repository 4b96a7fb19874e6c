"""Results for a person: lines with bars and marked spans. Colours on a terminal only."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from ..results import Answer, Classification, Entity, MaskFill, Ranked

__all__ = ["answers", "bar", "entities", "fills", "labels", "ranked", "vector", "weights"]

console = Console(highlight=False, soft_wrap=True)

_BAR = 20  # characters of a full bar
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
_AROUND = 120  # characters of context on each side of an answer


def bar(share: float) -> str:
    """A share from 0 to 1 as a bar of fixed width, in eighths of a character."""
    eighths = round(max(0.0, min(share, 1.0)) * _BAR * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(_BAR)


def labels(text: str, results: Sequence[Classification]) -> None:
    """A line for a text with one label; several labels stand below their text."""
    cut = Text(" (cut)", style="yellow") if any(result.truncated for result in results) else Text()
    if len(results) == 1:
        (only,) = results
        console.print(Text(f"{only.score:7.4f}  {only.label:<12} ", style="bold"), clean(text), cut, sep="", end="\n")
        return
    console.print(clean(text), cut, sep="")
    for result in results:
        console.print(f"  {result.score:7.4f} {bar(result.score)} ", Text(result.label), sep="")


def vector(text: str, values: np.ndarray) -> None:
    head = " ".join(f"{value:7.4f}" if values.dtype.kind == "f" else f"{value:4d}" for value in values[:6].tolist())
    console.print(Text(f"[{head} …] {len(values)} {values.dtype}  ", style="bold"), clean(text), sep="")


def entities(text: str, found: Sequence[Entity]) -> None:
    """The text with its entities marked, each with its label and score behind it."""
    line = Text()
    colours: dict[str, str] = {}
    end = 0
    for entity in sorted(found, key=lambda entity: entity.start):
        colour = colours.setdefault(entity.label, _COLOURS[len(colours) % len(_COLOURS)])
        line.append(clean(text[end : entity.start]))
        line.append(Text(f"[{clean(entity.text)}]", style=f"bold {colour}"))
        line.append(Text(f"({entity.label} {entity.score:.2f})", style=colour))
        end = entity.end
    line.append(clean(text[end:]))
    console.print(line)


def answers(context: str, found: Sequence[Answer]) -> None:
    """The best answer in its context, then the others."""
    for place, answer in enumerate(found):
        if not answer.text:
            console.print(Text(f"{answer.score:7.4f}  (no answer in the context)", style="yellow"))
            continue
        console.print(Text(f"{answer.score:7.4f}  {clean(answer.text)}", style="bold"))
        if place == 0:
            before = context[max(0, answer.start - _AROUND) : answer.start]
            after = context[answer.end : answer.end + _AROUND]
            line = Text("         " + ("…" if answer.start > _AROUND else "") + str(clean(before)))
            line.append(Text(f"[{clean(answer.text)}]", style="bold green"))
            line.append(clean(after + ("…" if answer.end + _AROUND < len(context) else "")))
            console.print(line)


def fills(text: str, found: Sequence[MaskFill] | Sequence[Sequence[MaskFill]]) -> None:
    """Pieces with bars; where a text has several masks, one block for each."""
    one = [fill for fill in found if isinstance(fill, MaskFill)]
    blocks = [one] if one else [block for block in found if not isinstance(block, MaskFill)]
    console.print(clean(text))
    for number, block in enumerate(blocks, 1):
        if len(blocks) > 1:
            console.print(f"  mask {number}", style="dim")
        for fill in block:
            console.print(f"  {fill.score:7.4f} {bar(fill.score)} ", Text(fill.token, style="bold"), sep="")


def ranked(document: Ranked) -> None:
    console.print(Text(f"{document.score:8.4f}  #{document.index:<5} ", style="bold"), clean(document.text), sep="")


def weights(text: str, tokens: Sequence[tuple[str, float]], total: int) -> None:
    console.print(clean(text), Text(f" ({total} tokens)", style="dim"), sep="")
    top = max((weight for _, weight in tokens), default=1.0)
    for token, weight in tokens:
        console.print(f"  {weight:7.4f} {bar(weight / top)} ", Text(token, style="bold"), sep="")


def clean(text: str) -> Text:
    """Text that cannot drive the terminal: control characters and unpaired surrogates become visible."""
    if text.isprintable():
        return Text(text)
    return Text("".join(c if c.isprintable() else " " if c in "\t\n\r" else "\ufffd" for c in text))
