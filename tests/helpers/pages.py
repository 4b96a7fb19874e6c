"""What the pages show: blocks of code, and the commands in them, each with what it prints."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "recipes/README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = r"([-+]?\d[\d,]*(?:\.\d+)?)"
_BAR = "[█-▏]+"
_PARTS = re.compile(rf"{_NUMBER}|(…|{_BAR}|\s+)")
_OF_THE_MACHINE = re.compile(r"^speed |^examples a second|times the speed| tokens/s")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    code: str


@dataclass(frozen=True)
class Command:
    """A line behind `$ `, continued ones joined, and the lines below it that are not blank."""

    where: str
    line: str
    printed: list[str]


def blocks(page: str, *languages: str) -> list[Block]:
    """The fenced blocks of a page, in their order; of any language where none is named."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [Block(page, text[: m.start()].count("\n") + 1, m[1], m[2]) for m in _FENCED.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def commands(page: str) -> list[Command]:
    found = []
    for block in blocks(page, "console"):
        before, *parts = re.split(r"^\$ ", block.code, flags=re.MULTILINE)
        assert not before, f"{page}:{block.line}: a block of a console begins with `$ `"
        for part in parts:
            line, _, printed = re.sub(r"\\\n\s*", "", part).partition("\n")
            lines = [each for each in printed.splitlines() if each.strip()]
            found.append(Command(f"{page}:{block.line}", line, lines))
    return found


def is_printed(wanted: str, lines: list[str], *, numbers: bool) -> bool:
    """Whether one of the lines is the wanted one: "…" stands for anything, and any space is a space.

    Numbers are the same but for the rounding of another processor; or any, where a page was made with another model,
    or where they tell of the machine.
    """
    parts = [part for part in _PARTS.split(wanted.strip()) if part]
    pattern = "".join(map(_pattern, parts))
    expected = [_value(part) for part in parts if re.fullmatch(_NUMBER, part)]
    for line in lines:
        if match := re.fullmatch(pattern, line.strip()):
            found = map(_value, match.groups())
            if not numbers or _OF_THE_MACHINE.search(wanted) or all(map(_is_close, found, expected)):
                return True
    return False


def _pattern(part: str) -> str:
    for kind in (_NUMBER, r"\s+", _BAR):
        if re.fullmatch(kind, part):
            return kind
    return ".*" if part == "…" else re.escape(part)


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _is_close(found: float, expected: float) -> bool:
    return abs(found - expected) <= max(0.011, 0.005 * abs(expected))
