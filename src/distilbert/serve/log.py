"""The server's log: JSON, an object a line; on a terminal lines for people."""

import contextlib
import json
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

from .guard import logger

_MOST_WAITING = 5_000  # lines
_GATHERED = 0.02  # seconds of lines that are written at once
_AT_END = 1.0  # seconds for what waits


def set_up_log(level: str, place: Mapping[str, object] | None = None, *, behind: bool = False) -> None:
    """Send the log of the server, uvicorn's, the hub client's, and warnings to the standard error.

    `place` is said in every line. `behind`: lines are written by a thread, and nobody waits for them.
    """

    def placed(record: logging.LogRecord) -> bool:
        record.fields = {**(place or {}), **getattr(record, "fields", {})}
        return True

    handler = _handler(behind)
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


def _handler(behind: bool) -> logging.Handler:
    if sys.stderr is None:  # whoever started the server closed it
        return logging.NullHandler()
    with contextlib.suppress(AttributeError, OSError):  # a notebook's is no file
        if behind:
            return WritingBehind(sys.stderr.fileno())
    return logging.StreamHandler(sys.stderr)


class WritingBehind(logging.Handler):
    """Writes to a file in a thread of its own, so that a terminal or a pipe that takes nothing stops no request.

    Lines that would be too many to wait are left out, and counted in the next that is written.
    """

    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file
        self._waiting: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        self._left_out = 0
        self._thread = threading.Thread(target=self._write_all, name="distilbert-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(record)
        else:
            self._left_out += 1

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join(_AT_END)
        super().close()

    def _line(self, record: logging.LogRecord) -> list[str]:
        """The line, or none where it cannot be made: the thread goes on."""
        try:
            return [self.format(record)]
        except Exception:  # as logging's own handlers do
            self.handleError(record)
            return []

    def _write_all(self) -> None:
        told = 0
        records: list[logging.LogRecord | None] = []
        while None not in records:
            records = [self._waiting.get()]
            if records[0] is not None:
                time.sleep(_GATHERED)
            records += [self._waiting.get() for _ in range(self._waiting.qsize())]
            lines = [line for record in records if record is not None for line in self._line(record)]
            if (left_out := self._left_out) > told:
                about = {"msg": "left out of the log", "levelname": "WARNING", "fields": {"lines": left_out - told}}
                lines += self._line(logging.makeLogRecord(about))
                told = left_out
            content = "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace")
            with contextlib.suppress(OSError):  # a full disk, a reader that has gone
                while content:
                    content = content[os.write(self._file, content) :]


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
