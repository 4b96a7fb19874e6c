"""The command as a process: its flags, what it says at the start, and how it ends."""

import argparse
import contextlib
import dataclasses
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import httpx

from distilbert import InputError
from distilbert.cli.serve_command import add_serve
from distilbert.serve import Settings, open_models
from helpers.live import serving, until
from helpers.patience import PATIENCE
from helpers.process import COMMAND, Process


@pytest.fixture
def process(folders: dict[str, Path]) -> Iterator[Process]:
    process = Process(
        f"first={folders['embed']}", str(folders["nli"]), "--task", "nli=zero-shot-classification", "--threads", "1",
        DISTILBERT_SERVE_MAX_TEXTS="7", DISTILBERT_SERVE_API_KEY="swordfish",
    )  # fmt: skip
    try:
        until(process.warm)
        yield process
    finally:
        process.process.kill()
        process.end()


def test_sigterm_drains_and_ends_in_order(process: Process) -> None:
    until(lambda: bool(process.log))
    start = process.log[0]
    assert start["event"] == "starting"
    assert start["models"] == ["first", "nli"]
    assert (start["host"], start["max_texts"], start["max_concurrent"], start["api_key"]) == (
        "127.0.0.1",
        7,
        512,
        "set",
    )
    assert "swordfish" not in json.dumps(process.log)
    headers = {"Authorization": "Bearer swordfish"}
    with httpx.Client(base_url=process.url, headers=headers, timeout=PATIENCE, verify=False) as http:
        assert http.get("/info").json()["model_id"] == "first"
        assert http.get("/models/nli/info").json()["task"] == "zero-shot-classification"
        answers: list[int] = []

        def ask(number: int) -> None:
            with contextlib.suppress(httpx.TransportError):  # whoever comes after the end finds nobody
                body = {"inputs": [f"{number} {n} " * 40 for n in range(7)]}
                url, options = f"{process.url}/embed", {"headers": headers, "timeout": PATIENCE, "verify": False}
                answers.append(httpx.post(url, json=body, **options).status_code)

        asking = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
        for thread in asking:
            thread.start()
        until(lambda: "distilbert_requests_at_work 0.0" not in http.get("/metrics").text)
    process.process.send_signal(signal.SIGTERM)
    for thread in asking:
        thread.join()
    assert process.end() == 0
    assert answers
    assert set(answers) == {200}, "whoever had got in is answered"
    done = [line for line in process.log if line["event"] == "request" and line["path"] == "/embed"]
    assert len(done) == len(answers)


def run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.returncode, done.stderr


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    code, error = run(str(tmp_path / "nothing"))
    assert code == 1
    assert re.fullmatch(r"distilbert serve: .*nothing: no such folder\n", error)


def test_a_port_that_is_taken_is_one_line(folders: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, error = run(str(folders["embed"]), "--port", str(port))
    assert code == 1
    assert re.fullmatch(
        rf"distilbert serve: cannot listen on port {port} of '127.0.0.1' \(.*; choose others .*\n", error
    )


def test_flags_are_the_settings() -> None:
    parser = argparse.ArgumentParser()
    add_serve(parser)
    given = vars(parser.parse_args(["model"]))
    assert given.keys() - {"models", "task", "precision", "config"} == {
        field.name for field in dataclasses.fields(Settings)
    }
    assert Settings.read(given, {}) == Settings()


def test_flags_win_over_the_environment_and_that_over_defaults() -> None:
    parser = argparse.ArgumentParser()
    add_serve(parser)
    flags = vars(parser.parse_args(["model", "--max-texts", "5", "--api-key", "k"]))
    settings = Settings.read(
        flags, {"DISTILBERT_SERVE_MAX_TEXTS": "6", "DISTILBERT_SERVE_TIMEOUT": "2.5", "DISTILBERT_SERVE_API_KEY": "e"}
    )
    assert (settings.max_texts, settings.timeout, settings.api_key) == (5, 2.5, "k")
    assert settings.public()["api_key"] == "set"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_TEXTS", "0"),
        ("MAX_TEXTS", "many"),
        ("PORT", "70000"),
        ("TIMEOUT", "0"),
        ("TIMEOUT", "nan"),
        ("API_KEY", "a b"),
        ("THREADS", "-1"),
    ],
)
def test_settings_that_cannot_be_right(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name.lower() if value != "many" else f"DISTILBERT_SERVE_{name}"):
        Settings.read({}, {f"DISTILBERT_SERVE_{name}": value})


def test_models_have_names(folders: dict[str, Path]) -> None:
    opened = open_models([str(folders["embed"]), f"labels={folders['nli']}"], ["labels=zero-shot-classification"])
    assert {name: task.task for name, task in opened.items()} == {
        "embed": "feature-extraction",
        "labels": "zero-shot-classification",
    }
    both = open_models(
        [f"a={folders['nli']}", f"b={folders['nli']}"], ["zero-shot-classification", "b=text-classification"]
    )
    assert [task.task for task in both.values()] == ["zero-shot-classification", "text-classification"]


def test_int8_is_served_as_it_computes_offline(folders: dict[str, Path]) -> None:
    opened = open_models([str(folders["sentiment"])], precision="int8")
    want = opened["sentiment"]("a charming journey", top_k=None)
    with serving(opened) as live:
        assert live.http.get("/info").json()["model_dtype"] == "int8"
        ((best, *_),) = live.post("/", inputs="a charming journey").json()
    assert best == {"label": want[0].label, "score": pytest.approx(want[0].score, abs=1e-6)}


@pytest.mark.parametrize(
    ("models", "tasks", "message"),
    [
        (["a=x", "a=y"], [], "two models are called 'a'"),
        (["a b=x"], [], "cannot be a model's name"),
        (["a=x"], ["b=fill-mask"], "no model is called 'b'"),
    ],
)
def test_names_that_cannot_be_right(models: list[str], tasks: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_models(models, tasks)


def test_a_missing_extra_says_what_to_install() -> None:
    code = "import sys; sys.modules['fastapi'] = None; import distilbert.serve"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith("pip install 'distilbert[serve]'\n")


def test_serving_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import distilbert.serve"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
