"""docs/from_table.md: its commands run in their order, on the rows that the example makes, through a small model."""

import contextlib
import csv
import json
import re
import runpy
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

import distilbert
from conftest import Maker
from distilbert.cli import main
from distilbert.folder.checkpoint import Head
from distilbert.serve import Settings, create_app

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "from_table.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "messy_reviews.py"
OF_THIS_MODEL = re.compile(r"0\.\d to|negative |positive |cosine| {2}|\[\{")  # how it answers, and how sure it is


@pytest.fixture
def place(make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the page's reader stands after its first block: the tables, and `minilm`, here of random weights."""
    small = make_checkpoint(Head.NONE, dim=32, hidden_dim=64, n_layers=1)
    shutil.copytree(small, tmp_path / "page" / "minilm")
    monkeypatch.setattr("sys.argv", [str(EXAMPLE), str(tmp_path / "page")])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    with contextlib.chdir(tmp_path / "page"):
        yield tmp_path / "page"


def commands() -> list[tuple[str, list[str]]]:
    """The commands behind the first block, and the lines that the page shows of what each prints."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)[1:]
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(part.splitlines()[0], part.splitlines()[1:]) for part in parts]


def skeleton(line: str) -> str:
    """A line without its numbers and spaces."""
    return re.sub(r"\s+", " ", re.sub(r"[-+]?\d[\d,]*(\.\d+)?", "0", line)).strip()


@pytest.mark.long
def test_each_command_prints_what_the_page_says_and_the_server_answers(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = [(shlex.split(command), lines) for command, lines in commands() if command.startswith("distilbert ")]
    ran = [(words, lines) for words, lines in ran if words[1] != "serve"]
    assert [words[1] for words, _ in ran] == ["train"] * 3 + [
        "calibrate",
        "evaluate",
        "quantize",
        "evaluate",
        "classify",
    ]
    for words, lines in ran:
        if words[1] == "train":
            shutil.rmtree("sentiment", ignore_errors=True)  # the page's reader stops the run with four labels
        main(words[1:])
        told = capsys.readouterr()
        printed = (told.err + told.out).splitlines()
        known = {skeleton(line) for line in printed}
        wanted = [line for line in lines if line.strip(" …") and not OF_THIS_MODEL.match(line)]
        assert [line for line in wanted if skeleton(line) not in known] == [], words
        assert {line for line in lines if ".csv: labels" in line or "cannot be used" in line} <= set(printed)
    assert (place / "evaluation.html").is_file()
    with (place / "labelled.csv").open(encoding="utf-8", newline="") as file:
        labelled = list(csv.DictReader(file))
    assert len(labelled) == 200
    assert {"Nr", "Sentiment", "text", "label", "score"} <= set(labelled[0])
    check_server()


def check_server() -> None:
    """It answers as the page says, with the model that the last training left."""
    serve = next(command for command, _ in reversed(commands()) if "distilbert serve" in command)
    request, answer = next((command, lines) for command, lines in commands() if command.startswith("curl "))
    words = shlex.split(request)
    body = json.loads(words[words.index("-d") + 1])
    assert words[-1] == f"http://127.0.0.1:{shlex.split(serve)[-1]}/predict"
    app = create_app({"sentiment": distilbert.load("sentiment")}, Settings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        while client.get("/health").status_code == 503:  # until it is warm
            time.sleep(0.05)
        given = client.post("/predict", json=body).json()
    wanted = json.loads("".join(answer))
    assert {each["label"] for each in given} == {each["label"] for each in wanted} == {"negative", "positive"}
    assert all(given[0].keys() == each.keys() for each in (*given, *wanted))
