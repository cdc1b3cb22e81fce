"""Connections that cost a server something before a request has come, and after its answer has gone.

uvicorn waits without end for headers, and for whoever does not read. Here both have a clock, and the number of
connections has a limit: where it is reached, the connection that has been silent longest makes room.
"""

import asyncio
import json
import logging
import time
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from visus.server.headers import STRICT
from visus.server.limits import HEADER_BYTES, LONG_HEADERS

HEADER_SECONDS = 10.0
"""Seconds in which the headers of a request must have come."""

_WRITE_SECONDS = 10.0  # after which it is looked how much of an answer was taken
_WRITE_RATE = 20_000  # bytes a second that must be taken

_log = logging.getLogger("visus.server")


class Connection(HttpToolsProtocol):
    """A connection with clocks; :attr:`most` is set before the first one is made.

    Attributes:
        most: Connections at the same time.
    """

    most = 1000
    _told = 0.0  # when it was last said that they are too many

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; where there are too many, the one that is silent longest ends."""
        self._silent_since = time.monotonic()
        self._answering: RequestResponseCycle | None = None  # of several requests in a row, the cycle is the last one's
        self._header_bytes = 0
        self._is_draining = False
        self._unsent = 0
        self._header_clock: asyncio.TimerHandle | None = None
        self._write_clock: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._await_headers()
        if len(self.connections) > self.most:
            self._make_room()

    def _make_room(self) -> None:
        silent = [own for own in self.connections if isinstance(own, Connection) and own.is_silent and own is not self]
        now = time.monotonic()
        if now - Connection._told > 1:  # a line a second is enough
            Connection._told = now
            _log.warning("more than %d connections; %d of them are silent, and are ended", self.most, len(silent))
        if silent:
            min(silent, key=lambda own: own._silent_since).transport.abort()
        else:
            self._refuse(503, "There are too many connections; come again in a moment.")

    @property
    def is_silent(self) -> bool:
        """Whether no request is being worked on."""
        return self.cycle is None or self.cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone: the clocks stop."""
        self._stop_header_clock()
        if self._write_clock:
            self._write_clock.cancel()
        for cycle in (self._answering, *(cycle for cycle, _ in self.pipeline)):
            if cycle:
                cycle.disconnected = True
                cycle.message_event.set()
        super().connection_lost(exc)

    # Headers -----------------------------------------------------------------------------------------------------

    def _await_headers(self) -> None:
        if self._header_clock is None:
            self._header_clock = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _stop_header_clock(self) -> None:
        if self._header_clock:
            self._header_clock.cancel()
        self._header_clock = None

    def _too_slow(self) -> None:
        if not self._header_bytes or self._is_draining:  # nobody asked for anything, or has the answer
            self.transport.close()
            return
        self._refuse(408, f"The headers of a request did not come within {HEADER_SECONDS:g} s.")

    def data_received(self, data: bytes) -> None:
        """Take what came; headers that never end are refused."""
        if self._header_clock and not self._is_draining:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_clock and self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
            self._refuse(431, LONG_HEADERS)

    def on_message_begin(self) -> None:
        """The first line of a request is coming."""
        super().on_message_begin()
        self._silent_since = time.monotonic()
        self._header_bytes = 0
        self._await_headers()

    def on_headers_complete(self) -> None:
        """All of them are there."""
        self._stop_header_clock()
        super().on_headers_complete()
        if not self.pipeline:
            self._answering = self.cycle

    def on_message_complete(self) -> None:
        """The body has come whole, perhaps after its answer."""
        super().on_message_complete()
        self._stop_header_clock()
        self._is_draining = False
        if self.is_silent:
            self._header_bytes = 0
            self._await_headers()

    def on_response_complete(self) -> None:
        """The answer has gone, perhaps before the body has come: the rest is thrown away, and has a clock too."""
        unread = self._answering is self.cycle and self.cycle.more_body
        if self.pipeline:
            self._answering = self.pipeline[-1][0]
        super().on_response_complete()
        if unread and not self.transport.is_closing():
            self._is_draining = True
            self._await_headers()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: who asks for another protocol gets an answer in this one."""

    def send_400_response(self, msg: str) -> None:
        """What came is no request."""
        self._stop_header_clock()
        self._refuse(400, msg)

    def _refuse(self, status: int, sentence: str) -> None:
        """Send one sentence and end."""
        if self.transport.is_closing():
            return
        body = json.dumps({"error": sentence}).encode()
        more: list[tuple[bytes, bytes]] = [(b"retry-after", b"1")] if status == 503 else []
        lines = [b"HTTP/1.1 %d Refused" % status, b"content-type: application/json", b"connection: close"]
        lines += [name + b": " + value for name, value in (*STRICT, *more)]
        lines += [b"content-length: %d" % len(body), b"", body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    # Answers -----------------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """More is to be sent than the other side takes."""
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._write_clock = self.loop.call_later(_WRITE_SECONDS, self._look_at_writing)

    def resume_writing(self) -> None:
        """It has been taken."""
        if self._write_clock:
            self._write_clock.cancel()
        self._write_clock = None
        super().resume_writing()

    def _look_at_writing(self) -> None:
        left = self.transport.get_write_buffer_size()
        if self._unsent - left < _WRITE_RATE * _WRITE_SECONDS:
            self.transport.abort()
            return
        self._unsent = left
        self._write_clock = self.loop.call_later(_WRITE_SECONDS, self._look_at_writing)


def protocol(most: int) -> type[Connection]:
    """The protocol of a server.

    Args:
        most: Connections at the same time.
    """
    return cast(type[Connection], type("LimitedConnection", (Connection,), cast(dict[str, Any], {"most": most})))
