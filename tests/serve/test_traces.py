"""Each request is a span of its client's trace, where OpenTelemetry is set up; without it nothing changes."""

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from distilbert.serve import guard
from distilbert.tasks.task import Task
from helpers.live import serving, until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_request_is_a_span(tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)  # it can be set once a process only
    with serving({"embed": tasks["embed"]}) as server:
        exporter.clear()
        headers = {"traceparent": PARENT}
        assert server.http.post("/embed", json={"inputs": "a film"}, headers=headers).status_code == 200
        assert server.post("/models/none/embed", inputs="a film").status_code == 404
        until(lambda: len(exporter.get_finished_spans()) == 2)
    done, lost = exporter.get_finished_spans()
    assert (done.name, done.kind) == ("POST /embed", SpanKind.SERVER)
    assert f"{done.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{done.parent.span_id:016x}" == PARENT.split("-")[2]
    assert done.attributes["http.route"] == "/embed"
    assert done.attributes["http.response.status_code"] == 200
    assert (done.attributes["distilbert.model"], done.attributes["distilbert.texts"]) == ("embed", 1)
    assert done.attributes["distilbert.tokens"] == len(tasks["embed"].tokenizer.encode("a film"))
    assert 0 < 1e9 * done.attributes["distilbert.run_seconds"] <= done.end_time - done.start_time
    assert (lost.attributes["http.response.status_code"], lost.status.status_code) == (404, StatusCode.UNSET)
    assert lost.parent is None


def test_nothing_is_recorded_where_nothing_is_set_up() -> None:
    assert not guard.Traces()._is_on
