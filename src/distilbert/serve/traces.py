"""A trace of each request for OpenTelemetry, where its library is installed and a provider of tracers is set."""

import time
from collections.abc import Mapping

from .. import __version__
from .batcher import Work

try:
    from opentelemetry import propagate, trace
    from opentelemetry.trace import ProxyTracerProvider, SpanKind, Status, StatusCode
except ImportError:
    _IS_SET_UP = False
else:
    _IS_SET_UP = True


class Traces:
    """Spans of requests. A provider is set before the application is made, as `opentelemetry-instrument` does."""

    def __init__(self) -> None:
        self._is_on = _IS_SET_UP and not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)

    def record(
        self, method: str, route: str, headers: Mapping[bytes, bytes], status: int, seconds: float, work: Work
    ) -> None:
        """A request that has been answered; its span belongs to the trace that the client's `traceparent` names."""
        if not self._is_on:
            return
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        ended = time.time_ns()
        span = trace.get_tracer("distilbert.serve", __version__).start_span(
            f"{method} {route}",
            propagate.extract(given),
            SpanKind.SERVER,
            start_time=ended - int(1e9 * seconds),
            attributes={
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "distilbert.model": work.model,
                "distilbert.texts": work.texts,
                "distilbert.tokens": work.tokens,
                "distilbert.wait_seconds": work.waited,
                "distilbert.run_seconds": work.ran,
            },
        )
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)
