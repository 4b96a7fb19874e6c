"""What operators ask a server: its models, its version, its metrics."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from .. import __version__
from .service import Service
from .shared import errors


def operation_routes(service: Service) -> APIRouter:
    routes = APIRouter(tags=["Operation"])
    one_at_a_time = asyncio.Lock()

    @routes.get("/models", responses=errors(401))
    async def models() -> list[dict[str, Any]]:
        """The models: their tasks, labels, precision and lengths."""
        other = {name: [alias for alias, of in service.aliases.items() if of == name] for name in service.models}
        return [model.described() | {"aliases": other[name]} for name, model in service.models.items()]

    @routes.get("/version", responses=errors(401))
    async def version() -> dict[str, str]:
        """Of the library."""
        return {"version": __version__}

    @routes.get("/metrics", response_class=Response, responses=errors(401))
    async def metrics() -> Response:
        """For Prometheus."""
        async with one_at_a_time:  # it takes some milliseconds of Python, which the event loop needs too
            text = await asyncio.to_thread(service.metrics_text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
