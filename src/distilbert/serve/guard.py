"""What every request passes before a route sees it (an id, the key, limits on its body), and the log line it leaves."""

import asyncio
import hmac
import json
import logging
import re
import time
import traceback
import uuid
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..server_settings import Settings
from .batcher import Work
from .errors import GoneError, InternalError, NotJsonError, RequestError, TooLargeError, TooSlowError, UnauthorizedError
from .metrics import Metrics

logger = logging.getLogger("distilbert.serve")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
_OPEN = ("/health",)  # what needs no key


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._key = f"Bearer {settings.api_key}".encode() if settings.api_key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex.encode()
        work = scope["distilbert.work"] = Work()
        status = 0

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id), *_HEADERS]
            await send(message)

        try:
            self._check_key(scope["path"], headers)
            await self._app(scope, await self._read(headers, receive), answered)
        except RequestError as error:
            self._metrics.errors.labels(error.kind).inc()
            await _respond(answered, scope["path"], error)
        except Exception:
            self._metrics.errors.labels("Internal").inc()
            logger.error("failed", extra={"fields": {"id": request_id.decode(), "trace": traceback.format_exc()}})
            if not status:
                message = f"internal error; the log tells more under request id {request_id.decode()}"
                await _respond(answered, scope["path"], InternalError(message))
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, work.model, status).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            fields = {
                "id": request_id.decode(),
                "method": scope["method"],
                "path": scope["path"][:200],
                "status": status,
                "model": work.model,
                "texts": work.texts,
                "tokens": work.tokens,
                "ms": round(1e3 * seconds, 2),
                "waited_ms": round(1e3 * work.waited, 2),
                "ran_ms": round(1e3 * work.ran, 2),
            }
            logger.info("request", extra={"fields": fields})

    def _check_key(self, path: str, headers: dict[bytes, bytes]) -> None:
        if self._key is None or path in _OPEN:
            return
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._key):
            raise UnauthorizedError("send the key as 'Authorization: Bearer KEY'")

    async def _read(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """The whole body, then what follows it. Raises NotJsonError, TooLargeError, TooSlowError and GoneError."""
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise NotJsonError("compressed bodies are not read; send plain JSON")
        most = self._settings.max_bytes
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > most:
            raise TooLargeError(f"the body has {length[:20].decode()} bytes, more than the {most} that are read")
        messages: list[Message] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise GoneError("the client has left")
                    messages.append(message)
                    size += len(message.get("body", b""))
                    if size > most:
                        raise TooLargeError(f"the body has more than the {most} bytes that are read")
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise TooSlowError(f"the body did not arrive within {self._settings.timeout:g} seconds") from None
        messages.reverse()

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        return replay


async def _respond(send: Send, path: str, error: RequestError) -> None:
    body = json.dumps(error.body(path)).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))} | dict(error.headers)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        line = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower()}
        if record.exc_info:
            fields = fields | {"trace": self.formatException(record.exc_info)}
        return json.dumps(line | {"event": record.getMessage()} | fields, default=str)
