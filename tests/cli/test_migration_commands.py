"""The commands of docs/migration.md for people who come from SetFit, text-embeddings-inference and rust-bert."""

import re
import shlex
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import Maker
from distilbert import load
from distilbert.cli import main
from distilbert.folder.checkpoint import Head
from helpers.patience import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"


def commands(library: str) -> list[list[str]]:
    """The arguments of each command in the table of a library."""
    table = PAGE.read_text(encoding="utf-8").partition(f"| {library} | here |")[2].partition("\n\n")[0]
    found = re.findall(r"`distilbert ([^`]+)`", table)
    assert found, library
    return [shlex.split(command) for command in found]


@pytest.fixture
def place(make_checkpoint: Maker, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the commands name."""
    make_checkpoint(name="MODEL", id2label={"0": "bad", "1": "good"})
    rows = (f'"{text.replace(chr(34), "")}",{("bad", "good")[place % 2]}' for place, text in enumerate(sentences[:24]))
    (tmp_path / "train.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    (tmp_path / "texts.txt").write_text("\n".join(sentences[:3]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:.*its vectors say little")
def test_setfit(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for module in ("torch", "accelerate", "sklearn"):
        pytest.importorskip(module)
    train, classify, evaluate, embed = commands("SetFit")
    assert main([*train, "--epochs", "1", "--threads", "1"]) == 0
    capsys.readouterr()
    assert main(classify) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(evaluate) == 0
    assert "accuracy" in capsys.readouterr().out
    assert main(embed) == 0
    assert np.load("vectors.npy").shape == (3, 32)


def test_text_embeddings_inference(make_checkpoint: Maker, place: Path) -> None:
    pytest.importorskip("fastapi")
    httpx = pytest.importorskip("httpx")
    from helpers.process import Process

    ((name, _, *options),) = commands("text-embeddings-inference")
    assert (name, options[0]) == ("serve", "--port")
    folder = make_checkpoint(Head.NONE, name="embedder")
    with Process(str(folder)) as server:
        while not server.warm():
            time.sleep(0.05)
        vectors = httpx.post(f"{server.url}/embed", json={"inputs": "a text"}, timeout=PATIENCE).json()
        there = httpx.get(f"{server.url}/openapi.json", timeout=PATIENCE).json()["paths"]
    expected = load(folder)("a text")
    np.testing.assert_allclose(vectors[0], expected / np.linalg.norm(expected), rtol=1e-4)  # TEI normalises
    routes = re.findall(r"`(/[a-z0-9_/]+)`", PAGE.read_text(encoding="utf-8"))
    assert len(routes) >= 13
    assert set(routes) <= there.keys()


def test_rust_bert(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to_rust, from_rust, classify = commands("rust-bert")
    assert main(to_rust) == 0
    assert (place / "rust-model" / "rust_model.ot").exists()
    assert main(from_rust) == 0
    capsys.readouterr()
    assert main(classify) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    texts = (place / "texts.txt").read_text(encoding="utf-8").splitlines()
    assert load("my-model")(texts) == load("MODEL")(texts)
