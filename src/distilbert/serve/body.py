"""A request's body: read in time, within the limits, and checked against the route's schema."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.types import Receive

from .budget import Share
from .errors import Fault, RequestError

SMALL = 1 << 12  # bytes: a larger body is parsed off the event loop, where hundreds may come at once
LARGE = 1 << 16  # bytes: a larger body is counted against the budget of bodies, and waits for none that is smaller
_STILL_SECONDS = 5.0  # that a large body may make no progress for
_MESSAGES = {  # in place of pydantic's, which name our own types
    "extra_forbidden": "not known here; /docs has what is",
    "model_type": "Input should be an object",
}
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # one that does not end reaches to the end


async def read_body(
    headers: Mapping[bytes, bytes], receive: Receive, share: Share, *, most: int, seconds: float
) -> bytes:
    """The whole body.

    A body of up to 64 KB waits in its connection, whose buffer is no larger. What is larger takes its length from
    the budget before it is read.

    Raises RequestError where it is not plain JSON, too large, too slow, or the client has left, and as `Share.take`.
    """
    _check_type(headers)
    length = headers.get(b"content-length", b"0")
    stated = int(length[:20]) if length.isdigit() else 0
    if stated > most:
        raise RequestError(Fault.TOO_LARGE, f"the body has {stated} bytes, more than the {most} of --max-bytes")
    taken = LARGE
    if stated > taken:
        share.take(stated)
        taken = stated
    content = bytearray()
    pause = None if stated <= LARGE else _STILL_SECONDS
    try:
        async with asyncio.timeout(seconds):
            while True:
                if pause is None:
                    message = await receive()
                else:
                    async with asyncio.timeout(pause):
                        message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestError(Fault.GONE, "the client has left")
                content += message.get("body", b"")
                if len(content) > most:
                    raise RequestError(Fault.TOO_LARGE, f"the body has more than the {most} bytes of --max-bytes")
                if len(content) > taken:
                    share.take(len(content) - taken if taken > LARGE else len(content))
                    taken, pause = len(content), _STILL_SECONDS
                if not message.get("more_body", False):
                    return bytes(content)
    except TimeoutError:
        limit = f"within {seconds:g} seconds" if pause is None else f"in {seconds:g} seconds, or paused for {pause:g}"
        raise RequestError(Fault.SLOW, f"the body did not arrive {limit}") from None


def _check_type(headers: Mapping[bytes, bytes]) -> None:
    """Raises RequestError for what is not said to be JSON, so that no web page can send it as a form, or compressed."""
    coding = headers.get(b"content-encoding", b"").strip().lower()
    framing = headers.get(b"transfer-encoding", b"chunked").strip().lower()
    if coding not in (b"identity", b"") or framing != b"chunked":
        raise RequestError(Fault.NOT_PLAIN, "compressed bodies are not read; send plain JSON without Content-Encoding")
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json" and not (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    ):
        raise RequestError(Fault.NOT_PLAIN, "send JSON, and with it 'Content-Type: application/json'")


def parsed(kind: TypeAdapter[Any], content: bytes, most_items: int) -> Any:
    """The body. What is wrong with it is told without the body itself: it may be long, secret, or no JSON.

    Raises RequestError.
    """
    if not content:
        raise RequestError(Fault.UNPROCESSABLE, "the body is empty")
    _check_items(content, most_items)
    try:
        text = content.decode("utf-8-sig")  # in other encodings the bytes that are counted above mean something else
    except UnicodeDecodeError as error:
        raise RequestError(Fault.NOT_JSON, f"the body is not UTF-8 (byte {error.start})") from None
    try:
        # not pydantic's own parser, which refuses the unpaired surrogates that JSON allows
        body = _JSON.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise RequestError(Fault.NOT_JSON, f"the body is not JSON: {error.msg} ({place})") from None
    except (ValueError, RecursionError) as error:
        what = "a number has thousands of digits" if isinstance(error, ValueError) else "it is nested too deep"
        raise RequestError(Fault.NOT_JSON, f"the body cannot be read: {what}") from None
    try:
        return kind.validate_python(body)
    except ValidationError as error:
        place, chosen = _furthest(body, error)
        what = _MESSAGES.get(chosen["type"], chosen["msg"][:300])
        raise RequestError(Fault.UNPROCESSABLE, f"{place[:200] or 'the body'}: {what}", place[:200] or None) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises RequestError where a name stands in it twice: others may read the other value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise RequestError(Fault.NOT_JSON, f"{twice[:200]}: stands twice in one object; give it once", twice[:200])
    return found


_JSON = json.JSONDecoder(object_pairs_hook=_object)


def _furthest(body: Any, error: ValidationError) -> tuple[str, ErrorDetails]:
    """Of the forms that a value may have, the error of the one that is right the furthest, and its place."""
    found = error.errors(include_url=False)
    places = [list(_place(body, each["loc"], missing=each["type"] == "missing")) for each in found]

    def depth(index: int) -> tuple[int, list[int], bool]:
        each, numbers = found[index], [part for part in places[index] if isinstance(part, int)]
        return len(places[index]), numbers, each["type"] == "string_type" and not isinstance(each["input"], int | float)

    deepest = max(range(len(found)), key=depth)
    chosen = found[deepest]
    named = [chosen["ctx"]["field"]] if chosen["type"] == "not_here" else []
    return ".".join(map(str, places[deepest] + named)), chosen


def _place(value: Any, location: tuple[Any, ...], *, missing: bool) -> Iterator[int | str]:
    """The parts of a location that are in the body, and what is missing there; others name forms that it may have."""
    for index, part in enumerate(location):
        if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int)):
            value = value[part]
            yield part
        elif missing and index == len(location) - 1:
            yield part


def _check_items(content: bytes, most: int) -> None:
    """Raises RequestError where JSON has more values than could be wanted, before they are built."""
    if len(content) <= most or _items(content) <= most:
        return
    # commas may stand in texts; where there are strings without end, they need not be looked into
    if content.count(b'"') > 2 * most or _items(_STRING.sub(b"", content)) > most:
        raise RequestError(
            Fault.TOO_LARGE, f"the body has more values in lists and objects than the {most} of --max-tokens"
        )


def _items(content: bytes) -> int:
    return content.count(b",") + content.count(b"[") + content.count(b"{")
