"""Runs commands for texts, in this process."""

from pathlib import Path

import pytest

from conftest import Maker
from distilbert.cli import main
from helpers.text_commands import COMMANDS, Run


@pytest.fixture
def run(make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(command, *arguments)` gives the lines that the command prints, and fails unless all is well."""
    made: dict[str, Path] = {}

    def run(command: str, *arguments: object) -> list[str]:
        first, head, changes, _ = COMMANDS[command]
        if command not in made:
            made[command] = make_checkpoint(head, name=command, **changes)
        last = ["--labels", "good", "bad"] if command == "zero-shot" else []
        code = main([command, *first, *map(str, arguments), "-m", str(made[command]), *last])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return printed.out.splitlines()

    return run
