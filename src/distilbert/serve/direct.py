"""The short way to the routes that do the work.

FastAPI describes them (/openapi.json) and answers whatever else is asked. Its own way to a route takes a quarter
of the event loop's time for a request (80 of 300 microseconds), which is time that the model's threads on the same
cores lose. Here it is a look in a table, and pydantic's check of the body.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, get_type_hints

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.types import ASGIApp, Receive, Scope, Send

from .body import LARGE, SMALL, parsed, read_body
from .budget import BODY_BYTE, Share
from .service import Service

OF_MODEL = "/models/{name}"


class Direct:
    """ASGI middleware before FastAPI: answers POST requests to the routers' paths, at the root and below /models/NAME.

    Each of these routes takes `(request, body)`; the type of `body` says what is valid.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter], service: Service) -> None:
        self._app = app
        self._service = service
        self._posts: dict[str, tuple[APIRoute, TypeAdapter[Any]]] = {}
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute) and "POST" in (route.methods or ()):
                    body = get_type_hints(route.endpoint, include_extras=True)["body"]
                    self._posts[route.path] = route, TypeAdapter(body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, names = _parted(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else ("", {})
        if path not in self._posts:
            await self._app(scope, receive, send)
            return
        route, kind = self._posts[path]
        scope["route"], scope["path_params"] = route, names
        share = scope["distilbert.work"].share = Share(self._service.memory)
        try:
            body = await self._read(scope, receive, share, kind)
            response = await route.endpoint(Request(scope, receive), body)
            await response(scope, receive, send)  # what is not taken yet is still held
        finally:
            share.let_go()

    async def _read(self, scope: Scope, receive: Receive, share: Share, kind: TypeAdapter[Any]) -> Any:
        """The body of a request that there is room for. Raises RequestError."""
        service, headers = self._service, dict(scope["headers"])
        settings = service.settings
        service.check_room()
        arriving = Share(service.bodies)
        try:
            content = await read_body(headers, receive, arriving, most=settings.max_bytes, seconds=settings.timeout)
            share.take(BODY_BYTE * len(content))
            arguments = kind, content, settings.max_tokens
            if len(content) <= SMALL:
                return parsed(*arguments)
            parser = service.parser if len(content) <= LARGE else service.large_parser
            return await asyncio.get_running_loop().run_in_executor(parser, parsed, *arguments)
        finally:
            arriving.let_go()


def _parted(path: str) -> tuple[str, dict[str, str]]:
    """A path without the model's name in it, and the name."""
    if not path.startswith("/models/"):
        return path, {}
    name, slash, rest = path.removeprefix("/models/").partition("/")
    return (slash + rest if slash else OF_MODEL), {"name": name}
