"""The command line as a process of its own, in a terminal."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from conftest import Maker
from helpers.patience import PATIENCE

pytestmark = pytest.mark.skipif(find_spec("torch") is not None, reason="they run once, in the core's environment")

PROGRAM = [sys.executable, "-m", "distilbert"]


@pytest.fixture
def classifier(make_checkpoint: Maker) -> str:
    return str(make_checkpoint())


class Terminal:
    """A process that has a terminal for its ends, but for those given."""

    def __init__(self, *arguments: object, stdout: int | None = None, **environment: str) -> None:
        self.screen, inside = pty.openpty()
        changed = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        changed |= {"TERM": "xterm-256color", "COLUMNS": "100"} | environment
        self.process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)], stdin=inside, stdout=stdout or inside, stderr=inside, env=changed
        )
        os.close(inside)
        self.output = ""

    def type(self, keys: str) -> None:
        os.write(self.screen, keys.encode())

    def shows(self, wanted: str) -> str:
        """What the terminal shows, from the last call on, until `wanted` is there."""
        while wanted not in self.output and self._read():
            pass
        before, found, self.output = self.output.partition(wanted)
        assert found, f"only this was shown: {before!r}"
        return before + found

    def ends(self) -> str:
        """All that is still shown; fails unless the process ends well."""
        while self._read():
            pass
        assert self.process.wait(PATIENCE) == 0
        return self.output

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.screen)

    def _read(self) -> bool:
        """Whether there was more to read before the end."""
        assert select.select([self.screen], [], [], PATIENCE)[0], f"only this was shown: {self.output!r}"
        try:
            block = os.read(self.screen, 10_000)
        except OSError:  # the end, on Linux
            return False
        self.output += block.decode()
        return bool(block)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_one(*arguments: object, **options: Any) -> Terminal:
        opened.append(Terminal(*arguments, **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def test_typing_texts(classifier: str, terminal: Callable[..., Terminal]) -> None:
    typed = terminal("classify", "-m", classifier)
    typed.shows("Type a text and press Enter; Ctrl-D ends.")
    for text in ("a good film", "dull"):
        typed.type(f"{text}\n")
        assert typed.shows(f"{text}\r\n").strip() == text  # as typed
        assert "LABEL_" in typed.shows(f"{text}\r\n")
    typed.type("\x04")
    assert typed.ends() == ""


def test_colours_on_a_terminal_only(classifier: str, terminal: Callable[..., Terminal]) -> None:
    assert "\x1b[1m" in terminal("classify", "one", "-m", classifier).ends()
    answers = terminal("info", classifier, NO_COLOR="1").ends()
    assert "\x1b[3" not in answers
    assert "text-classification" in answers
    command = [*PROGRAM, "classify", "one", "-m", classifier]
    assert b"\x1b" not in subprocess.run(command, capture_output=True, check=True).stdout


def test_no_progress_of_short_work(classifier: str, tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    with (tmp_path / "results.txt").open("wb") as file:
        assert terminal("classify", "one", "two", "-m", classifier, stdout=file.fileno()).ends() == ""
