"""The page to try the server with: static files of the wheel, which ask the same routes as any client."""

from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from .errors import HttpError

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_COLOURS = files("distilbert") / "colours.css"
_FILES = {file.name: file.read_bytes() for file in (_COLOURS, *(files(__package__) / "static").iterdir())}
# nothing from elsewhere, nothing inline
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def is_page(method: str, path: str) -> bool:
    """Whether a request is for the page itself, which is open to all: what it shows it asks with the key."""
    return method in ("GET", "HEAD") and (path in ("/", "/docs") or path.startswith(("/page/", "/docs/page/")))


def page_routes() -> APIRouter:
    routes = APIRouter(tags=["Operation"])

    @routes.get("/", response_class=HTMLResponse)
    @routes.get("/docs", include_in_schema=False)
    async def page() -> Response:
        """The page to try the models with."""
        return _file("page.html")

    @routes.get("/page/{name}", include_in_schema=False)
    @routes.get("/docs/page/{name}", include_in_schema=False)  # what `/docs/` leads to
    async def file(name: str) -> Response:
        if name not in _FILES:
            raise HttpError(404, "the page has no such file", None)
        return _file(name)

    return routes


def _file(name: str) -> Response:
    kind = _TYPES[name[name.rindex(".") :]]
    return Response(_FILES[name], media_type=kind, headers={"Content-Security-Policy": _POLICY})
