"""Serve until told to end."""

import signal
import sys
import warnings
from collections.abc import Callable, Mapping

import uvicorn
from fastapi import FastAPI

from ..errors import LongTextWarning
from ..server_settings import Settings
from ..tasks.task import Task
from .app import create_app
from .guard import logger
from .hosts import is_loopback, listen, url_of
from .log import set_up_log
from .protocol import Protocol
from .service import Service

_GRACE = 10  # seconds beyond the time limit of requests, for those that are at work when the end is asked for


def run_server(
    tasks: Mapping[str, Task], settings: Settings, *, open_again: Callable[[], Mapping[str, Task]] | None = None
) -> None:
    """Serve opened tasks until SIGTERM or SIGINT, then answer what is at work and end.

    `open_again` gives the tasks from their folders as they are at the time; SIGHUP puts them in the old ones' place.

    Raises InputError if the address cannot be listened on.
    """
    listening = listen(settings.host, settings.port)
    port = listening.getsockname()[1]  # the one that was found, where 0 was asked for
    set_up_log(settings.log_level)
    sys.setswitchinterval(0.001)  # the event loop need not wait five milliseconds for each thread before it
    warnings.simplefilter("ignore", LongTextWarning)  # clients say whether texts may be cut
    logger.info("starting", extra={"fields": settings.public() | {"port": port, "models": list(tasks)}})
    if not is_loopback(settings.host) and not settings.api_key:
        logger.warning("open to the network without a key", extra={"fields": {"host": settings.host}})

    def ready(service: Service) -> None:
        models = [f"{model.name}: {model.tasks[0].task}, {model.precision}" for model in service.models.values()]
        fields = {"url": url_of(settings.host, port), "models": models} | {
            name: getattr(settings, name) for name in ("max_concurrent", "max_texts", "max_tokens", "max_memory")
        }
        logger.info("ready", extra={"fields": fields})

    # uvicorn drains first and then raises the signal again
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = create_app(tasks, settings, open_again=open_again, ready=ready)
    uvicorn.Server(server_config(app, settings)).run(sockets=[listening])


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to run the application."""

    class Limited(Protocol):
        most_connections = settings.max_connections

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Limited,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing depends on the client's address
        timeout_graceful_shutdown=int(settings.timeout) + _GRACE,
    )
