"""The command line as a process of its own, between pipes and files."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import pytest

import distilbert
from conftest import Maker
from distilbert.folder.checkpoint import Head
from helpers.patience import PATIENCE

pytestmark = pytest.mark.skipif(find_spec("torch") is not None, reason="they run once, in the core's environment")

PROGRAM = [sys.executable, "-m", "distilbert"]
Bytes = subprocess.CompletedProcess[bytes]


@pytest.fixture
def classifier(make_checkpoint: Maker) -> str:
    return str(make_checkpoint())


def run(*arguments: object, stdin: bytes | IO[bytes] = b"", **environment: str) -> Bytes:
    given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env=os.environ | environment, check=False, **given)  # type: ignore[call-overload]


@contextmanager
def started(*arguments: object, **options: object) -> Iterator["subprocess.Popen[bytes]"]:
    """The process with pipes to all its ends, killed at last if it is still there."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options
    process = subprocess.Popen([*PROGRAM, *map(str, arguments)], bufsize=0, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def next_line(stream: IO[bytes]) -> bytes:
    """A line of a process that is still running."""
    assert select.select([stream], [], [], PATIENCE)[0], "no output came"
    return stream.readline()


# what comes in --------------------------------------------------------------------------------------


def test_lines_of_every_kind(classifier: str) -> None:
    done = run(
        "classify", "-m", classifier, "--json", stdin=b"\xef\xbb\xbfone\r\n\n caf\xe9 \xff\ntab\there\nna\xc3\xafve"
    )
    assert (done.returncode, done.stderr) == (0, b"")
    texts = [json.loads(line)["text"] for line in done.stdout.splitlines()]
    assert texts == ["one", "", " caf\ufffd \ufffd", "tab\there", "naïve"]


def test_standard_input_by_its_usual_name(classifier: str) -> None:
    expected = run("classify", "-m", classifier, stdin=b"one\n")
    assert expected.stdout.endswith(b"one\n")
    done = run("classify", "-m", classifier, "--file", "-", stdin=b"one\n")
    assert (done.returncode, done.stdout) == (0, expected.stdout)


def test_nothing_in_nothing_out(classifier: str) -> None:
    done = run("classify", "-m", classifier)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_character_cut_by_the_end_of_a_block(classifier: str) -> None:
    text = "a" * ((1 << 16) - 1) + "é"
    (line,) = run("classify", "-m", classifier, "--json", stdin=text.encode()).stdout.splitlines()
    assert json.loads(line)["text"] == text


def test_input_that_is_no_text(classifier: str) -> None:
    done = run("classify", "-m", classifier, stdin="one\ntwo".encode("utf-16"))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"distilbert classify: standard input: is UTF-16; save it as UTF-8\n"


def test_a_closed_standard_input(classifier: str) -> None:
    command = f"exec {sys.executable} -m distilbert classify -m {classifier} <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"distilbert classify: no text: give it as an argument")


def test_arguments_that_are_not_utf_8(classifier: str) -> None:
    command = [*PROGRAM, "classify", "-m", classifier, "--json", b"caf\xe9"]
    for locale in ("C.UTF-8", "C"):
        done = subprocess.run(command, capture_output=True, env=os.environ | {"LC_ALL": locale}, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["text"] == "caf\udce9"


def test_results_come_while_the_writer_waits(classifier: str) -> None:
    with started("classify", "-m", classifier, "--long-text", "error") as process:
        for text in (b"one", b"two"):
            process.stdin.write(text + b"\n")
            assert next_line(process.stdout).split()[-1] == text
        process.stdin.write(b"three\nfour\nfi")
        assert [next_line(process.stdout).split()[-1] for _ in range(2)] == [b"three", b"four"]
        process.stdin.write(b"ve\n" + b"film " * 200 + b"\n")  # its number is that of the group of lines
        message = next_line(process.stderr).decode()
        assert "text 1 is longer than the 128 tokens" in message
        assert message.endswith("(counted from line 5)\n")
        assert process.wait(PATIENCE) == 1


def test_a_writer_who_never_ends_is_answered(classifier: str) -> None:
    yes = subprocess.Popen(["yes", "a good film"], stdout=subprocess.PIPE)
    try:
        with started("classify", "-m", classifier, stdin=yes.stdout) as process:
            assert next_line(process.stdout).endswith(b"a good film\n")
    finally:
        yes.kill()
        yes.communicate()


# what goes out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_who_leaves_early(classifier: str, tmp_path: Path, more: list[str]) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("a good film\n" * 5000)
    with started("classify", "-m", classifier, "--file", path, *more) as process:
        assert b"a good film" in next_line(process.stdout)
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


def test_a_reader_who_never_came(classifier: str) -> None:
    with started("info", classifier) as process:
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk(classifier: str) -> None:
    for more in ([], ["--json"]):
        with (
            Path("/dev/full").open("wb") as full,
            started("classify", "one", "-m", classifier, *more, stdout=full) as process,
        ):
            assert process.wait(PATIENCE) == 1
            assert process.stderr.read() == b"distilbert classify: No space left on device\n"


def test_an_output_that_is_not_utf_8(classifier: str, tmp_path: Path) -> None:
    done = run("classify", "naïve 日本", "-m", classifier, "--top-k", 0, PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0].decode("latin-1") == "naïve \\u65e5\\u672c"
    assert b"#" in done.stdout
    done = run("classify", "naïve 日本", "-m", classifier, "--json", PYTHONIOENCODING="latin-1")
    assert json.loads(done.stdout)["text"] == "naïve 日本"
    path = tmp_path / "日本.csv"
    path.write_text("text,label\ngood,LABEL_0\n")
    done = run("evaluate", classifier, path, "--json", PYTHONIOENCODING="latin-1")
    assert json.loads(done.stdout)["data"] == str(path)


@pytest.mark.parametrize("waits", [True, False])
def test_interrupted(classifier: str, waits: bool) -> None:
    with started("classify", "-m", classifier) as process:
        process.stdin.write(b"one\n")
        assert next_line(process.stdout).endswith(b"one\n")
        if not waits:
            process.stdin.write(b"a good film\n" * 5000)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == b"stopped\n"


# a module, in the place of a large one, that passes over a Ctrl-C while it is read: PyTorch does
PASSES_OVER = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    while True: pass
except KeyboardInterrupt:
    raise SystemExit("it went on")
"""


@pytest.mark.parametrize(("module", "command", "told"), [
    ("numpy", "train", b"stopped\n"),
    ("rich", "train", b"stopped\n"),
    ("accelerate", "train", b"stopped; the same command with --resume goes on from the last checkpoint\n"),
    ("accelerate", "distill", b"stopped; the same command with --resume goes on from the last checkpoint\n"),
    ("accelerate", "few-shot", b"stopped; nothing was written; run the same command again\n"),
    ("pyarrow", "bulk", b"stopped; the same command goes on with the parts that are left\n"),
])  # fmt: skip
def test_interrupted_while_modules_are_read(tmp_path: Path, module: str, command: str, told: bytes) -> None:
    (tmp_path / f"{module}.py").write_text(PASSES_OVER)
    training = ("--task", "text-classification", "--train", "in.csv", "--out", tmp_path / "out")
    arguments = {
        "train": ("train", "--model", "m", *training),
        "few-shot": ("train", "--model", "m", *training, "--few-shot"),
        "distill": ("distill", "--teacher", "m", *training),
        "bulk": ("bulk", "fill-mask", "in.csv", tmp_path / "out", "-m", "m"),
    }[command]
    source = str(Path(distilbert.__file__).parents[1])
    done = run(*arguments, PYTHONPATH=os.pathsep.join([str(tmp_path), source]))
    assert (done.returncode, done.stderr, done.stdout) == (130, told, b"")


def test_interrupted_vectors_leave_no_file(make_checkpoint: Maker, tmp_path: Path) -> None:
    path = tmp_path / "out" / "vectors.npy"
    path.parent.mkdir()
    with started("embed", "-m", make_checkpoint(Head.NONE), "--save", path) as process:
        process.stdin.write(b"one\n")
        deadline = time.monotonic() + PATIENCE
        while not list(path.parent.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [each.name.startswith(".vectors.npy.") for each in path.parent.iterdir()] == [True]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert list(path.parent.iterdir()) == []


# memory ---------------------------------------------------------------------------------------------

PEAK = """
import resource, sys
from distilbert.cli import main
assert main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def peak(lines: int, *arguments: str) -> int:
    """Kilobytes that a command needs at most for so many lines on standard input."""
    command = [sys.executable, "-c", PEAK, *arguments]
    with subprocess.Popen(
        ["seq", "-f", "the film number %.0f is a war film", str(lines)], stdout=subprocess.PIPE
    ) as writer:
        done = subprocess.run(command, stdin=writer.stdout, capture_output=True, check=True)
    assert done.stdout.count(b"\n") == (1 if "--save" in arguments else lines)
    return int(done.stderr)


def test_memory_does_not_grow_with_the_lines(make_checkpoint: Maker) -> None:
    arguments = ["classify", "--json", "-m", str(make_checkpoint(n_layers=1))]
    assert peak(12_000, *arguments) < peak(2_000, *arguments) + 6_000


@pytest.mark.slow
@pytest.mark.parametrize("command", ["classify", "ner", "embed", "save"])
def test_a_million_lines(make_checkpoint: Maker, tmp_path: Path, command: str) -> None:
    heads = {"classify": Head.SEQUENCE_CLASSIFICATION, "ner": Head.TOKEN_CLASSIFICATION}
    folder = str(make_checkpoint(heads.get(command, Head.NONE), n_layers=1))
    arguments = {"save": ["embed", "--save", str(tmp_path / "vectors.npy")]}.get(command, [command, "--json"])
    arguments += ["-m", folder]
    assert peak(1_000_000, *arguments) < peak(20_000, *arguments) + 16_000
