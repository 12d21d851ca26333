"""Pass messages between the supervisor and its processes: a JSON header and raw bytes, each with its length.

On the wire: two little-endian u32 (length of the header, length of all parts), the header, the parts. The header is a
JSON object; its `kind` names the message, its `parts` gives the length of each part. Nothing is ever unpickled.
"""

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_HEADER_BYTES = 4 << 20
MAX_PARTS_BYTES = 3 << 29  # the largest output and logs that a function may be allowed
_LENGTHS = struct.Struct("<II")
_RECEIVE_BYTES = 1 << 18


class FrameError(Exception):
    """Say what is wrong with received bytes: the other side is broken, and the connection of no more use."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Hold one message; `fields` is what JSON can hold, `parts` are bytes as they are."""

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[bytes, ...] = ()


def encode(frame: Frame) -> bytes:
    """Give a frame's bytes; FrameError if it is larger than a receiver would take."""
    lengths = [len(part) for part in frame.parts]
    header = json.dumps({**frame.fields, "kind": frame.kind, "parts": lengths}, separators=(",", ":")).encode()
    if len(header) > MAX_HEADER_BYTES or sum(lengths) > MAX_PARTS_BYTES:
        raise FrameError(f"a message {frame.kind!r} of {len(header)} + {sum(lengths)} bytes is too large")
    return b"".join((_LENGTHS.pack(len(header), sum(lengths)), header, *frame.parts))


class FrameDecoder:
    """Turn received bytes into frames, however they were cut on the way."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def is_between_frames(self) -> bool:
        """Tell whether the end of the connection may come now."""
        return not self._buffer

    def feed(self, received: bytes) -> Iterator[Frame]:
        """Give each frame that is complete with `received`; FrameError if the bytes are none."""
        self._buffer += received
        while (frame := self._take()) is not None:
            yield frame

    def _take(self) -> Frame | None:
        if len(self._buffer) < _LENGTHS.size:
            return None
        header_bytes, parts_bytes = _LENGTHS.unpack_from(self._buffer)
        if header_bytes > MAX_HEADER_BYTES or parts_bytes > MAX_PARTS_BYTES:
            raise FrameError(f"a message of {header_bytes} + {parts_bytes} bytes was announced: too large")
        start = _LENGTHS.size + header_bytes
        if len(self._buffer) < start + parts_bytes:
            return None
        with memoryview(self._buffer) as view:
            frame = _parse(bytes(view[_LENGTHS.size : start]), view[start : start + parts_bytes])
        del self._buffer[: start + parts_bytes]
        return frame


def _parse(header: bytes, content: memoryview) -> Frame:
    try:
        fields = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a message's header is not JSON: {error}") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
        raise FrameError("a message's header names no kind")
    kind, lengths = fields.pop("kind"), fields.pop("parts", None)
    # type() and not isinstance: True is no length
    if not isinstance(lengths, list) or not all(type(length) is int and length >= 0 for length in lengths):
        raise FrameError(f"a message {kind[:40]!r} has no list of its parts' lengths")
    if sum(lengths) != len(content):
        raise FrameError(f"the parts of a message {kind[:40]!r} do not add up to its {len(content)} bytes")
    parts, start = [], 0
    for length in lengths:
        parts.append(bytes(content[start : start + length]))
        start += length
    return Frame(kind=kind, fields=fields, parts=tuple(parts))


class Channel:
    """Send and receive frames over a blocking socket. Any thread may send, one receives."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._decoder = FrameDecoder()
        self._received: list[Frame] = []
        self._sending = threading.Lock()
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def send(self, frame: Frame) -> None:
        """Send one frame; OSError if the other side is gone."""
        content = encode(frame)
        with self._sending:
            self._connection.sendall(content)

    def receive(self, seconds: float | None = None) -> Frame | None:
        """Wait for a frame, None at the end of the connection; TimeoutError after `seconds`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._received:
            if deadline is not None and not self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            content = self._connection.recv(_RECEIVE_BYTES)
            if not content:
                return None
            self._received.extend(self._decoder.feed(content))
        return self._received.pop(0)
