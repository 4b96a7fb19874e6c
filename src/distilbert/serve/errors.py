"""What goes wrong with a request, as TEI tells it: a status, a kind and one line."""

from collections.abc import Mapping
from typing import Any, ClassVar


class RequestError(Exception):
    """Base. `kind` is TEI's error_type; `headers` go with the answer."""

    status = 400
    kind = "Validation"
    headers: ClassVar[Mapping[str, str]] = {}

    def body(self, path: str) -> dict[str, Any]:
        """TEI's form of an error; OpenAI's on the routes that are OpenAI's."""
        if "/v1/" in path:
            return {"error": {"message": str(self), "type": self.kind, "param": None, "code": self.status}}
        return {"error": str(self), "error_type": self.kind}


class HttpError(RequestError):
    """What the framework found: no such route, or no such method."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}  # type: ignore[misc]  # of the class elsewhere


class EmptyError(RequestError):
    """Nothing to do: an empty list of texts."""

    kind = "Empty"


class UnauthorizedError(RequestError):
    """The key is missing or wrong."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class NoSuchModelError(RequestError):
    """A name under which nothing is served."""

    status = 404


class TooSlowError(RequestError):
    """The body did not arrive in time."""

    status = 408


class TooLargeError(RequestError):
    """Over a limit: bytes, texts, tokens."""

    status = 413


class NotJsonError(RequestError):
    """A body in a form that is not read, such as a compressed one."""

    status = 415


class UnprocessableError(RequestError):
    """Read, but cannot be right."""

    status = 422


class WrongModelError(RequestError):
    """The model does not do this."""

    status = 424
    kind = "Backend"


class OverloadedError(RequestError):
    """Too many requests at once."""

    status = 429
    kind = "Overloaded"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class GoneError(RequestError):
    """The client has left; the answer goes nowhere (the status is nginx's, for the log)."""

    status = 499
    kind = "Gone"


class InternalError(RequestError):
    """A fault of the server's own."""

    status = 500
    kind = "Backend"


class UnavailableError(RequestError):
    """Not warm yet, ending, or out of time."""

    status = 503
    kind = "Unhealthy"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}
