"""`distilbert train` and `distilbert evaluate`, as a user types them."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from conftest import Maker
from distilbert.cli import main
from distilbert.folder.checkpoint import Head
from helpers.students import data_file


def test_train_then_evaluate_and_compare(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    train = data_file(tmp_path, "text-classification", sentences[:40])
    out = tmp_path / "out"
    command = ["train", "--task", "text-classification", "--model", str(make_checkpoint()), "--train", str(train)]
    command += ["--eval", str(train), "--out", str(out), "--epochs", "2", "--learning-rate", "1e-3", "--threads", "1"]
    more = ["--class-weights", "no=2", "--columns", "text=text"]
    assert main([*command, *more]) == 0
    result = capsys.readouterr()
    printed = result.err
    assert result.out.startswith("accuracy ")  # results alone, what goes on is told on standard error
    assert "40 examples (text from column 'text', label from column 'label'; a single-label problem)" in printed
    assert "tokens/s" in printed
    assert json.loads((out / "training.json").read_text())["settings"]["class_weights"] == {"no": 2.0}

    assert main([*command, "--resume"]) == 1
    assert "is done, with another --class-weights, columns; choose another folder" in capsys.readouterr().err
    assert main([*command, *more, "--resume", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["folder"] == str(out)
    assert f"{again['scores']['accuracy']['value']:.4f}" in result.out

    assert main(["evaluate", str(out), str(train), "--json", "--resamples", "50"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(out), str(train), "--compare", str(out), "--compare-precision", "int8"]) == 0
    table = capsys.readouterr().out
    assert f"accuracy           {alone['scores']['accuracy']['value']:.4f} [" in table
    sizes = re.search(r"MB of weights +([\d.]+) +([\d.]+) ", table)
    assert sizes is not None
    assert float(sizes[2]) < float(sizes[1]) / 2  # what runs in int8 is counted, not what lies in the folder
    command = ["evaluate", str(out), str(train), "--compare", str(out), "--json", "--resamples", "50"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["second_minus_first"]["accuracy"] == {"value": 0, "low": 0, "high": 0}


def test_mistakes_are_one_line(make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("text,label\na,\n")
    command = ["train", "--task", "text-classification", "--model", str(make_checkpoint()), "--train", str(bad)]
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"distilbert train: {bad}:2: the label ('label') is missing\n"
    assert main([*command, "--out", str(tmp_path / "out"), "--class-weights", "x=heavy"]) == 1
    assert "--class-weights takes LABEL=WEIGHT, or balanced, or none; 'x=heavy' is not that" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "out"), "--columns", "text"]) == 1
    assert "--columns takes ROLE=NAME; 'text' is not that" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "out"), "--class-weights", "x=1", "y=2", "x=3"]) == 1
    assert "--class-weights has 'x' twice" in capsys.readouterr().err


def test_a_run_without_checkpoints_that_is_stopped_says_that_nothing_was_written(
    make_checkpoint: Maker,
    tmp_path: Path,
    sentences: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("distilbert.head_only.fitting.fit_head", stopped)
    train = data_file(tmp_path, "text-classification", sentences[:20])
    command = ["train", "--task", "text-classification", "--head-only", "--model", str(make_checkpoint(Head.NONE))]
    assert main([*command, "--train", str(train), "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err.endswith("stopped; nothing was written; run the same command again\n")
    assert not (tmp_path / "out").exists()
