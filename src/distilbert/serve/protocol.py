"""HTTP/1.1 as uvicorn and httptools speak it, with what they leave out of RFC 9110 and 9112, and with limits.

- An offer to upgrade (`h2c`, `websocket`) is passed over and the request answered, its body whole (9110, 7.8).
- Trailers are read past, and never become headers (9110, 6.5.1).
- Requests sent at once (pipelined) are answered in turn; what follows them is parsed when they are done.
- Heads, framing and trailers are bounded in bytes; heads, and answers that nobody takes, in time.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 1 << 16  # bytes of a request's line and headers
_PIECE = 1 << 12  # bytes parsed at once: limits are looked at after each piece
_MOST_AHEAD = 1 << 16  # bytes that are kept of the requests that follow one at work
_FRAMING = 8  # bytes around a body's chunks, for each byte of the body: a chunk of one byte has five
_OFFER = (b"upgrade", b"http2-settings")


class Protocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        head_seconds: for a head, from when the connection is made or from the first byte of a later request; also
            for the rest of a body whose request has been refused.
        reader_seconds, reader_bytes: for a client to take its answer, beside a second for each so many bytes of it.
        most_connections: where there are more, the one whose request has been awaited the longest is closed.
    """

    head_seconds = 10.0
    reader_seconds = 20.0
    reader_bytes = 100_000
    most_connections = 1000

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unread = bytearray()  # received, and not parsed yet
        self._in_head = True
        self._in_message = False
        self._offered = False  # the head that is under way offers to upgrade
        self._excess = 0  # bytes of the head, or of the body's framing and trailers
        self._body_bytes = 0  # of the piece that is being parsed
        self._refusal = ""  # what to say when the requests before are answered
        self._deadline: asyncio.TimerHandle | None = None
        self._reader: asyncio.TimerHandle | None = None

    # ---- the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's is
        super().connection_made(transport)
        self.flow = _Flow(transport, self._unread)
        self._expect()
        if len(self.connections) > self.most_connections:
            self._make_room()

    def _make_room(self) -> None:
        """Close the connections that have been idle the longest; where none are, those whose bodies have come so long.

        A twentieth of the most at once, so that a flood of connections is not a search for each.
        """
        others = [each for each in self.connections if isinstance(each, Protocol) and each is not self]
        closed = [each for each in others if not each._answering and not each._in_message]
        closed = closed or [each for each in others if not each._answering or each.cycle.more_body]
        for each in sorted(closed, key=lambda each: each._since)[: 1 + self.most_connections // 20] or [self]:
            self.connections.discard(each)  # its end is told later, and more may come until then
            each.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._reader):
            if timer is not None:
                timer.cancel()
        self._unread.clear()
        self.pipeline.clear()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader is not None and not self.transport.is_closing():
            self._reader.cancel()
            self._reader = None

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_reader(0)

    def _watch_reader(self, size: int) -> None:
        """Give the client time to take `size` bytes and what else is on the way; then the connection is cut."""
        if self._reader is None:
            self._reader = self.loop.call_later(self.reader_seconds + size / self.reader_bytes, self.transport.abort)

    # ---- what comes

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._unread += data
        self._parse()

    def _parse(self) -> None:
        """Parse what was received, up to the end of the first request that has to wait for another."""
        while self._unread and not self.pipeline and not self._refusal and self.parser is not None:
            piece = bytes(self._unread[:_PIECE])
            del self._unread[:_PIECE]
            began_in_head, began_with = self._in_head, self.cycle
            self._body_bytes = 0
            if not self._feed(piece):
                return
            if self._in_head is not began_in_head or self.cycle is not began_with:
                continue  # something ended in this piece; what began in it is counted from the next one on
            self._excess += len(piece) - (0 if began_in_head else (1 + _FRAMING) * self._body_bytes)
            if self._excess > MOST_HEAD:
                self._refuse("The head of the request is too long, or what stands around its body.")
        if len(self._unread) > _MOST_AHEAD:
            self.flow.pause_reading()

    def _feed(self, piece: bytes) -> bool:
        """Whether the piece could be parsed."""
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            return self._feed(self._head_without_offer() + piece[offer.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(_no_request(piece, error))
            return False
        return True

    def _head_without_offer(self) -> bytes:
        """The head that was parsed last as if nothing had been offered in it, for a parser that begins anew."""
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name not in _OFFER]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._in_message = True
        self._offered = False
        self._excess = 0
        self._expect()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # not a trailer
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("this is no proxy")
            self._offered = True
            return
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise ValueError("another HTTP")
        if version == "1.0":
            self.expect_100_continue = False  # which such a client does not understand (9110, 10.1.1)
        if not self.url.startswith(b"/"):
            self._take_host_of_target()
        super().on_headers_complete()
        self._in_head = False
        self._excess = 0
        self._expect_no_more()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._offered:
            return
        self._in_head, self._in_message = True, False
        self._excess = 0
        self._expect_no_more()
        super().on_message_complete()
        if self.cycle.response_complete:  # it was refused before its body had come; uvicorn waits for the next one
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _take_host_of_target(self) -> None:
        """A target in absolute form says which host is meant, whatever the header says (9112, 3.2.2)."""
        target = httptools.parse_url(self.url)
        if target.userinfo:
            raise ValueError("a name or a password before the host")
        if target.host:
            if target.schema.lower() not in (b"http", b"https"):
                raise ValueError("another scheme than HTTP's")
            host = target.host + (b":%d" % target.port if target.port else b"")
            self.headers[:] = [(name, host if name == b"host" else value) for name, value in self.headers]
            whole = b"*" if self.parser.get_method() == b"OPTIONS" and not target.query else b"/"  # 9112, 3.2.4
            self.url = (target.path or whole) + (b"?" + target.query if target.query else b"")

    # ---- what goes

    def on_response_complete(self) -> None:
        following = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_reader(self.transport.get_write_buffer_size())
        elif self._refusal and not following:
            self.send_400_response(self._refusal)
        elif self._in_message and not self._in_head and not following:
            self._expect()  # the rest of a body that nobody wants
        elif self._unread:
            self._unset_keepalive_if_required()
            self._parse()
            if len(self.cycle.body) <= HIGH_WATER_LIMIT:
                self.flow.resume_reading()

    @property
    def _answering(self) -> bool:
        """Whether a request that came before on this connection is still at work."""
        return self.cycle is not None and not self.cycle.response_complete

    def _expect(self) -> None:
        """From now on the rest of the head, or of the body, has to come in time."""
        self._expect_no_more()
        self._since = self.loop.time()
        self._deadline = self.loop.call_later(self.head_seconds, self._late)

    def _expect_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        if self._in_head and self._answering:  # nothing may be read meanwhile
            self._expect()
        elif self._in_head:
            self._refuse("The head of the request came too slowly.")
        else:
            self.transport.abort()

    def _refuse(self, message: str) -> None:
        """Say what is wrong with what came last and hang up, when what came before it is answered."""
        self._expect_no_more()
        self._unread.clear()
        if self._in_message and not self._in_head:  # it is at work already, or waits for its turn
            if self.pipeline:
                self.pipeline.popleft()
                self._refusal = message
            elif self.cycle.response_started:
                self.transport.abort()
            else:
                self.send_400_response(message)
        elif self._answering:
            self._refusal = message
        elif not self.transport.is_closing():
            self.send_400_response(message)

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self._watch_reader(0)


def _no_request(piece: bytes, error: httptools.HttpParserError) -> str:
    """What to say of bytes that are no HTTP/1.1."""
    if piece.startswith(b"\x16\x03"):
        return "This port speaks plain HTTP, not TLS: write http:// in the address."
    if piece.startswith(b"PRI * HTTP/2"):
        return "HTTP/2 is not spoken here: use HTTP/1.1."
    return f"Not a request of HTTP/1.1: {error.__context__ or error}."


class _Flow(FlowControl):
    """uvicorn's, which does not read on while much of what was read waits to be parsed."""

    def __init__(self, transport: asyncio.Transport, unread: bytearray) -> None:
        super().__init__(transport)
        self._unread = unread

    def resume_reading(self) -> None:
        if len(self._unread) <= _MOST_AHEAD:
            super().resume_reading()
