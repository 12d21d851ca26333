"""Collect what a guest prints, up to a limit."""

from pywasm_runtime.wasi import NOTHING, Streams

_CUT = b"\n[cut here: more than %d bytes]\n"


class Capture:
    """Take the pieces of a stream; what exceeds `limit` bytes is dropped, and the end says so."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._cut = False

    def __call__(self, piece: bytes) -> None:
        """Take a piece."""
        room = self._limit - self._size
        if len(piece) > room:
            self._cut = True
            piece = piece[:room]
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)

    def content(self) -> bytes:
        """Give what was collected."""
        return b"".join(self._pieces) + (_CUT % self._limit if self._cut else b"")


class Captures:
    """Hold where the two streams go."""

    def __init__(self, limit: int) -> None:
        self.stdout = Capture(limit)
        self.stderr = Capture(limit)

    def streams(self) -> Streams:
        """Give the process's streams: nothing to read."""
        return Streams(
            stdin=NOTHING,
            stdout=lambda piece: self.stdout(piece),
            stderr=lambda piece: self.stderr(piece),
        )
