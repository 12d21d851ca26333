"""Messages between processes: whatever arrives, it is a message or an error, and no memory is taken for promises."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_runtime.functions import frames
from pywasm_runtime.functions.frames import Channel, Frame, FrameDecoder, FrameError, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.text().filter(lambda name: name not in ("kind", "parts")), JSON, max_size=4)
FRAMES = st.builds(
    lambda kind, fields, parts: Frame(kind=kind, fields=fields, parts=tuple(parts)),
    st.text(),
    FIELDS,
    st.lists(st.binary(max_size=200), max_size=3),
)


@given(st.lists(FRAMES, max_size=4), st.integers(1, 50))
def test_frames_come_out_as_they_went_in_however_cut(sent: list[Frame], piece: int) -> None:
    content = b"".join(map(encode, sent))
    decoder = FrameDecoder()
    got = [frame for start in range(0, len(content), piece) for frame in decoder.feed(content[start : start + piece])]
    assert got == sent
    assert decoder.is_between_frames


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_an_error(content: bytes) -> None:
    try:
        list(FrameDecoder().feed(content))
    except FrameError as error:
        assert str(error)


@given(FRAMES, st.data())
def test_a_changed_byte_is_a_frame_or_an_error(frame: Frame, data: st.DataObject) -> None:
    content = bytearray(encode(frame))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        list(FrameDecoder().feed(bytes(content)))
    except FrameError as error:
        assert str(error)


def raw(header: bytes, content: bytes = b"") -> bytes:
    return struct.pack("<II", len(header), len(content)) + header + content


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<II", frames.MAX_HEADER_BYTES + 1, 0),
        struct.pack("<II", 0, frames.MAX_PARTS_BYTES + 1),
        raw(b"not JSON"),
        raw(b"[]"),
        raw(b"{}"),
        raw(b'{"kind": 5, "parts": []}'),
        raw(b'{"kind": "x"}'),
        raw(b'{"kind": "x", "parts": [-1, 1]}'),
        raw(b'{"kind": "x", "parts": [true]}', b"1"),
        raw(b'{"kind": "x", "parts": [1e0]}', b"1"),
        raw(b'{"kind": "x", "parts": [2]}', b"1"),
        raw(b'{"kind": "x", "parts": []}', b"1"),
        raw(b"[" * 100_000),
        raw(b"\xff\xfe"),
    ],
)
def test_wrong_frames_are_refused(content: bytes) -> None:
    with pytest.raises(FrameError):
        list(FrameDecoder().feed(content))


def test_what_nobody_would_take_is_not_sent() -> None:
    with pytest.raises(FrameError, match="too large"):
        encode(Frame(kind="x", fields={"text": "x" * frames.MAX_HEADER_BYTES}))


def test_a_channel_waits_no_longer_than_it_is_told() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel = Channel(ours)
        with pytest.raises(TimeoutError):
            channel.receive(0.01)
        theirs.sendall(encode(Frame(kind="half"))[:5])
        with pytest.raises(TimeoutError):
            channel.receive(0.01)
        theirs.sendall(encode(Frame(kind="half"))[5:] + encode(Frame(kind="next")))
        assert [channel.receive(5), channel.receive(0)] == [Frame(kind="half"), Frame(kind="next")]
        theirs.close()
        assert channel.receive() is None


def test_a_large_frame_passes_while_the_other_side_is_slow() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frame = Frame(kind="large", parts=(bytes(5 << 20), b"\0end"))
        sender = threading.Thread(target=lambda: Channel(ours).send(frame))
        sender.start()
        time.sleep(0.01)
        assert Channel(theirs).receive(30) == frame
        sender.join()
