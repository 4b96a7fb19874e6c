"""Serve until told to end."""

import signal
import sys
import warnings
from collections.abc import Callable, Mapping

import uvicorn
from fastapi import FastAPI

from ..errors import InputError, LabelWarning, LongTextWarning
from ..server_settings import Settings
from ..tasks.task import Task
from .app import create_app
from .guard import logger
from .hosts import is_loopback, listen, url_of
from .log import set_up_log
from .metrics import SharedMetrics
from .protocol import Protocol
from .service import Service
from .workers import Worker, private_memory

if sys.platform != "win32":
    import resource

_GRACE = 10  # seconds beyond the time limit of requests, for those that are at work when the end is asked for
_FILES = 128  # that may be open beside the connections: models, also while they are reloaded, and sockets of our own


def run_server(
    tasks: Mapping[str, Task],
    settings: Settings,
    *,
    open_again: Callable[[], Mapping[str, Task]] | None = None,
    worker: Worker | None = None,
) -> None:
    """Serve opened tasks until SIGTERM or SIGINT, then answer what is at work and end.

    Args:
        open_again: gives the tasks from their folders as they are at the time; SIGHUP puts them in the old ones' place.
        worker: which of several processes this is, as `start_workers` gives it.

    Raises InputError if the address cannot be listened on, and for several workers that have not been started.
    """
    if worker is None and settings.workers > 1:
        raise InputError("workers are started before models are opened: call start_workers first")
    listening = worker.listening if worker else listen(settings.host, settings.port)
    port = listening.getsockname()[1]  # the one that was found, where 0 was asked for
    place: dict[str, object] = {"worker": worker.number} if worker else {}
    set_up_log(settings.log_level, place, behind=True)
    sys.setswitchinterval(0.001)  # the event loop need not wait five milliseconds for each thread before it
    warnings.simplefilter("ignore", LongTextWarning)  # clients say whether texts may be cut
    warnings.simplefilter("ignore", LabelWarning)  # nor is the log about the labels that they send
    if worker is None:
        logger.info("starting", extra={"fields": settings.public() | {"port": port, "models": list(tasks)}})
    if not is_loopback(settings.host) and not settings.api_key:
        logger.warning("open to the network without a key", extra={"fields": {"host": settings.host}})

    def ready(service: Service) -> None:
        models = [f"{model.name}: {model.tasks[0].task}, {model.precision}" for model in service.models.values()]
        limits = {name: getattr(settings, name) for name in ("max_concurrent", "max_texts", "max_tokens", "max_memory")}
        about = {"url": url_of(settings.host, port), "models": models, "private_mb": round(private_memory() / 1e6)}
        logger.info("worker ready" if worker else "ready", extra={"fields": about | limits})
        if worker:
            worker.ready()

    # uvicorn drains first and then raises the signal again
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    shared = SharedMetrics(worker.folder, worker.number) if worker else None
    app = create_app(tasks, settings, open_again=open_again, ready=ready, shared_metrics=shared)
    uvicorn.Server(server_config(app, settings)).run(sockets=[listening])


def _connections(most: int) -> int:
    """`most`, or what the system lets the process have: a connection is an open file. Raises its limit where it may."""
    if sys.platform == "win32":
        return most
    now, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now != resource.RLIM_INFINITY and now < most + _FILES:
        now = most + _FILES if highest == resource.RLIM_INFINITY else min(most + _FILES, highest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, highest))
        if now < most + _FILES:
            most = max(1, now - _FILES)
            logger.warning("fewer connections: too few files may be open (ulimit -n)", extra={"fields": {"most": most}})
    return most


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to run the application."""

    class Limited(Protocol):
        most_connections = _connections(settings.max_connections)

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
