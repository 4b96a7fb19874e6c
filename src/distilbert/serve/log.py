"""The server's log: JSON, an object a line; on a terminal lines for people."""

import json
import logging
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from .guard import logger


def set_up_log(level: str, place: Mapping[str, object] | None = None) -> None:
    """Send the log of the server, uvicorn's, the hub client's, and warnings to the standard error.

    `place` is said in every line.
    """

    def placed(record: logging.LogRecord) -> bool:
        record.fields = {**(place or {}), **getattr(record, "fields", {})}
        return True

    # there is none where whoever started the server closed it
    handler = logging.NullHandler() if sys.stderr is None else logging.StreamHandler(sys.stderr)
    if place:
        handler.addFilter(placed)
    handler.setFormatter(LineFormatter() if sys.stderr is not None and sys.stderr.isatty() else JsonFormatter())
    for name in (logger.name, "uvicorn.error", "huggingface_hub"):
        log = logging.getLogger(name)
        log.handlers = [handler]
        log.setLevel(level.upper())
        log.propagate = False
    warnings.showwarning = lambda message, *_, **__: logger.warning(str(message))
    if level == "info":
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # the server's own lines say the same


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower()}
        return json.dumps(line | {"event": record.getMessage()} | _fields(self, record), default=str)


class LineFormatter(logging.Formatter):
    """Time, level and event, and the rest as `name=value`; a trace on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(self, record)
        trace = fields.pop("trace", "")
        told = {name: value for name, value in fields.items() if value not in ("", None)}
        # what a client sent may hold line ends, or orders to the terminal
        values = " ".join(
            f"{name}={value if str(value).isprintable() else repr(value)}" for name, value in told.items()
        )
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} {record.getMessage()} {values}"
        return f"{line.rstrip()}\n{trace}".rstrip()


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields | {"trace": formatter.formatException(record.exc_info)} if record.exc_info else fields
