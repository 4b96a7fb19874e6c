"""The short way to the routes that do the work.

FastAPI describes them (/openapi.json) and answers whatever else is asked. Its own way to a route takes a quarter
of the event loop's time for a request (80 of 300 microseconds), which is time that the model's threads on the same
cores lose. Here it is a look in a table, and pydantic's check of the body.
"""

import json
from collections.abc import Iterable
from typing import Any, get_type_hints

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from ..server_settings import Settings
from .body import read_body
from .errors import Fault, RequestError

_MODEL = "/models/{name}"


class Direct:
    """ASGI middleware before FastAPI: answers POST requests to the routers' paths, at the root and below /models/NAME.

    Each of these routes takes `(request, body)`; the type of `body` says what is valid.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter], settings: Settings) -> None:
        self._app = app
        self._settings = settings
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
        headers = dict(scope["headers"])
        content = await read_body(headers, receive, most=self._settings.max_bytes, seconds=self._settings.timeout)
        body = _valid(kind, headers.get(b"content-type", b"").decode("latin-1"), content)
        request = Request(scope, receive)
        response = await route.endpoint(request, body)
        await response(scope, receive, send)


def _parted(path: str) -> tuple[str, dict[str, str]]:
    """A path without the model's name in it, and the name."""
    if not path.startswith("/models/"):
        return path, {}
    name, slash, rest = path.removeprefix("/models/").partition("/")
    return (slash + rest if slash else _MODEL), {"name": name}


def _valid(kind: TypeAdapter[Any], content_type: str, content: bytes) -> Any:
    """The body. What is wrong with it is told without the body itself: it may be long, secret, or no JSON.

    Raises RequestError.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise RequestError(Fault.UNPROCESSABLE, "send the body with 'Content-Type: application/json'")
    if not content:
        raise RequestError(Fault.UNPROCESSABLE, "the body is empty")
    try:
        # not pydantic's own parser, which refuses the unpaired surrogates that JSON allows
        return kind.validate_python(json.loads(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RequestError(Fault.UNPROCESSABLE, f"{place[:200] or 'the body'}: {first['msg'][:300]}") from None
    except (ValueError, RecursionError):
        raise RequestError(Fault.NOT_JSON, "the body is not JSON") from None
