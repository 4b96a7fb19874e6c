"""README's own commands and Python run, and print what it shows, numbers aside."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

import distilbert
from conftest import Maker

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command of ours, and the lines that README shows below it, but for indented ones, which quote texts."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed_lines = part.splitlines()
            if command.startswith("distilbert "):
                yield command, [line for line in printed_lines if line.strip() and line[0] != " "]


def test_the_first_lines_of_readme_and_site_give_what_they_say() -> None:
    home = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (README, home):
        model, text = re.findall(r'load\("(.+?)"\).*\nclf\("(.+?)"\)', page)[0]
        (shown,) = re.findall(r"^# (Classification\(.*\))$", page, flags=re.MULTILINE)
        result = repr(distilbert.load(model)(text))
        assert re.fullmatch(re.escape(shown).replace("…", r"\d*"), result), result


def skeleton(line: str) -> str:
    """A line without its numbers and spaces."""
    return re.sub(r"\s+", " ", re.sub(r"\s*-?\d+(\.\d+)?", "0", line)).strip()


def first_layer_of(bert: Path, folder: Path) -> Path:
    """A BERT of one layer, which is quantised in a moment."""
    shutil.copytree(bert, folder)
    config = json.loads((bert / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    weights = load_file(bert / "model.safetensors")
    kept = {name: array for name, array in weights.items() if not re.search(r"encoder\.layer\.[1-9]", name)}
    save_file(kept, folder / "model.safetensors")
    return folder


@pytest.fixture
def environment(make_checkpoint: Maker, minilm: Path, tmp_path: Path) -> dict[str, str]:
    """The starter models, a hub's cache with a small model for each name of one in README, and no hub."""
    models = {
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english": make_checkpoint(
            id2label={"0": "NEGATIVE", "1": "POSITIVE"}, name="sst2"
        ),
        "sentence-transformers/all-MiniLM-L6-v2": first_layer_of(minilm, tmp_path / "minilm"),
    }
    for name, folder in models.items():
        cached = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        (cached / "refs").mkdir(parents=True)
        (cached / "refs" / "main").write_text("0" * 40)
        shutil.copytree(folder, cached / "snapshots" / ("0" * 40))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    starters = str(ROOT / "starter" / "src")
    offline = {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    return os.environ | offline | {"PATH": path, "PYTHONPATH": starters + os.pathsep + os.environ.get("PYTHONPATH", "")}


@pytest.fixture
def place(tmp_path: Path, sentences: list[str]) -> Path:
    """A working folder with the files that README reads."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "reviews.txt").write_text("\n".join(sentences[:20]), encoding="utf-8")
    return folder


def test_python(environment: dict[str, str], place: Path) -> None:
    script = "\n".join(blocks("python"))
    assert "distilbert.load" in script
    if re.search(r"distilbert\.(nn|train)", script):
        pytest.importorskip("torch")
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 20


@pytest.mark.long
@pytest.mark.skipif(find_spec("torch") is not None, reason="they run once, in the core's environment")
def test_commands(environment: dict[str, str], place: Path) -> None:
    found = list(commands())
    assert found
    for command, printed_lines in found:
        done = subprocess.run(
            command, shell=True, capture_output=True, text=True, cwd=place, env=environment, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        printed = {skeleton(line) for line in done.stdout.splitlines()}
        assert [line for line in printed_lines if skeleton(line) not in printed] == [], f"{command}: {done.stdout}"


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 120
