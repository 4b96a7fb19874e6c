"""Files and folders are written whole or not at all, and what killed runs leave behind goes with the next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distilbert.errors import CheckpointError, InputError
from distilbert.files import check_new_folder, written_whole, written_whole_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from distilbert import files
with getattr(files, sys.argv[1])(Path(sys.argv[2])) as temporary:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_error_names_the_place_of_a_folder_that_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as raised, written_whole_folder(tmp_path / "out") as folder:
        raise CheckpointError(f"{folder / 'config.json'}: no room")
    assert str(raised.value) == f"{tmp_path / 'out' / 'config.json'}: no room"


@pytest.mark.parametrize("writer", ["written_whole", "written_whole_folder"])
def test_the_next_run_removes_what_a_killed_one_left(writer: str, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    out, others = tmp_path / "out", [tmp_path / ".out.old", tmp_path / ".other.01234567"]
    for other in others:
        other.mkdir()
    command = [sys.executable, "-c", KILLED, writer, str(out)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 3
    with written_whole_folder(out) as temporary:
        (temporary / "a").write_text("a")
    assert sorted(tmp_path.iterdir()) == sorted([out, *others])  # what is not a leftover stays


def test_what_another_run_is_at_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with written_whole(out) as first:
        first.write_text("first")
        with written_whole(out) as second:
            second.write_text("second")
        assert out.read_text() == "second"
    assert out.read_text() == "first"
    assert list(tmp_path.iterdir()) == [out]


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    for writer in (written_whole, written_whole_folder):
        with pytest.raises(RuntimeError), writer(tmp_path / "out"):
            raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_place_for_a_folder_is_checked_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "full" / "below").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name, message in {
        "file": "file: exists already; give a new or an empty folder",
        "file/model": r"model: no folder can be here \(.*file is a file\)",
        "full": "full: exists already; give a new or an empty folder",
        "a\0b": r"no folder can be here \(.*null",
        "x" * 300: r"no folder can be here \(.*too long",
    }.items():
        with pytest.raises(InputError, match=message):
            check_new_folder(tmp_path / name)
    for name in ("new", "empty", "full/new/newer"):
        check_new_folder(tmp_path / name)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match=r"newer: nothing can be written in .*full; choose another place"):
        check_new_folder(tmp_path / "full" / "new" / "newer")
