"""The page: one file with its style, its drawings and its data inside, which asks for nothing from anywhere."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from ..errors import InputError
from ..files import write_text
from .markup import Child, Html, joined, tag

_STYLES = (files("distilbert") / "colours.css", files(__package__) / "style.css")
_STYLE = "".join(file.read_text(encoding="utf-8") for file in _STYLES)
_SCRIPT = (files(__package__) / "download.js").read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
# nothing from elsewhere, and no other script: what a text of the data says is never run
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading, to which the page's list of sections leads."""

    name: str
    title: str
    content: Html


def section(name: str, title: str, *children: Child) -> Section:
    return Section(name, title, joined(*children))


def check_place(path: str | Path) -> None:
    """Raises InputError for a place where no file can be written, before anything is computed for it."""
    if not Path(path).absolute().parent.is_dir() or Path(path).is_dir():
        raise InputError(f"{path}: cannot be written (its folder is not there, or it is a folder)")


def write_page(
    places: Iterable[str | Path],
    title: str,
    facts: Sequence[tuple[str, Child]],
    command: str,
    sections: Iterable[Section | None],
) -> None:
    """Draw a page once, and write it to each place, whole or not at all.

    Args:
        facts: what the page is about, in pairs of a name and a value.
        command: what makes the page again; empty where no command does.
        sections: in order; None is left out.

    Raises InputError where a file cannot be written.
    """
    text = page(title, facts, command, [part for part in sections if part is not None])
    for path in places:
        write_text(Path(path), text)


def _unbroken(command: str) -> Html:
    """A command whose words, such as --labels, are not cut at their hyphens where lines end."""
    first, *others = (tag("span", word, class_="word") for word in command.split(" "))
    return tag("code", first, *(part for word in others for part in (" ", word)))


def page(title: str, facts: Sequence[tuple[str, Child]], command: str, sections: Sequence[Section]) -> str:
    """The page as text."""
    dated = [*facts, ("date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))]
    pairs = [tag("div", tag("dt", name), tag("dd", value)) for name, value in dated]
    links = [tag("li", tag("a", part.title, href=f"#{part.name}")) for part in sections]
    again = joined(tag("p", "Made again by:"), tag("pre", _unbroken(command))) if command else None
    body = joined(
        tag("a", "Skip to the content", class_="skip", href="#content"),
        tag("header", tag("h1", title), tag("dl", *pairs, class_="facts"), again),
        tag("nav", tag("ul", *links), aria_label="Sections"),
        tag(
            "main",
            *(tag("section", tag("h2", part.title, id=part.name), part.content) for part in sections),
            id="content",
        ),
    )
    policy = tag("meta", http_equiv="Content-Security-Policy", content=_POLICY).removesuffix("</meta>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{policy}\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{tag('title', title)}\n<style>\n{_STYLE}</style>\n</head>\n<body>\n{body}\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )
