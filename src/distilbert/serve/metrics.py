"""What Prometheus is told."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..files import written_whole

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class Metrics:
    """All metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counter = partial(Counter, registry=self._registry)
        gauge = partial(Gauge, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry)
        self.requests = counter("distilbert_requests", "Requests answered", ["route", "model", "status"])
        self.errors = counter("distilbert_errors", "Requests that failed, by kind", ["kind"])
        self.request_seconds = histogram("distilbert_request_seconds", "Whole requests", ["route"], buckets=_SECONDS)
        stage_seconds = histogram(
            "distilbert_stage_seconds",
            "Parts of a request: thread (until one is free), task (text to tokens, logits to JSON), "
            "wait (in the queue), run (of the model)",
            ["stage"],
            buckets=_SECONDS,
        )
        self.stages = {stage: stage_seconds.labels(stage) for stage in ("thread", "task", "wait", "run")}
        late = "How late the event loop, which all connections share, comes to what is due"
        self._lag_seconds = histogram("distilbert_loop_lag_seconds", late, buckets=_SECONDS)
        self._worst_lag = gauge("distilbert_loop_lag_worst_seconds", "The longest of these since the start")
        self._worst = 0.0
        what = ["model", "precision", "engine", "reason"]
        self.engines = gauge("distilbert_model_engine", "1 for what runs a model, and why", what)
        self.memory = gauge("distilbert_memory_held_bytes", "What requests hold of --max-memory", ["of"])
        self.at_work = gauge("distilbert_requests_at_work", "Requests at work now")
        self.queue_texts = gauge("distilbert_queue_texts", "Texts that wait for a run")
        self.queue_tokens = gauge("distilbert_queue_tokens", "Tokens that wait for a run")
        self.wait_seconds = histogram("distilbert_wait_seconds", "A text's time in the queue", buckets=_SECONDS)
        self.shared = counter("distilbert_shared_texts", "Texts that were in flight already")
        self.texts = counter("distilbert_texts", "Texts run", ["model"])
        self.tokens = counter("distilbert_tokens", "Tokens run", ["model"])
        self.run_seconds = histogram("distilbert_run_seconds", "Runs of a model", ["model"], buckets=_SECONDS)
        self.run_texts = histogram("distilbert_run_texts", "Texts of a run", buckets=_COUNTS)
        self.run_tokens = histogram("distilbert_run_tokens", "Tokens of a run", buckets=_COUNTS)

    def ran(self, model: str, texts: int, tokens: int, seconds: float) -> None:
        self.texts.labels(model).inc(texts)
        self.tokens.labels(model).inc(tokens)
        self.run_seconds.labels(model).observe(seconds)
        self.run_texts.observe(texts)
        self.run_tokens.observe(tokens)

    def lagged(self, seconds: float) -> None:
        self._lag_seconds.observe(seconds)
        if seconds > self._worst:
            self._worst = seconds
            self._worst_lag.set(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)


class SharedMetrics:
    """The metrics of several processes, each of which leaves its own in a folder: whoever is asked tells all."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._worker = worker

    def write(self, text: bytes) -> None:
        """Leave this process's own for the others."""
        with written_whole(self._folder / f"{self._worker}.prom") as temporary:
            temporary.write_bytes(text)

    def text(self, samples: bytes) -> bytes:
        """The samples of all processes, those of the others as they wrote them last; each has its number as a label."""
        self.write(samples)
        texts = {file.stem: file.read_text() for file in self._folder.glob("*.prom")}
        return _merged(dict(sorted(texts.items(), key=lambda item: int(item[0])))).encode()


_SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})?(?P<value> \S+)")


def _merged(texts: Mapping[str, str]) -> str:
    """Each metric of some texts in Prometheus' format once, its samples with one more label: whose they are."""
    samples: dict[str, list[str]] = {}
    for worker, text in texts.items():
        for block in text.split("# HELP ")[1:]:
            about, kind, *lines = block.splitlines()
            found = samples.setdefault(f"# HELP {about}\n{kind}", [])
            for line in lines:
                if sample := _SAMPLE.fullmatch(line):
                    labels = f'worker="{worker}"' + (f",{sample['labels']}" if sample["labels"] else "")
                    found.append(f"{sample['name']}{{{labels}}}{sample['value']}")
    return "".join("\n".join([head, *lines]) + "\n" for head, lines in samples.items())
