import io

import lz4
import lz4.block
import lz4.frame
import pytest
from lz4.block import _block
from lz4.frame import _frame

DATA = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(5000))


def test_compiled_core_is_in_use():
    assert lz4.block.compress is _block.compress
    assert lz4.frame.compress is _frame.compress
    assert lz4.library_version_number() >= 10904


@pytest.mark.parametrize("options", [{}, {"mode": "high_compression", "compression": 12}, {"mode": "fast"}])
def test_blocks(options):
    packed = lz4.block.compress(DATA, **options)
    assert len(packed) < len(DATA) / 3
    assert lz4.block.decompress(packed) == DATA


def test_a_known_block():
    # One sequence: five literals.
    assert lz4.block.decompress(b"\x50hello", uncompressed_size=5) == b"hello"
    # One literal, a match of nine at distance one, then the five last literals.
    assert lz4.block.decompress(b"\x15a\x01\x00\x50bbbbb", uncompressed_size=15) == b"a" * 10 + b"b" * 5


def test_frames():
    packed = lz4.frame.compress(DATA, content_checksum=True, compression_level=9)
    assert packed[:4] == b"\x04\x22\x4d\x18"
    assert lz4.frame.get_frame_info(packed)["content_size"] == len(DATA)
    assert lz4.frame.decompress(packed) == DATA
    target = io.BytesIO()
    with lz4.frame.open(target, "wb") as file:
        file.write(DATA)
    target.seek(0)
    with lz4.frame.open(target) as file:
        assert file.read() == DATA


def test_damage_is_noticed():
    packed = bytearray(lz4.frame.compress(DATA, content_checksum=True))
    packed[-1] ^= 1
    with pytest.raises(RuntimeError, match="ERROR_contentChecksum_invalid"):
        lz4.frame.decompress(bytes(packed))
    with pytest.raises(lz4.block.LZ4BlockError):
        lz4.block.decompress(b"\xf0", uncompressed_size=10)
