"""What goes wrong with a request: a status and a kind from one table, and one line of text."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple


class _Row(NamedTuple):
    """A kind of error: `kind` is TEI's `error_type`, `type` and `code` are OpenAI's, `about` is for the description."""

    status: int
    kind: str
    type: str
    code: str | None
    about: str
    headers: Mapping[str, str] = {}


_OPENAI = re.compile(r"/v1/|(?<!/api)/embeddings$")  # paths of OpenAI's routes
_INVALID = "invalid_request_error"
_RETRY = {"Retry-After": "1"}


class Fault(Enum):
    """All kinds of errors that are answered."""

    NOT_JSON = _Row(400, "Validation", _INVALID, None, "Not JSON, nothing to do, or a header that cannot be right")
    BAD_HEAD = _Row(400, "Validation", _INVALID, None, NOT_JSON.about)
    EMPTY = _Row(400, "Empty", _INVALID, None, NOT_JSON.about)
    UNAUTHORIZED = _Row(
        401, "Validation", _INVALID, "invalid_api_key", "The key is missing or wrong", {"WWW-Authenticate": "Bearer"}
    )
    NO_MODEL = _Row(404, "Validation", _INVALID, "model_not_found", "No model of this name")
    SLOW = _Row(408, "Validation", _INVALID, None, "The body did not arrive in time")
    TOO_LARGE = _Row(413, "Validation", _INVALID, "request_too_large", "Over a limit, which the message names")
    NOT_PLAIN = _Row(415, "Validation", _INVALID, None, "Not plain JSON: of another type, or compressed")
    OTHER_HOST = _Row(421, "Validation", _INVALID, None, "The Host is not one that this server answers for")
    UNPROCESSABLE = _Row(422, "Validation", _INVALID, None, "Read, but cannot be right; the message says where")
    WRONG_MODEL = _Row(424, "Backend", _INVALID, "model_not_supported", "The model does not do this")
    OVERLOADED = _Row(
        429, "Overloaded", "rate_limit_error", "rate_limit_exceeded", "More at once than the server may take on", _RETRY
    )
    GONE = _Row(499, "Gone", _INVALID, None, "The client has left (nginx's status, for the log)")
    INTERNAL = _Row(500, "Backend", "server_error", None, "A fault of the server's")
    UNAVAILABLE = _Row(503, "Unhealthy", "server_error", None, "Not warm yet, ending, or out of time", _RETRY)


ANSWERED = [fault.value for fault in Fault if fault not in (Fault.GONE, Fault.INTERNAL)]


class RequestError(Exception):
    """A request that is refused: why, one line for whoever sent it, and the field of the body that it is about."""

    def __init__(self, fault: Fault, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.field = field
        self.status = fault.value.status
        self.headers = fault.value.headers

    def body(self, path: str) -> dict[str, Any]:
        """TEI's form of an error; OpenAI's on the routes that are OpenAI's."""
        row = self.fault.value
        if _OPENAI.search(path):
            return {"error": {"message": str(self), "type": row.type, "param": self.field, "code": row.code}}
        return {"error": str(self), "error_type": row.kind}


class HttpError(RequestError):
    """What the framework found: no such route, or no such method."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None) -> None:
        super().__init__(Fault.NOT_JSON, message)
        self.status = status
        self.headers = headers or {}
