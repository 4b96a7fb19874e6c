"""A live server on this machine, in a thread of the test, over small models of every task."""

import contextlib
import dataclasses
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn

import distilbert
from conftest import DATA, random_weights, small_config
from distilbert.batch import Batch
from distilbert.engine.seam import Engine
from distilbert.folder.checkpoint import Head, save_checkpoint
from distilbert.serve import Settings, create_app
from distilbert.serve.server import server_config
from distilbert.tasks.task import Task
from helpers.patience import PATIENCE

_NLI = {"0": "contradiction", "1": "neutral", "2": "entailment"}
_NER = {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC"}
_SENTIMENT = {"0": "negative", "1": "positive"}


def make_folders(root: Path) -> dict[str, Path]:
    """A folder for each kind of model."""
    kinds: dict[str, tuple[Head, dict[str, object]]] = {
        "sentiment": (Head.SEQUENCE_CLASSIFICATION, {"id2label": _SENTIMENT}),
        "nli": (Head.SEQUENCE_CLASSIFICATION, {"id2label": _NLI}),
        "ner": (Head.TOKEN_CLASSIFICATION, {"id2label": _NER}),
        "qa": (Head.QUESTION_ANSWERING, {}),
        "mlm": (Head.MASKED_LM, {}),
        "embed": (Head.NONE, {}),
        "rerank": (Head.SEQUENCE_CLASSIFICATION, {"id2label": {"0": "relevant"}}),
        "choice": (Head.MULTIPLE_CHOICE, {}),
        "late": (Head.NONE, {}),
    }
    folders = {}
    for seed, (name, (head, changes)) in enumerate(kinds.items()):
        config = small_config(head, **changes)
        weights = random_weights(config, head, seed)
        weights.pop("vocab_projector.weight", None)
        folder = folders[name] = root / name
        save_checkpoint(folder, config, weights)
        (folder / "vocab.txt").write_bytes((DATA / "vocab.txt").read_bytes())
    embed = folders["embed"]
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    modules += [{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    (embed / "modules.json").write_text(json.dumps(modules))
    (embed / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (embed / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (embed / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "a question: "}}))
    kinds_of_modules = {"": "Transformer", "1_Normalize": "Normalize"}
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.base.modules.{kind}"}
        for index, (path, kind) in enumerate(kinds_of_modules.items())
    ]
    late = folders["late"]
    (late / "modules.json").write_text(json.dumps(modules))
    (late / "1_Normalize").mkdir()
    (late / "1_Normalize" / "config.json").write_text(json.dumps({"module_input_name": "token_embeddings"}))
    about = {"model_type": "MultiVectorEncoder", "prompts": {"query": "find ", "document": "read "}}
    (late / "config_sentence_transformers.json").write_text(json.dumps(about))
    return folders


def open_tasks(folders: Mapping[str, Path]) -> dict[str, Task]:
    """All of them; the masked language model twice, for masks and for sparse vectors."""
    tasks: dict[str, Task] = {name: distilbert.load(folder, threads=1) for name, folder in folders.items()}
    tasks["sparse"] = distilbert.load(folders["mlm"], "sparse-encoding", threads=1)
    return tasks


class Gate:
    """An engine that waits until it is let, or fails."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.open = threading.Event()
        self.open.set()
        self.error: Exception | None = None
        self.running = 0

    def run(self, batch: Batch) -> np.ndarray:
        self.running += 1
        assert self.open.wait(PATIENCE)
        self.running -= 1
        if self.error:
            raise self.error
        return self.engine.run(batch)


class Gates:
    """Engines of many tasks that wait for the same."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.runs = 0

    def before(self, engine: Engine) -> Engine:
        gates = self

        class Gated:
            def run(self, batch: Batch) -> np.ndarray:
                gates.runs += 1
                assert gates.open.wait(PATIENCE)
                return engine.run(batch)

        return Gated()


def gated(tasks: Mapping[str, Task], gates: Gates, **changes: int) -> dict[str, Task]:
    """The same tasks with their engines behind gates."""
    closed: dict[str, Task] = {}
    for name, task in tasks.items():
        model = dataclasses.replace(task.model, engine=gates.before(task.model.engine), **changes)
        closed[name] = type(task)(model)
    return closed


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread brings about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def close(values: object) -> object:
    """What numbers that were sent as JSON are compared with."""
    return pytest.approx(values, abs=1e-5)


def check_error(answer: httpx.Response, status: int, kind: str) -> None:
    """An error in TEI's form."""
    assert (answer.status_code, answer.json()["error_type"]) == (status, kind), answer.text


class Live:
    """A server that answers at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=PATIENCE, verify=False)

    def post(self, path: str, **body: object) -> httpx.Response:
        return self.http.post(path, json=body)

    def send(self, content: bytes, *, path: str = "/embed", **headers: str) -> httpx.Response:
        """The answer to a body as it is."""
        return self.http.post(path, content=content, headers={"Content-Type": "application/json"} | headers)

    @contextlib.contextmanager
    def connected(self) -> Iterator[socket.socket]:
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
            yield sock

    def wait_until_warm(self) -> None:
        until(lambda: self.http.get("/health").status_code == 200)

    def metric(self, line: str) -> float:
        """The value of the metric whose line begins so."""
        for each in self.http.get("/metrics").text.splitlines():
            if each.startswith(line):
                return float(each.split()[-1])
        return 0.0


@contextlib.contextmanager
def serving(tasks: Mapping[str, Task], *, warm: bool = True, **settings: object) -> Iterator[Live]:
    """Serve on a free port until the block ends."""
    chosen = Settings(port=0, **settings)  # type: ignore[arg-type]
    server = uvicorn.Server(server_config(create_app(tasks, chosen), chosen))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        live = Live(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
        if warm:
            live.wait_until_warm()
        with contextlib.closing(live.http):
            yield live
    finally:
        server.should_exit = True
        thread.join()
