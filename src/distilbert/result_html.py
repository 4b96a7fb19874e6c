"""Results as HTML for notebooks: tables with bars, and spans marked in a text. All that they hold is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from .errors import short_repr

_COLOURS = ("#bfdbfe", "#fde68a", "#bbf7d0", "#fbcfe8", "#ddd6fe", "#fed7aa")
_BAR = 8  # em of a full bar


def html_table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; scores from 0 to 1 have a bar."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    cells = ("".join(f"<td>{_cell(name, value)}</td>" for name, value in zip(names, row, strict=True)) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def html_spans(text: str, spans: Iterable[tuple[int, int, str, float]]) -> str:
    """The text with its spans (start, end, label, score), which are in order, in the colours of their labels."""
    colours: dict[str, str] = {}
    parts, after = [], 0
    for start, end, label, score in spans:
        colour = colours.setdefault(label, _COLOURS[len(colours) % len(_COLOURS)])
        style = f"background:{colour};color:black;border-radius:.3em;padding:0 .2em"
        named = f'{escape(text[start:end])}<small title="{score:.4f}"> {escape(label)}</small>'
        parts += [escape(text[after:start]), f'<mark style="{style}">{named}</mark>']
        after = end
    return f'<div style="white-space:pre-wrap">{"".join(parts)}{escape(text[after:])}</div>'


def _cell(name: str, value: object) -> str:
    if name == "score" and isinstance(value, float):
        return f'<span style="white-space:nowrap">{value:.4f}{_bar(value) if 0 <= value <= 1 else ""}</span>'
    return escape(value if isinstance(value, str) else short_repr(value))


def _bar(share: float) -> str:
    style = f"display:inline-block;height:.6em;margin-left:.5em;width:{share * _BAR:.2f}em;background:#60a5fa"
    return f'<span style="{style}"></span>'
