"""What every request passes before a route sees it (its host, an id, the key), and the log line it leaves."""

import hmac
import json
import logging
import random
import re
import time
import traceback
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..server_settings import Settings
from .batcher import Work
from .errors import Fault, RequestError
from .hosts import Hosts
from .metrics import Metrics
from .page import is_page
from .paths import plain_path
from .traces import Traces

logger = logging.getLogger("distilbert.serve")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
_NO_CONTENT = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_ONCE = (b"authorization", b"api-key", b"content-type", b"content-encoding")
PROBES = ("/health", "/ping")  # what needs no key and is not logged
_LONG_ANSWER = 1 << 16  # bytes: one that is longer is taken as sent when the client has taken most of it


class _Exchange:
    """One request and its answer.

    Attributes:
        id: the client's own, or one that is made up.
        method, path, headers: as the client sent them; `scope` has the path and the method that routes know.
        status: of the answer; 0 until it has begun.
    """

    def __init__(self, scope: Scope, send: Send, ids: random.Random) -> None:
        self.started = time.perf_counter()
        self.method, self.path, self.headers = scope["method"], scope["path"], dict(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.id = given if _REQUEST_ID.fullmatch(given) else b"%032x" % ids.getrandbits(128)
        self.work = Work()
        self.status = 0
        # uvicorn keeps the scope that it gave: it sends no body where that says HEAD
        method = "GET" if self.method == "HEAD" else self.method
        self.scope = {**scope, "path": plain_path(self.path), "method": method, "distilbert.work": self.work}
        self._send = send

    async def send(self, message: Message) -> None:
        """Send a message of the application on, with the headers that all answers have."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            if not any(name == b"content-security-policy" for name, _ in headers):
                headers.append(_NO_CONTENT)
            message["headers"] = [*headers, (b"x-request-id", self.id), *_HEADERS, *_cost(self.work)]
        elif len(message.get("body", b"")) > _LONG_ANSWER and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            message = {"type": "http.response.body"}  # uvicorn sends on when most of what it has is taken
        await self._send(message)

    async def refuse(self, error: RequestError) -> None:
        """Answer with an error, unless an answer has begun."""
        if self.status:
            return
        body = json.dumps(error.body(self.scope["path"])).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body))} | dict(error.headers)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": error.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    def fields(self, seconds: float) -> dict[str, object]:
        """Of its line in the log."""
        return {
            "id": self.id.decode(),
            "method": self.method,
            "path": self.path[:200],
            "status": self.status,
            "model": self.work.model,
            "texts": self.work.texts,
            "tokens": self.work.tokens,
            "ms": round(1e3 * seconds, 2),
            "waited_ms": round(1e3 * self.work.waited, 2),
            "ran_ms": round(1e3 * self.work.ran, 2),
        }


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._key = settings.api_key.encode()
        self._hosts = Hosts(settings)
        self._traces = Traces()
        self._ids = random.Random()  # noqa: S311 - no secrets, and they cost no system call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._ids)
        try:
            self._hosts.check(scope["http_version"], scope["headers"])
            _check_once(scope["headers"])
            if not is_page(exchange.scope["method"], exchange.scope["path"]):
                self._check_key(exchange.scope["path"], exchange.headers)
            await self._app(exchange.scope, receive, exchange.send)
        except RequestError as error:
            self._metrics.errors.labels(error.fault.value.kind).inc()
            await exchange.refuse(error)
        except Exception:
            self._metrics.errors.labels("Internal").inc()
            number = exchange.id.decode()
            logger.error("failed", extra={"fields": {"id": number, "trace": traceback.format_exc()}})
            message = f"internal error; the log tells more under request id {number}"
            await exchange.refuse(RequestError(Fault.INTERNAL, message))
        finally:
            self._record(exchange)

    def _record(self, exchange: _Exchange) -> None:
        """Count a request that is over, and but for probes that were answered trace and log it."""
        seconds = time.perf_counter() - exchange.started
        route, status = getattr(exchange.scope.get("route"), "path", "other"), exchange.status
        self._metrics.requests.labels(route, exchange.work.model, status).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if exchange.scope["path"] not in PROBES or status >= 400:
            self._traces.record(exchange.method, route, exchange.headers, status, seconds, exchange.work)
            logger.info("request", extra={"fields": exchange.fields(seconds)})

    def _check_key(self, path: str, headers: dict[bytes, bytes]) -> None:
        if not self._key or path in PROBES:
            return
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            key = headers.get(b"api-key", b"")  # where Azure's clients have it
        if not hmac.compare_digest(key.strip(b" \t"), self._key):
            raise RequestError(Fault.UNAUTHORIZED, "send the key as 'Authorization: Bearer KEY'")


def _check_once(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises RequestError for a header that would mean one thing to a proxy and another here: two of it."""
    names = [name for name, _ in headers if name in _ONCE]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1).decode().title()
        raise RequestError(Fault.BAD_HEAD, f"a request has one {twice}, not {names.count(twice.lower().encode())}")


def _cost(work: Work) -> list[tuple[bytes, bytes]]:
    """Headers that say what a model did for the request: milliseconds, and tokens under TEI's name."""
    if not work.tokens:
        return []
    timing = f"wait;dur={1e3 * work.waited:.2f}, run;dur={1e3 * work.ran:.2f}"
    return [(b"server-timing", timing.encode()), (b"x-compute-tokens", str(work.tokens).encode())]
