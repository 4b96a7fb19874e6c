"""docs/five_tasks.md: what a reader does with the site alone; its commands run, and print what the page says."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from conftest import DATA
from distilbert.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "five_tasks.md"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUESTIONS = "How do I reset my password?\nWhere is my parcel?\nCan I pay by card?\nThe app does not start.\n"


def skeleton(line: str) -> str:
    """A line with its numbers to one decimal, which other processors round in the same way."""
    return re.sub(r"-?\d\.\d+", lambda number: f"{float(number[0]):.1f}", line).strip()


def test_the_five_tasks(
    folded_minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("minilm").symlink_to(folded_minilm)
    monkeypatch.setattr("distilbert.convert.quantization.demo_sentences", lambda: ["a text"])  # its sizes are looked at
    shutil.copy(DATA / "sentence_polarity.tsv", "reviews.tsv")
    Path("texts.txt").write_text(QUESTIONS)
    *blocks, served = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 4
    assert "distilbert serve reviews" in served  # tests/serve has what it answers
    for block in blocks:
        for part in re.split(r"^\$ distilbert ", block, flags=re.MULTILINE)[1:]:
            command, *expected = part.splitlines()
            assert main(shlex.split(command)) == 0
            printed = [skeleton(line) for line in capsys.readouterr().out.splitlines()]
            assert [line for line in expected if line and skeleton(line) not in printed] == [], printed
