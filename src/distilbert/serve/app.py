"""The application: routes, the guard before them, errors as JSON."""

import asyncio
import contextlib
import functools
import json
import re
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Path, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import __version__
from ..errors import DistilBertError
from ..server_settings import Settings
from ..tasks.task import Task
from .direct import OF_MODEL, Direct
from .errors import HttpError
from .guard import PROBES, Guard, logger
from .metrics import SharedMetrics
from .page import page_routes
from .paths import instead_of
from .routes_cohere import cohere_routes
from .routes_hub import hub_routes
from .routes_multi_vector import multi_vector_routes
from .routes_ollama import ollama_routes
from .routes_openai import openai_routes
from .routes_operation import operation_routes
from .routes_ranking import ranking_routes
from .routes_tei import tei_routes
from .service import Service


class App(FastAPI):
    """FastAPI with our own layers around all of its: a request that they answer passes none of FastAPI's."""

    around: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        inner = super().build_middleware_stack()

        async def raising(scope: Scope, receive: Receive, send: Send) -> None:
            await inner(scope, receive, send)
            if "distilbert.error" in scope:
                raise scope["distilbert.error"]

        return self.around(raising)


class _Silent:
    """ASGI middleware within FastAPI's own, which would answer errors in their words: errors go round them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            scope["distilbert.error"] = error


def create_app(
    tasks: Mapping[str, Task],
    settings: Settings | None = None,
    *,
    open_again: Callable[[], Mapping[str, Task]] | None = None,
    ready: Callable[[Service], None] | None = None,
    shared_metrics: SharedMetrics | None = None,
) -> FastAPI:
    """An ASGI application that serves opened tasks, each under a name; the first is the one at `/`.

    Args:
        open_again: gives the same tasks from their folders as they are now, for SIGHUP.
        ready: called when all models are warm.
        shared_metrics: of all processes, where this is one of several.

    Raises InputError if there are none.
    """
    service = Service(tasks, settings or Settings(), shared_metrics)
    app = App(
        title="distilbert",
        version=__version__,
        summary="Every DistilBERT task, for the clients of the Hugging Face hub, of TEI and of OpenAI",
        lifespan=lambda app: _lifespan(app, service, open_again, ready),
        openapi_url=None,  # its own route would write the whole description anew for each request
        redirect_slashes=False,  # it would lead to the client's own Host
        telemetry={"tracing": False, "metrics": False, "logs": False},  # FastAPI's own; ours know models and tokens
    )
    routers, methods = _include_routes(app, service)
    app.add_exception_handler(HTTPException, _refusing(methods))
    described = app.openapi
    app.openapi = lambda: _completed(described(), keyed=bool(service.settings.api_key))  # type: ignore[method-assign]
    app.add_api_route("/openapi.json", _description(app), include_in_schema=False)

    def around(inner: ASGIApp) -> ASGIApp:
        layers: ASGIApp = Direct(inner, routers=routers, service=service)
        layers = Guard(layers, settings=service.settings, metrics=service.metrics)
        if not service.settings.origins:
            return layers
        return CORSMiddleware(
            layers,
            allow_origins=service.settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],  # clients in browsers send their own, such as OpenAI's x-stainless-…
            allow_private_network=True,  # browsers ask where an allowed page is of another network
            expose_headers=["X-Request-Id", "Retry-After", "Server-Timing", "X-Compute-Tokens"],
        )

    app.around = around
    app.add_middleware(_Silent)
    return app


@contextlib.asynccontextmanager
async def _lifespan(
    app: FastAPI,
    service: Service,
    open_again: Callable[[], Mapping[str, Task]] | None,
    ready: Callable[[Service], None] | None,
) -> AsyncIterator[None]:
    """Warms the models up beside the first requests, reloads them at SIGHUP, and closes the service at the end."""

    async def start() -> None:
        try:
            await service.warm_up()
        except Exception:  # health stays bad, and the log says why
            logger.exception("the models cannot be run")
            return
        if ready is not None:
            ready(service)

    works = (start(), asyncio.to_thread(_make_routes, app), service.watch_loop(), service.share_metrics())
    background: set[asyncio.Task[None]] = {asyncio.create_task(work) for work in works}
    if open_again is not None and threading.current_thread() is threading.main_thread():
        loop, one_at_a_time = asyncio.get_running_loop(), asyncio.Lock()

        def reload() -> None:
            task = loop.create_task(_reload(service, open_again, one_at_a_time))
            background.add(task)
            task.add_done_callback(background.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
    yield
    for task in background:
        task.cancel()
    await asyncio.to_thread(service.close)


def _make_routes(app: FastAPI) -> None:
    """What FastAPI would do on the event loop for the first request that no route takes: a fifth of a second."""
    nowhere = {"type": "http", "method": "GET", "path": "/-", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(dict(nowhere))


async def _reload(service: Service, open_again: Callable[[], Mapping[str, Task]], one_at_a_time: asyncio.Lock) -> None:
    async with one_at_a_time:  # or those that were opened first could take the place of the last
        logger.info("reloading")
        try:
            await service.reload(open_again)
        except DistilBertError as error:
            logger.error("not reloaded", extra={"fields": {"error": str(error)}})
        except Exception:  # what opened may not run
            logger.exception("not reloaded")
        else:
            logger.info("reloaded", extra={"fields": {"models": list(service.models)}})


def _include_routes(app: FastAPI, service: Service) -> tuple[list[APIRouter], dict[str, set[str]]]:
    """Add all routes to the application; gives those of the models, and the methods of each path that is described."""

    def named(name: str = Path(description="a name of /v1/models")) -> None:
        service.served(name)

    families = (tei_routes, openai_routes, ranking_routes, multi_vector_routes, cohere_routes, ollama_routes)
    for_each = [routes(service) for routes in families]
    hub = hub_routes(service)
    included = [(routes, prefix) for routes in for_each for prefix in ("", OF_MODEL)]
    included += [(routes, "") for routes in (hub, operation_routes(service), page_routes())]
    methods: dict[str, set[str]] = {}
    for routes, prefix in included:
        app.include_router(routes, prefix=prefix, dependencies=[Depends(named)] if prefix else None)
        for route in routes.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                methods.setdefault(prefix + route.path, set()).update(route.methods or ())
    return [*for_each, hub], methods


def _description(app: FastAPI) -> Callable[[], Awaitable[Response]]:
    """The route of what `app.openapi` says."""
    content = functools.cache(lambda: json.dumps(app.openapi()).encode())  # half a second, at first

    async def description() -> Response:
        return Response(await asyncio.to_thread(content), media_type="application/json")

    return description


def _completed(schema: dict[str, Any], *, keyed: bool) -> dict[str, Any]:
    """The description without the errors that FastAPI makes up, and with the key where there is one."""
    for methods in schema["paths"].values():
        if "get" in methods:
            methods["get"]["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    if keyed:
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}]
        for path in (*PROBES, "/"):
            schema["paths"][path]["get"]["security"] = []
    return schema


def _refusing(methods: Mapping[str, Collection[str]]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What answers requests that no route takes. It needs no description, which takes a while to make."""
    patterns = {path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in methods}

    def misdirected(request: Request, error: HTTPException) -> Response:
        """What a path has, to OPTIONS (9110, 9.3.7), as HAProxy asks to see who is up; HttpError for all else."""
        method, path, headers = request.method, request.scope["path"], dict(error.headers or {})
        every = method == "OPTIONS" and path == "*"
        allowed = {each for at, pattern in patterns.items() if every or pattern.fullmatch(path) for each in methods[at]}
        if not allowed:
            raise HttpError(error.status_code, instead_of(method, path, methods), headers)
        headers["Allow"] = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
        if method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        raise HttpError(error.status_code, f"{method} is not for {path[:200]}; ask with {headers['Allow']}", headers)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return await asyncio.to_thread(misdirected, request, error)

    return refused
