"""docs/design.md: its tree is that of the source, a line a file. Run as a program, this file writes it anew."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "distilbert"
PAGE = ROOT / "docs" / "design.md"
TREE = re.compile(r"(## The tree\n.*?```text\n)(.*?)(```)", re.DOTALL)


def tree(folder: Path = SOURCE, indent: str = "") -> Iterator[str]:
    """Every module under a folder with the first line of its docstring; files first, then folders."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.suffix == ".py" and path.name not in ("__init__.py", "__main__.py"):
            yield f"{indent}{path.name}".ljust(28) + first_line(path)
        elif (path / "__init__.py").is_file():
            yield f"{indent}{path.name}/".ljust(28) + first_line(path / "__init__.py")
            yield from tree(path, indent + "  ")


def first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].removesuffix(".")


def written() -> str:
    lines = [line.rstrip() for line in tree()]
    return TREE.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[3], PAGE.read_text(encoding="utf-8"))


def test_the_tree_is_that_of_the_source() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "run python tests/test_design.py"


def test_files_that_the_page_names_are_there() -> None:
    prose = PAGE.read_text(encoding="utf-8").partition("## The tree")[0]
    for name in re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", prose):
        assert list(ROOT.glob(name)) or list(SOURCE.rglob(name)), name


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
