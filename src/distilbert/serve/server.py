"""Serve until told to end."""

import logging
import signal
import socket
import sys
import warnings
from collections.abc import Mapping

import uvicorn
from fastapi import FastAPI

from ..errors import InputError, LongTextWarning, error_text
from ..server_settings import Settings
from ..tasks.task import Task
from .app import create_app
from .guard import JsonFormatter, logger
from .protocol import Protocol

_GRACE = 10  # seconds beyond the time limit of requests, for those that are at work when the end is asked for


def run_server(tasks: Mapping[str, Task], settings: Settings) -> None:
    """Serve opened tasks until SIGTERM or SIGINT, then answer what is at work and end.

    Raises InputError if the address cannot be listened on.
    """
    listening = _listen(settings)
    port = listening.getsockname()[1]  # the one that was found, where 0 was asked for
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for log in (logger, logging.getLogger("uvicorn.error")):
        log.handlers = [handler]
        log.setLevel(logging.INFO)
        log.propagate = False
    warnings.simplefilter("ignore", LongTextWarning)  # clients say whether texts may be cut
    logger.info("starting", extra={"fields": settings.public() | {"port": port, "models": list(tasks)}})
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.api_key:
        logger.warning("open to the network without a key", extra={"fields": {"host": settings.host}})
    # uvicorn drains first and then raises the signal again
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.Server(server_config(create_app(tasks, settings), settings)).run(sockets=[listening])


def _listen(settings: Settings) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"cannot listen on port {settings.port} of {settings.host!r} ({error_text(error)}); "
            "choose others with --port and --host"
        ) from None


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to run the application."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.timeout) + _GRACE,
    )
