"""docs/images: each picture of a task's page is drawn again and is the same, but for what other processors round."""

import re
import shutil
from pathlib import Path

import pytest

from conftest import DATA
from distilbert.cli import main
from distilbert.convert import convert
from helpers.scripts import ROOT, scripts

PAGES = ROOT / "docs" / "tasks"
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.mark.slow
def test_the_pictures_show_what_the_models_say(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "starter" / "src")
    convert(minilm, "minilm")
    shutil.copy(DATA / "sentence_polarity.tsv", "reviews.tsv")
    page = (PAGES / "text_classification.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^\$ distilbert (train .*)$", page, re.MULTILINE)
    assert main(command.split()) == 0
    with scripts("examples") as script:
        script("pictures").main("minilm", "reviews", tmp_path)
    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert drawn == {f"{page.stem}.svg" for page in PAGES.glob("*.md")}
    for name in drawn:
        again, kept = ((folder / name).read_text(encoding="utf-8") for folder in (tmp_path, ROOT / "docs" / "images"))
        assert NUMBER.split(again) == NUMBER.split(kept), name
        for number, wanted in zip(NUMBER.findall(again), NUMBER.findall(kept), strict=True):
            assert float(number) == pytest.approx(float(wanted), abs=0.03), name
        assert f"](../images/{name})" in (PAGES / name).with_suffix(".md").read_text(encoding="utf-8")
