import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import Maker
from distilbert import InputError
from distilbert.bench import BUDGETS, bench, plot
from distilbert.cli import main
from distilbert.convert import quantize
from distilbert.folder.checkpoint import Head


@pytest.mark.int8
def test_every_setting_is_measured(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    report = bench(make_checkpoint(Head.MASKED_LM, n_layers=1), sentences[:5], rounds=1)
    assert {setting.precision for setting in report.settings} == {"float32", "int8"}
    assert {setting.batch_tokens for setting in report.settings} == set(BUDGETS)
    for precision, best in report.best.items():
        same = [s.texts_per_second for s in report.settings if s.precision == precision]
        assert best.texts_per_second == max(same) > 0
        p50, p95, p99 = report.latency[precision]
        assert 0 < p50 <= p95 <= p99
        assert report.cold_start[precision] > 0
        assert 30 < report.peak_memory[precision] < 1000
    assert json.loads(json.dumps(report.to_dict()))["best"]["int8"]["precision"] == "int8"
    if find_spec("matplotlib"):
        plot(report, tmp_path / "speed.svg")
        assert "<svg" in (tmp_path / "speed.svg").read_text()
        plot(report, tmp_path / "speed.png")
        assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.int8
def test_a_quantised_folder_is_measured_as_it_is(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quantize(make_checkpoint(), tmp_path / "int8", data=["a text"])
    (tmp_path / "texts.txt").write_text("one text\nanother\n")
    assert main(["bench", str(tmp_path / "int8"), "--rounds", "1", "--file", str(tmp_path / "texts.txt")]) == 0
    out = capsys.readouterr().out
    assert "2 texts" in out
    assert "float32" not in out
    assert out.count("<- best") == 1


def test_no_text_is_an_error(make_checkpoint: Maker) -> None:
    with pytest.raises(InputError, match="no text"):
        bench(make_checkpoint(), [])


@pytest.mark.int8
def test_quantize_from_the_command_line(
    make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint()
    assert main(["quantize", str(folder), str(tmp_path / "int8")]) == 0
    assert "same decisions" in capsys.readouterr().out
    assert main(["quantize", str(folder), str(tmp_path / "int8")]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["quantize", str(folder), str(tmp_path / "seven"), "--bits", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bits"] == 7
    assert main(["quantize", str(folder), str(tmp_path / "one"), "--float32", "1"]) == 0
    assert "8-bit weights, 1 matrix in float32" in capsys.readouterr().out
    assert main(["quantize", str(folder), "out", "--float32", "1", "--max-drop", "1", "--data", "dev.jsonl"]) == 1
    assert "give one of them" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "int8")]) == 0
    assert "I8" in capsys.readouterr().out
