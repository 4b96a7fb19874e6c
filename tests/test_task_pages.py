"""docs/tasks/: each page's Python runs and prints what the page says; its table of options is the task's own.

`python tests/test_task_pages.py` writes the tables anew.
"""

import contextlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import DATA, Maker
from distilbert.cli import main
from distilbert.fields import Option, options_of
from distilbert.folder.checkpoint import Head
from distilbert.tasks.by_name import TASKS
from helpers.late_interaction import late_interaction_folder

FOLDER = Path(__file__).parents[1] / "docs" / "tasks"
PAGES = sorted(FOLDER.glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"(<!-- options: ([\w-]+) -->\n)((?:\|.*\n)*)")
KINDS = {str: "text", int: "whole number", float: "number", bool: "True, False"}
TAGS = {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}
NLI = {"0": "entailment", "1": "neutral", "2": "contradiction"}
PUBLISHED = json.loads((DATA / "published_outputs.json").read_text(encoding="utf-8"))


@pytest.fixture
def models(
    page: Path, make_checkpoint: Maker, folded_minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A working folder in which a folder of each name that the page loads lies."""
    monkeypatch.chdir(tmp_path)
    Path("minilm").symlink_to(folded_minilm)
    text = page.read_text(encoding="utf-8")
    named: dict[str, dict[str, Any]] = {
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english": {"id2label": {"0": "NEGATIVE", "1": "POSITIVE"}},
        "distilbert/distilbert-base-cased-distilled-squad": {"head": Head.QUESTION_ANSWERING},
        "distilbert/distilbert-base-uncased": {"head": Head.MASKED_LM},
        "opensearch-project/opensearch-neural-sparse-encoding-doc-v2-distill": {"head": Head.MASKED_LM},
        "typeform/distilbert-base-uncased-mnli": {"id2label": NLI},
        "ner": {"head": Head.TOKEN_CLASSIFICATION, "id2label": TAGS},
    }
    for name, options in named.items():
        if f'"{name}"' in text:
            shutil.move(make_checkpoint(name="made", **options), tmp_path / name)


def trained(models: None) -> None:
    """`reviews`, as the page on text classification fits it."""
    shutil.copy(DATA / "sentence_polarity.tsv", "reviews.tsv")
    page = (FOLDER / "text_classification.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^\$ distilbert (train .*)$", page, re.MULTILINE)
    assert main(command.split()) == 0


def published_lines() -> set[str]:
    """What makers and users of the models that pages name published, as the pages print it."""
    labels = {f"{case['label']} {case['score']:.4f}" for case in PUBLISHED["labels"]["cases"]}
    fills = {f"{token} {place} {score:.4f}" for token, place, score in PUBLISHED["fills"]["cases"][0]["top"]}
    answers = {
        f"{case['answer']} {case['start']} {case['end']} {case['score']:.4f}" for case in PUBLISHED["answers"]["cases"]
    }
    return labels | fills | answers


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_page_prints_what_it_says(page: Path, models: None, make_checkpoint: Maker, tmp_path: Path) -> None:
    match page.stem:
        case "text_classification":
            trained(models)
        case "late_interaction":
            late_interaction_folder(make_checkpoint).rename(tmp_path / "MODEL")
        case "multiple_choice":
            make_checkpoint(Head.MULTIPLE_CHOICE, name="MODEL")
        case "reranking":
            make_checkpoint(num_labels=1, name="MODEL")
    published = [PUBLISHED[part]["model"] for part in ("labels", "fills", "answers")]
    names: dict[str, object] = {}
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert blocks
    for code in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), names)
        lines, expected = printed.getvalue().splitlines(), re.findall("^# (.+)$", code, re.MULTILINE)
        if any(f'load("{name}")' in code for name in published):
            assert set(expected) <= published_lines()
            assert len(lines) == len(expected)
        elif page.stem != "token_classification":  # its model is not at hand
            patterns = [re.escape(line).replace("…", ".*") for line in expected]
            assert len(lines) == len(patterns), code
            assert [line for line, wanted in zip(lines, patterns) if not re.fullmatch(wanted, line)] == []


def table(task: str) -> str:
    rows = (f"| `{option.name}` | {values(option)} | {option.default_text} | {option.help} |\n" for option in
            options_of(TASKS[task].options))  # fmt: skip
    return "".join(["| option | values | default | meaning |\n|---|---|---|---|\n", *rows])


def values(option: Option) -> str:
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices)
    return f"{'several of ' if option.container else ''}{KINDS[option.kind]}"


def test_every_task_has_a_page_and_its_options_are_in_it() -> None:
    found = {}
    for page in PAGES:
        ((_, task, written),) = TABLE.findall(page.read_text(encoding="utf-8"))
        assert written == table(task), page.name
        found[task] = page
    assert found.keys() == TASKS.keys() - {"sentence-similarity"}  # which is that of vectors


if __name__ == "__main__":
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(TABLE.sub(lambda found: found[1] + table(found[2]), text), encoding="utf-8")
