import msgpack
import pytest
from msgpack import _cmsgpack, fallback

# From the MessagePack specification, and the example of its front page.
KNOWN = [
    ({"compact": True, "schema": 0}, "82a7636f6d70616374c3a6736368656d6100"),
    (-1, "ff"),
    (2**64 - 1, "cfffffffffffffffff"),
    (1.5, "cb3ff8000000000000"),
    (b"\x00\xff", "c40200ff"),
    ([None, "\u20ac"], "92c0a3e282ac"),
]


def test_compiled_core_is_in_use():
    assert msgpack.Packer is _cmsgpack.Packer
    assert msgpack.Unpacker is _cmsgpack.Unpacker


@pytest.mark.parametrize(("value", "packed"), KNOWN)
def test_known_bytes(value, packed):
    assert msgpack.packb(value).hex() == packed
    assert msgpack.unpackb(bytes.fromhex(packed)) == value


def test_compiled_and_pure_agree():
    value = {"list": list(range(-200, 70000, 1111)), "text": "x" * 300, "nested": [{"a": [1.25, None]}] * 20}
    packed = msgpack.packb(value)
    assert packed == fallback.Packer().pack(value)
    assert fallback.unpackb(packed) == msgpack.unpackb(packed) == value


def test_timestamps_and_extension_types():
    stamp = msgpack.Timestamp(1, 500_000_000)
    assert msgpack.unpackb(msgpack.packb(stamp)) == stamp
    assert msgpack.unpackb(msgpack.packb(msgpack.ExtType(42, b"abc"))) == msgpack.ExtType(42, b"abc")


def test_streams_and_errors():
    unpacker = msgpack.Unpacker()
    unpacker.feed(msgpack.packb(1) + msgpack.packb([2])[:1])
    assert list(unpacker) == [1]
    with pytest.raises(msgpack.ExtraData):
        msgpack.unpackb(b"\x01\x02")
    with pytest.raises(OverflowError):
        msgpack.packb(2**64)
