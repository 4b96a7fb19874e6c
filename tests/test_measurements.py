"""docs/measurements.json: what README says was measured is in it, and each figure stands in the page that tells how."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MEASURED = json.loads((DOCS / "measurements.json").read_text(encoding="utf-8"))
FIGURE = re.compile(r"\b(\d[\d,]*(?:\.\d+)?) ?(times|%|[kMG]B|ms|s|texts/s)(?!\w)")
ROW = re.compile(r"^\| \**([^|*]+?)\** \| ([\d.]+) \| ([\d.]+)x \|$", re.MULTILINE)  # of a table of speeds


def prose(page: Path) -> str:
    """Without code blocks, which are recorded output."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def is_rounding(text: str, value: float) -> bool:
    places = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.5 * 10**-places + 1e-9


def unknown(figures: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that are no measurement's; the 95 % of an interval are none."""
    return [
        (figure, unit)
        for figure, unit in figures
        if (figure, unit) != ("95", "%")
        and not any(unit == each["unit"] and is_rounding(figure, each["value"]) for each in MEASURED)
    ]


def test_readmes_figures_were_measured() -> None:
    text = prose(ROOT / "README.md")
    rows = ROW.findall(text)
    assert len(rows) >= 5
    assert unknown(FIGURE.findall(text) + [(speed, "texts/s") for _, speed, _ in rows]) == []
    assert all(is_rounding(ratio, float(speed) / float(rows[-1][1])) for _, speed, ratio in rows)


def test_the_recipes_figures_are_those_of_their_page() -> None:
    text = prose(ROOT / "recipes" / "README.md")
    keeps = re.findall(r"([\d.]+) (%) of its|([\d.]+) (%) \| [\d.]+ \|$", text, re.MULTILINE)
    found = [(figure or other, "%") for figure, _, other, _ in keeps]
    assert len(found) == 8
    assert unknown(found) == []


def test_a_figure_of_two_pages_is_in_the_file() -> None:
    """So pages cannot come to contradict each other; two measurements of the same number are no such figure."""
    pages: dict[tuple[str, str], set[Path]] = {}
    for page in [
        ROOT / "README.md",
        *DOCS.rglob("*.md"),
        *(ROOT / "recipes").glob("*.md"),
        *(ROOT / "starter").rglob("*.md"),
    ]:
        for figure, unit in FIGURE.findall(prose(page)):
            if unit != "s" and len(figure) > 2:
                pages.setdefault((figure, unit), set()).add(page)
    shared = [each for each, found in pages.items() if len(found) > 1]
    assert len(shared) >= 8
    assert sorted(unknown(shared)) == [("3.5", "times"), ("99.9", "%")]


def test_each_figure_stands_in_its_page() -> None:
    for each in MEASURED:
        value = str(each["value"])
        assert re.search(rf"(?<![\d.]){re.escape(value)}(?![\d.]*\d)", prose(DOCS / each["page"])), each
        assert (ROOT / each["by"]).is_file(), each
