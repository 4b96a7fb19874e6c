"""docs/serving.md: its clients and its commands for curl get what the page says, of all-MiniLM-L6-v2."""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import uvicorn

import distilbert
from distilbert.convert import convert
from helpers.live import serving

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CURL = re.compile(r"^\$ (curl .*?)\n(\[.*?)$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+\.\d+")


def check(printed: str, expected: str) -> None:
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", expected).split()
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (printed, expected)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-4)


def test_what_clients_get(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    pytest.importorskip("openai")
    pytest.importorskip("llama_index.embeddings.text_embeddings_inference")
    convert(minilm, tmp_path / "minilm")
    shutil.copytree(tmp_path / "minilm", tmp_path / "sst2")
    monkeypatch.chdir(tmp_path)
    *clients, server = PYTHON.findall(PAGE)
    requests = CURL.findall(PAGE)
    assert (len(clients), len(requests)) == (3, 2)
    with serving({"minilm": distilbert.load("minilm")}) as live:
        for code in clients:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code.replace("http://127.0.0.1:8080", live.url), "docs/serving.md", "exec"), {})
            check(printed.getvalue(), "\n".join(re.findall(r"^# (.+)$", code, re.MULTILINE)))
        for command, expected in requests:
            words = shlex.split(command.replace("\\\n", " ").replace("localhost:8080", live.url))
            check(subprocess.run(words, capture_output=True, text=True, check=True).stdout, expected)
    monkeypatch.setattr(uvicorn, "run", lambda app: app.openapi())
    exec(compile(server, "docs/serving.md", "exec"), {})
