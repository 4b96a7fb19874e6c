"""DISTILBERT_MODEL names the model of every command about one; of `serve`, see serve/test_operation.py."""

import argparse

import pytest

from distilbert.cli.main import COMMANDS

ARGUMENTS: dict[str, list[str]] = {
    "info": [],
    "bench": [],
    "evaluate": ["dev.csv"],
    "quantize": ["out"],
    "export": ["onnx", "out"],
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_variable_names_the_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = (command for command in COMMANDS if command.name == name)
    monkeypatch.setenv("DISTILBERT_MODEL", "some/model")
    parser = argparse.ArgumentParser()
    command.add(parser)
    found = vars(parser.parse_args(ARGUMENTS[name]))
    assert found.get("models", [found.get("model")]) == ["some/model"]
    assert {"dev.csv", "out"} & {str(value) for value in found.values()} or len(ARGUMENTS[name]) == 0
    first = ARGUMENTS[name][: name == "export"]
    given = vars(parser.parse_args([*first, "other", *ARGUMENTS[name][len(first) :]]))
    assert given.get("models", [given.get("model")]) == ["other"]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_without_it_the_model_must_be_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = (command for command in COMMANDS if command.name == name)
    for value in (None, ""):
        monkeypatch.delenv("DISTILBERT_MODEL", raising=False)
        if value is not None:
            monkeypatch.setenv("DISTILBERT_MODEL", value)
        parser = argparse.ArgumentParser()
        command.add(parser)
        with pytest.raises(SystemExit):
            parser.parse_args(ARGUMENTS[name])
