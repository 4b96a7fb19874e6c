"""Reading a request's body: in time, within the limit, as plain JSON."""

import asyncio

from starlette.types import Receive

from .errors import Fault, RequestError


async def read_body(headers: dict[bytes, bytes], receive: Receive, *, most: int, seconds: float) -> bytes:
    """The whole body. Raises RequestError where it is compressed, too large, too slow, or the client has left."""
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"identity", b""):
        raise RequestError(Fault.COMPRESSED, "compressed bodies are not read; send plain JSON")
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:20]) > most:
        raise RequestError(
            Fault.TOO_LARGE, f"the body has {length[:20].decode()} bytes, more than the {most} of --max-bytes"
        )
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestError(Fault.GONE, "the client has left")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise RequestError(Fault.TOO_LARGE, f"the body has more than the {most} bytes of --max-bytes")
                if not message.get("more_body", False):
                    return b"".join(parts) if len(parts) > 1 else parts[0]
    except TimeoutError:
        raise RequestError(Fault.SLOW, f"the body did not arrive within {seconds:g} seconds") from None
