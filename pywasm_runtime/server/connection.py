"""Keep connections from being held for nothing: by clients that dribble headers, never read their answer, or just stay.

The time that a body takes is not bounded here but in request_guard, where it can be answered.
"""

import asyncio
import socket
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

_LOOK_SECONDS = 5.0
_LOOKS = 4


class BoundedConnection(H11Protocol):
    """Speak HTTP on one connection; end it where nothing moves for `looks` times `look_seconds`."""

    most: ClassVar[int] = 1000
    look_seconds: ClassVar[float] = _LOOK_SECONDS
    looks: ClassVar[int] = _LOOKS
    _timer: asyncio.TimerHandle | None = None
    _seen: tuple[object, ...] = ()
    _still = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a connection over the number of them is ended at once."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
            return
        # Headers and body are written one after the other: the second would wait 40 ms for the client's
        # acknowledgement. asyncio sees to it only for sockets that were made with the protocol's number.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._timer = self.loop.call_later(self.look_seconds, self._look)

    def _look(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        answering = self.cycle is not None and not self.cycle.response_complete
        now = (self.cycle, answering, unsent)
        moves = now != self._seen or (answering and not unsent)
        self._still = 0 if moves else self._still + 1
        self._seen = now
        if self._still >= self.looks:
            self.transport.abort()
        else:
            self._look_later()


def bounded_connection(most: int) -> type[BoundedConnection]:
    """Give the class of connections of which there may be `most` at once."""
    return type("BoundedConnection", (BoundedConnection,), {"most": most})
