"""The page about conversion: its commands and code run, and print what the page says."""

import contextlib
import io
import os
import pickle
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from distilbert.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "convert.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^```\n\$ distilbert (.*)\n((?:(?!\$|```).*\n)+)```", re.MULTILINE)
CODE = re.compile(r"^```python\n(.*?)^```\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the page's reader stands: beside a trained BERT, and a file that would do harm."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(minilm, folder / "all-MiniLM-L6-v2")
    shutil.copy(minilm / "config.json", folder)  # of the file
    (folder / "evil.bin").write_bytes(pickle.dumps({"w": Harm()}, protocol=2))
    with contextlib.chdir(folder):
        yield folder


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch harmed",)


def test_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = COMMAND.findall(PAGE)
    assert len(commands) == 4
    for command, expected in commands:
        main(shlex.split(command))
        told = capsys.readouterr()
        pattern = ".*".join(map(re.escape, expected.split("…")))
        assert re.fullmatch(pattern, told.out + told.err, re.DOTALL), command
    assert not (folder / "harmed").exists()


def test_code(folder: Path) -> None:
    ((code, expected),) = CODE.findall(PAGE)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/convert.md", "exec"), {})
    assert printed.getvalue() == expected
