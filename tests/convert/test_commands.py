"""`distilbert convert` and `distilbert export`: library functions, shown."""

import json
from pathlib import Path

import pytest

from conftest import Maker
from distilbert.cli import main
from distilbert.folder.checkpoint import Head, open_checkpoint


def test_convert(make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = make_checkpoint(Head.MASKED_LM, n_layers=3)
    saved = tmp_path / "report.json"
    there = ["convert", str(source), str(tmp_path / "there"), "--to", "bin", "--dtype", "float16"]
    assert main([*there, "--layers", "0,2", "--report", str(saved)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{source} -> {tmp_path / 'there'} (DistilBertForMaskedLM)\n")
    assert "layer 1 was not chosen" in printed
    assert "note: only layers 0, 2: a start for training, not the same model" in printed
    assert (tmp_path / "there" / "pytorch_model.bin").is_file()
    assert {weight["stored_as"] for weight in json.loads(saved.read_text())["mapped"]} == {"F16"}

    assert main(["convert", str(tmp_path / "there" / "pytorch_model.bin"), str(tmp_path / "back"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "DistilBertForMaskedLM"
    assert open_checkpoint(tmp_path / "back").config.n_layers == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--layers", "7"], "layers must ascend within 0 to 1, not [7]"),
        (["--to", "h5"], "to must be one of safetensors, bin, ot, npz, not 'h5'"),
        (["--dtype", "int4"], "dtype must be one of float32, float16, bfloat16, not 'int4'"),
    ],
)
def test_what_goes_wrong_is_one_line(
    more: list[str], message: str, make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(make_checkpoint()), str(tmp_path / "out"), *more]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"distilbert convert: {message}\n"
    assert not (tmp_path / "out").exists()


def test_layers_that_are_not_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "a", "b", "--layers", "first"])
    assert "'first' is not a list of numbers such as 0,2,4" in capsys.readouterr().err


def test_export(make_checkpoint: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = make_checkpoint()
    assert main(["export", "onnx", str(source), str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out' / 'model.onnx'}\n"
    assert main(["export", "onnx", str(source), str(tmp_path / "out")]) == 1
    assert "exists already" in capsys.readouterr().err
