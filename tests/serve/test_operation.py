"""What operators need: the line that says it is ready, reloading without a gap, models and settings from outside."""

import contextlib
import json
import logging
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

import distilbert
from conftest import random_weights, small_config
from distilbert import InputError
from distilbert.folder.checkpoint import Head, save_checkpoint
from distilbert.serve import create_app, log
from distilbert.server_settings import Settings, read_served
from distilbert.tasks.task import Task
from helpers.live import Live, serving, until
from helpers.patience import PATIENCE
from helpers.process import Process

TEXT = "a charming and often affecting journey"


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A model of its own, to change."""
    return Path(shutil.copytree(folders["embed"], tmp_path / "embed"))


@pytest.fixture(scope="module")
def served(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the process."""
    return Path(shutil.copytree(folders["embed"], tmp_path_factory.mktemp("served") / "embed"))


@pytest.fixture(scope="module")
def process(served: Path) -> Iterator[Process]:
    with Process(DISTILBERT_SERVE_MODELS=str(served), DISTILBERT_SERVE_THREADS="1") as process:
        until(process.warm)
        yield process


def put_other_weights(folder: Path, seed: int) -> None:
    """As a careful program does: beside, and then in one step."""
    config = small_config(Head.NONE)
    beside = folder.parent / "beside"
    save_checkpoint(beside, config, random_weights(config, Head.NONE, seed))
    (beside / "model.safetensors").replace(folder / "model.safetensors")
    shutil.rmtree(beside)


def vector(process: Process) -> np.ndarray:
    return np.array(httpx.post(f"{process.url}/embed", json={"inputs": TEXT}, timeout=PATIENCE, verify=False).json()[0])


def test_the_log_says_when_it_is_ready_and_probes_are_not_in_it(process: Process) -> None:
    for _ in range(3):
        httpx.get(f"{process.url}/health", timeout=PATIENCE, verify=False)
    vector(process)
    until(lambda: any(line["event"] == "request" for line in process.log))
    (ready,) = [line for line in process.log if line["event"] == "ready"]
    assert ready["url"] == process.url
    assert ready["models"] == ["embed: feature-extraction, float32"]
    assert ready["max_texts"] == 2048
    assert "/health" not in [line.get("path") for line in process.log if line.get("status") == 200]


def reload(process: Process, outcome: str) -> None:
    count = sum(line["event"] == outcome for line in process.log)
    process.process.send_signal(signal.SIGHUP)
    until(lambda: sum(line["event"] == outcome for line in process.log) > count)


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_models_are_reloaded_without_a_gap(process: Process, served: Path, times: int) -> None:
    before, ended = vector(process), threading.Event()
    statuses: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=process.url, timeout=PATIENCE, verify=False) as http:
            while not ended.is_set():
                statuses.append(http.post("/embed", json={"inputs": TEXT}).status_code)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        for seed in range(100, 100 + times):
            put_other_weights(served, seed)
            reload(process, "reloaded")
            after = vector(process)
            assert not np.allclose(before, after)
            np.testing.assert_allclose(after, distilbert.load(served, threads=1)(TEXT), atol=1e-5)
            before = after
    finally:
        ended.set()
        for thread in asking:
            thread.join()
    assert set(statuses) == {200}


def test_a_hangup_while_models_are_opened_ends_nothing(served: Path) -> None:
    with Process(str(served)) as process:
        status = Path(f"/proc/{process.process.pid}/status")
        until(lambda: int(status.read_text().split("SigIgn:")[1].split()[0], 16) & 1 == 1)
        process.process.send_signal(signal.SIGHUP)
        until(process.warm)


def test_a_folder_that_is_broken_changes_nothing(process: Process, served: Path) -> None:
    before = vector(process)
    (served / "config.json").rename(served / "config.kept")
    reload(process, "not reloaded")
    np.testing.assert_array_equal(vector(process), before)
    (served / "config.kept").rename(served / "config.json")


def test_models_are_told(server: Live) -> None:
    models = {model["name"]: model for model in server.http.get("/models").json()}
    assert models["nli"]["labels"] == ["contradiction", "neutral", "entailment"]
    assert set(models["nli"]["tasks"]) == {"text-classification", "zero-shot-classification"}
    assert (models["embed"]["dimensions"], models["embed"]["max_length"]) == (32, 128)
    assert models["qa"]["precision"] == "float32"
    assert server.http.get("/version").json() == {"version": distilbert.__version__}


def test_the_loop_measures_its_lag(server: Live) -> None:
    until(lambda: server.metric("distilbert_loop_lag_seconds_count") > 3)
    assert server.metric("distilbert_loop_lag_worst_seconds") > 0


def test_a_file_and_the_environment_say_all(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text('models = ["a=x", "b=y"]\ntask = ["b=fill-mask"]\nprecision = "int8"\nport = 1\nmax_texts = 5\n')
    served, settings = read_served({"config": str(file), "port": 3}, {"DISTILBERT_SERVE_PORT": "2"})
    assert (served.models, served.tasks, served.precision) == (("a=x", "b=y"), ("b=fill-mask",), "int8")
    assert (settings.port, settings.max_texts) == (3, 5)
    variables = {"CONFIG": str(file), "MODELS": "c=z, d=w", "TASK": "d=fill-mask", "PRECISION": "float32", "PORT": "2"}
    served, settings = read_served({}, {f"DISTILBERT_SERVE_{name}": value for name, value in variables.items()})
    assert (served.models, served.tasks, served.precision) == (("c=z", "d=w"), ("d=fill-mask",), "float32")
    assert settings == Settings(port=2, max_texts=5)
    served, _ = read_served({}, {"DISTILBERT_MODEL": "some/model"})
    assert served.models == ("some/model",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models = 3", "models must be a list of texts"),
        ("model = ['a']", "model is no setting"),
        ("models = ['a']\nmax_texts = 'many'", "max_texts"),
        ("models = ['a']\nprecision = 'half'", "precision must be"),
        ("models = [", "serve.toml: not TOML"),
        (b"\xff\xfem\0", "serve.toml: not TOML in UTF-8"),
        ("models = ['a']\nport = '80'", "serve.toml: port must be a whole number"),
        ("models = ['a']\nmax-texts = 5", "max-texts is no setting of the server; there is max_texts"),
        ("models = ['a']\ncors = 'a'", "serve.toml: cors: 'a' is no origin"),
        ("", "give at least one model"),
    ],
)
def test_a_file_that_cannot_be_right(tmp_path: Path, text: str | bytes, message: str) -> None:
    file = tmp_path / "serve.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        read_served({"config": str(file)}, {})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "99999", "DISTILBERT_SERVE_PORT: port must be"),
        ("PORT", "tcp://10.0.0.1:80", "DISTILBERT_SERVE_PORT must be a number.*enableServiceLinks"),
        ("MAX_TEXT", "5", "DISTILBERT_SERVE_MAX_TEXT is no setting of the server; there is DISTILBERT_SERVE_MAX_TEXTS"),
        ("APIKEY", "5", "there is DISTILBERT_SERVE_API_KEY"),
        ("MODEL", "a", "there is DISTILBERT_SERVE_MODELS"),
        ("SERVICE_PORT", "80", ""),
        ("PORT_8080_TCP_ADDR", "10.0.0.1", ""),
    ],
)
def test_variables_that_cannot_be_right(name: str, value: str, message: str) -> None:
    environment = {f"DISTILBERT_SERVE_{name}": value}
    with pytest.raises(InputError, match=message) if message else contextlib.nullcontext():
        read_served({"models": ["a"]}, environment)


@pytest.mark.parametrize(
    ("aliases", "prompt", "message"),
    [
        ("gpt", "", "write ALIAS=NAME, such as gpt=qa"),
        ("", "query", "the default prompt 'query' is for models of vectors"),
    ],
)
def test_settings_that_no_model_here_can_have(tasks: dict[str, Task], aliases: str, prompt: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_app({"qa": tasks["qa"]}, Settings(aliases=aliases, default_prompt=prompt))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cors", "app.example"),
        ("cors", "https://a.example/page"),
        ("cors", "https://a.example https://b.example"),
        ("allowed_hosts", "https://a.example"),
        ("allowed_hosts", "a.example:8080"),
        ("allowed_hosts", "a.*.example"),
    ],
)
def test_names_that_no_request_could_have_are_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{name}: '.*' is no "):
        Settings(**{name: value})  # type: ignore[arg-type]
    Settings(cors="*, null, chrome-extension://abc", allowed_hosts="*, *.a.example, ::1, [::2], 10.0.0.1, a.")


@pytest.mark.parametrize(("value", "means"), [("true", True), ("0", False), ("Yes", True)])
def test_switches_in_the_environment(value: str, means: bool) -> None:
    assert Settings.read({}, {"DISTILBERT_SERVE_REFUSE_TOKEN_IDS": value}).refuse_token_ids is means
    with pytest.raises(InputError, match="DISTILBERT_SERVE_REFUSE_TOKEN_IDS must be true or false"):
        Settings.read({}, {"DISTILBERT_SERVE_REFUSE_TOKEN_IDS": "perhaps"})


def test_people_get_lines_without_braces() -> None:
    record = logging.LogRecord("distilbert.serve", logging.INFO, "", 0, "request", None, None)
    record.fields = {"path": "/embed", "status": 200, "model": ""}
    assert log.LineFormatter().format(record).endswith("info    request path=/embed status=200")
    record.fields = {"path": "/\x1b[2J\n12:00 error", "model": "\u202e"}
    (line,) = log.LineFormatter().format(record).splitlines()
    assert line.endswith(r"request path='/\x1b[2J\n12:00 error' model='\u202e'")
    record.fields = {"path": "/embed"}
    assert json.dumps(record.fields)


def test_a_log_that_nobody_reads_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_MOST_WAITING", 1000)
    reading, writing = os.pipe()
    handler = log.WritingBehind(writing)
    handler.setFormatter(logging.Formatter())
    for number in range(4000):  # the pipe takes some hundreds
        handler.handle(logging.makeLogRecord({"msg": f"{number:0>100}"}))
    with os.fdopen(reading, encoding="utf-8") as lines, ThreadPoolExecutor(1) as pool:
        read = pool.submit(lines.readlines)
        handler.close()
        os.close(writing)
        told = [line.strip() for line in read.result()]
    numbers = [int(line) for line in told if line.isdigit()]
    assert numbers[:1000] == list(range(1000))
    assert 1000 < len(numbers) < 4000
    assert "left out of the log" in told


@pytest.mark.parametrize("way", ["overwritten", "cut off"])
def test_weights_that_change_in_place_are_seen_in_its_health(way: str, folder: Path) -> None:
    with serving({"embed": distilbert.load(folder)}) as live:
        assert live.http.get("/health").status_code == 200
        weights = folder / "model.safetensors"
        if way == "overwritten":
            weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
        else:
            os.truncate(weights, 100)
        health = live.http.get("/health")
        assert health.status_code == 503
        assert "the weights of embed have changed" in health.text
        assert live.post("/embed", inputs=TEXT).status_code == 500
