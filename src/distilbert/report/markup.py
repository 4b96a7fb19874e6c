"""HTML from elements: whatever is not markup already is text, and is escaped."""

import html
import re
from collections.abc import Sequence

LONGEST = 600  # characters that are shown of a text
LONGEST_LABEL = 60  # and of a label
# what no HTML can hold, and what would change how the page around it reads
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Html(str):
    """Markup. Made by the functions of this module alone."""

    __slots__ = ()


Child = str | int | None


def tag(name: str, *children: Child, **attributes: str | int | bool | None) -> Html:
    """An element. `class_` is the attribute class, `aria_label` is aria-label; those of None or False are left out."""
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written.append(f" {key}" if value is True else f' {key}="{escaped(value)}"')
    inner = joined(*children)
    return Html(f"<{name}{''.join(written)}>{inner}</{name}>")


def joined(*children: Child) -> Html:
    """Markup as it is, all else escaped, one after the other; None is nothing."""
    return Html(
        "".join(child if isinstance(child, Html) else escaped(child) for child in children if child is not None)
    )


def escaped(value: object) -> Html:
    return Html(html.escape(printable(str(value))))


def printable(text: str) -> str:
    """A text without characters that a page cannot hold: U+FFFD stands for each."""
    return _UNPRINTABLE.sub("\ufffd", text)


def data_text(text: str, most: int = LONGEST) -> Html:
    """A text out of the data: cut, and its direction is its own, whatever marks of direction it holds."""
    return tag("bdi", text if len(text) <= most else f"{text[:most]} …")


def table(
    caption: str,
    head: Sequence[Child],
    rows: Sequence[Sequence[Child]],
    *,
    numbers: Sequence[int] = (),
    class_: str = "",
) -> Html:
    """A table that scrolls by itself where it is wider than the page; the first cell of a row is its heading.

    `numbers` are the columns of numbers.
    """

    def line(cells: Sequence[Child], scope: str) -> Html:
        made = []
        for place, cell in enumerate(cells):
            kind = "th" if scope == "col" or place == 0 else "td"
            number = "n" if place in numbers else None
            made.append(tag(kind, cell, scope=scope if kind == "th" else None, class_=number))
        return tag("tr", *made)

    body = tag("tbody", *(line(row, "row") for row in rows))
    inner = tag("table", tag("caption", caption), tag("thead", line(head, "col")), body, class_=class_ or None)
    return tag("div", inner, class_="wide", role="region", aria_label=caption, tabindex=0)


def details(summary: Child, *children: Child, open_: bool = False) -> Html:
    """What is shown when it is asked for."""
    return tag("details", tag("summary", summary), *children, open=open_)


def paragraph(*children: Child) -> Html:
    return tag("p", *children)


def bar(share: float) -> Html:
    """A bar of a share from 0 to 1 beside a number, for the eye alone."""
    return tag(
        "span", tag("i", style=f"width: {100 * min(max(share, 0.0), 1.0):.1f}%"), class_="bar", aria_hidden="true"
    )


def measured(text: str, share: float) -> Html:
    """A figure with its bar behind it."""
    return joined(tag("span", text, class_="measured"), bar(share))


def number(value: float | None, digits: int = 3) -> str:
    """A figure in a cell."""
    return "-" if value is None or value != value else f"{value:.{digits}f}"
