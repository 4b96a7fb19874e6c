"""HTTP as uvicorn speaks it, with an end to heads of requests that are too long or do not come."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST_HEAD = 1 << 16  # bytes of a request's line and headers
_HEAD_SECONDS = 10.0


class Protocol(HttpToolsProtocol):
    """One connection. It is closed where a head has more than 64 KB or takes more than ten seconds.

    The ten seconds count from when the connection is made, and from the first byte of each later request;
    between requests uvicorn closes it after five.
    """

    head_seconds = _HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head = 0  # bytes of the head that is under way
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's is
        super().connection_made(transport)
        self._head_begins()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ends()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_begins()

    def on_headers_complete(self) -> None:
        self._head_ends()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is not None:  # the head is not whole yet
            self._head += len(data)
            if self._head > _MOST_HEAD:
                self._refuse()

    def _head_begins(self) -> None:
        self._head_ends()
        self._deadline = self.loop.call_later(self.head_seconds, self._late)

    def _head_ends(self) -> None:
        self._head = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    @property
    def _answering(self) -> bool:
        """Whether a request that came before on this connection is still at work."""
        return self.cycle is not None and not self.cycle.response_complete

    def _late(self) -> None:
        if self._answering:  # nothing may be read meanwhile
            self._head_begins()
        else:
            self._refuse()

    def _refuse(self) -> None:
        self._head_ends()
        if self._answering:
            self.transport.close()
        elif not self.transport.is_closing():
            self.send_400_response("The head of the request is too long, or too slow.")
