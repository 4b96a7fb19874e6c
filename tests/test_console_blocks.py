"""Commands that pages show: each runs as its reader runs it, and prints what the page says; or it is told why not."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Maker
from distilbert.cli.main import main, parse
from helpers.page_places import AT_HAND, Hand
from helpers.pages import PAGES, ROOT, Command, commands, is_printed

# pages whose commands a test of their own runs
ELSEWHERE = {
    "README.md": "tests/test_readme.py",
    "docs/from_table.md": "tests/test_from_table_page.py",
    "docs/serving.md": "tests/serve/test_serving_page.py",
}
# how a command begins that no test runs, and why; or the test that runs it, or what it does
NOT_RUN = {
    r"pip install ": "installs packages",
    r"git clone ": "there is no address yet",
    r"docker ": "needs Docker",
    r"curl ": "tests/test_from_table_page.py",
    r"OTEL_SERVICE_NAME=\w+ opentelemetry-instrument ": "needs a collector of traces",
    r"DISTILBERT_OPTIMUM=": "is a test, in an environment of its own",
    r"distilbert demo$": "tests/cli/test_demo_command.py",
    r"distilbert \w+ … ": "is a part of a command",
    r"distilbert distill .* --to 97% --minutes 30": "tests/distill/test_smallest.py",
    r"DISTILBERT_DATA=": "learns for an hour, from data that has to be fetched",
}
# where other models than the page's are at hand, or other numbers of examples: words are compared, numbers are not
SMALL = {
    f"docs/{name}.md"
    for name in ("bulk", "command_line", "distillation", "quantization", "quick_start", "report", "training")
}
MARKS = {
    "docs/distillation.md": pytest.mark.slow,
    "docs/explain.md": pytest.mark.slow,
    "docs/five_tasks.md": pytest.mark.long,
    "docs/quick_start.md": pytest.mark.long,
    "docs/command_line.md": pytest.mark.int8,
}
# the smallest runs that do all that the command does
MORE = {
    "bulk": ("--workers", "1"),
    "train": ("--threads", "1", "--max-steps", "2"),
    "distill": ("--threads", "1", "--layers", "2", "--dim", "32", "--vocab-size", "1000", "--max-steps", "2"),
}
# what int8 is measured on here; the pages' 200 sentences take longer
SENTENCE = "grainy photography mars an otherwise delightful comedy of errors ."
# what a command with this word needs beyond the core
NEEDS = {
    "train": "accelerate",
    "distill": "accelerate",
    "integrated-gradients": "torch",
    "serve": "fastapi",
    "bulk": "pyarrow",
    "--report": "matplotlib",
}


def reason(command: Command) -> str | None:
    return next((why for start, why in NOT_RUN.items() if re.match(start, command.line)), None)


def our_arguments(command: Command) -> list[list[str]]:
    """What `distilbert` is given, without what a shell makes of its output."""
    line = re.sub(r"\$\(.*\)", "PLACE", command.line)
    found = [re.search(r"(?:^|^[A-Z_]+=.* )distilbert (.*)", part) for part in re.split(r" (?:\||&&) ", line)]
    return [shlex.split(re.split(r" (?:>|&$)", match[1])[0], comments=True) for match in found if match]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_every_command_is_understood(page: str) -> None:
    for command in commands(page):
        for arguments in our_arguments(command):
            if "…" not in arguments and arguments != ["--version"]:
                try:
                    parse(arguments)
                except SystemExit as stopped:
                    pytest.fail(f"{command.where}: {command.line}: exit {stopped.code}")


def test_every_command_is_run_or_told_why_not() -> None:
    used = set()
    for page in PAGES:
        for command in commands(page):
            why = reason(command)
            used |= {start for start in NOT_RUN if re.match(start, command.line)}
            known = why or page in ELSEWHERE or page in AT_HAND
            assert known, f"{command.where}: {command.line}: AT_HAND has not what its page names"
    assert used == NOT_RUN.keys()
    named = {place for place in (*ELSEWHERE.values(), *NOT_RUN.values()) if place.startswith("tests/")}
    assert [place for place in named if not (ROOT / place).is_file()] == []
    assert all(page.rpartition("/")[2] in (ROOT / test).read_text(encoding="utf-8") for page, test in ELSEWHERE.items())


def test_a_shell_understands_every_command() -> None:
    script = "\n".join(command.line for page in PAGES for command in commands(page) if "…" not in command.line)
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.fixture
def hand(make_checkpoint: Maker, minilm: Path, folded_minilm: Path) -> Hand:
    return Hand(make_checkpoint, minilm, folded_minilm)


@pytest.mark.parametrize("page", [pytest.param(page, marks=MARKS.get(page, ())) for page in AT_HAND])
def test_the_commands_print_what_the_page_says(
    page: str, hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_here = [command for command in commands(page) if not reason(command)]
    for word, module in NEEDS.items():
        if any(word in command.line.split() and "--head-only" not in command.line for command in run_here):
            pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTILBERT_CACHE", str(tmp_path / "cache"))  # the graph of a model is built once
    monkeypatch.setattr("distilbert.convert.quantization.demo_sentences", lambda: [SENTENCE] * 2)
    for name, made in AT_HAND[page].items():
        made(hand, name)
    capsys.readouterr()
    for command in run_here:
        printed = run(command, monkeypatch, capsys)
        wanted = [line for line in command.printed if line.strip() != "…"]
        missing = [line for line in wanted if not is_printed(line, printed, numbers=page not in SMALL)]
        assert missing == [], "\n".join([f"{command.where}: {command.line}", *printed])
    assert not Path("harmed").exists()


def run(command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What it prints; in this process, where it is a command of ours."""
    line = re.sub(r"\$\(.*?\)(?=/| |$)", lambda found: shell(f"echo {found[0]}").strip(), command.line)
    words, stdin = shlex.split(line, comments=True), os.devnull
    if words[0] not in ("distilbert", "tail"):
        return shell(line).splitlines()
    if words[:2] == ["tail", "-f"]:
        stdin, words = words[2], words[words.index("|") + 1 :]
    words = words[1:-1] if words[-1] == "&" else words[1:]
    file = words[-1] if words[-2:-1] == [">"] else None
    arguments = words[:-2] if file else words
    if arguments[0] == "serve":
        monkeypatch.setattr("distilbert.serve.run_server", lambda *_, **__: None)
        monkeypatch.setattr("distilbert.serve.log.set_up_log", lambda level: None)  # it would stay for other tests
    with Path(stdin).open(encoding="utf-8") as texts, monkeypatch.context() as patched:
        patched.setattr("sys.stdin", texts)
        try:
            code = main([*arguments, *_smallest(arguments)])
        except SystemExit as stopped:  # --version
            code = int(stopped.code or 0)
    told = capsys.readouterr()
    fails = any(re.match(f"distilbert {arguments[0]}: |no guarantee: ", each) for each in command.printed)
    assert code == int(fails), f"{command.where}: {command.line}: {told.err}"
    if file:
        Path(file).write_text(told.out, encoding="utf-8")
        return told.err.splitlines()
    return (told.err + told.out).splitlines()


def _smallest(arguments: list[str]) -> tuple[str, ...]:
    return () if "--head-only" in arguments else MORE.get(arguments[0], ())


def shell(line: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True, env=os.environ | {"PATH": path})
    return done.stdout
