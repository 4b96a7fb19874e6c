"""docs/serving.md: its clients and curl get what the page says of all-MiniLM-L6-v2, and the server logs it."""

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import uvicorn

from conftest import Maker
from distilbert.cli import main
from distilbert.convert import convert
from distilbert.folder.checkpoint import Head
from helpers.pages import blocks, commands
from helpers.process import Process

PAGE = "docs/serving.md"
OF_A_RUN = {"time", "port", "url", "private_mb", "max_memory", "id", "ms", "waited_ms", "ran_ms", "tokens", "texts"}
NUMBER = re.compile(r"-?\d+\.\d+")


def check(printed: str, expected: str) -> None:
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", expected).split()
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (printed, expected)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-4)


def test_what_clients_get_and_the_log_says(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    pytest.importorskip("openai")
    pytest.importorskip("llama_index.embeddings.text_embeddings_inference")
    monkeypatch.chdir(tmp_path)
    convert(minilm, tmp_path / "minilm")
    shutil.copytree(tmp_path / "minilm", tmp_path / "sst2")
    *clients, server = [block.code for block in blocks(PAGE, "python")]
    requests = [command for command in commands(PAGE) if command.line.startswith("curl ")]
    assert (len(clients), len(requests)) == (3, 2)
    with Process("minilm") as live:
        while not live.warm():
            time.sleep(0.05)
        for code in clients:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code.replace("http://127.0.0.1:8080", live.url), "docs/serving.md", "exec"), {})
            check(printed.getvalue(), "\n".join(re.findall(r"^# (.+)$", code, re.MULTILINE)))
        for command in requests:
            words = shlex.split(command.line.replace("localhost:8080", live.url))
            check(subprocess.run(words, capture_output=True, text=True, check=True).stdout, "".join(command.printed))
    check_log(live.log)
    monkeypatch.setattr(uvicorn, "run", lambda app: app.openapi())
    exec(compile(server, "docs/serving.md", "exec"), {})


def check_log(log: list[dict[str, object]]) -> None:
    """Its lines are the page's, but for what differs from run to run and from machine to machine."""
    (start,) = [command for command in commands(PAGE) if command.line == "distilbert serve minilm"]
    (request,) = [block.code for block in blocks(PAGE, "json")]
    for line in (*start.printed, request):
        wanted = json.loads(line)
        event = wanted["event"]
        (given, *_) = [each for each in log if each["event"] == event and each.get("path") == wanted.get("path")]
        assert [*given] == [*wanted]
        assert {name: given[name] for name in given if name not in OF_A_RUN} == {
            name: wanted[name] for name in wanted if name not in OF_A_RUN
        }


def test_models_under_names(make_checkpoint: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = [command.line for command in commands(PAGE) if " sentiment=" in command.line]
    for name, head in {
        "sst2": Head.SEQUENCE_CLASSIFICATION,
        "mlm": Head.MASKED_LM,
        "ner-model": Head.TOKEN_CLASSIFICATION,
    }.items():
        make_checkpoint(head, name=name)
    served: dict[str, object] = {}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("distilbert.serve.run_server", lambda models, *_, **__: served.update(models))
    monkeypatch.setattr("distilbert.serve.log.set_up_log", lambda level: None)  # it would stay for other tests
    assert main(shlex.split(line)[1:]) == 0
    assert [*served] == ["sentiment", "ner-model", "fill", "sparse"]
