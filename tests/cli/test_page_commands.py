"""Every command that a page shows is one that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest

from distilbert.cli.main import parse

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "recipes" / "README.md"]
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?:.*&& )?(?:[A-Z_]+=\S* )?distilbert (.*)$", re.MULTILINE)


def commands(page: Path) -> list[str]:
    """Of code blocks, continued lines joined, without what a shell does with the output; not those with a … in them."""
    blocks = FENCED.findall(page.read_text(encoding="utf-8"))
    found = [command for block in blocks for command in COMMAND.findall(re.sub(r"\\\n\s*", "", block))]
    return [re.split(r" (?:\||>|2>|&&|&$|#)", command)[0] for command in found if "…" not in command]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_commands_of_pages_are_understood(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = []
    for command in commands(page):
        arguments = shlex.split(re.sub(r"\$\(.*\)", "PLACE", command))
        if arguments[0] in ("--version", "--help"):
            continue
        try:
            parse(arguments)
        except SystemExit:
            wrong.append(f"distilbert {command}: {capsys.readouterr().err.splitlines()[-1]}")
    assert wrong == []
