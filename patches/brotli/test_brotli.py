import _brotli
import brotli
import pytest

DATA = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(5000))


def test_compiled_core_is_in_use():
    assert brotli.Compressor is _brotli.Compressor
    assert brotli.decompress is _brotli.decompress


@pytest.mark.parametrize("quality", [0, 5, 11])
def test_round_trip(quality):
    packed = brotli.compress(DATA, quality=quality)
    assert len(packed) < len(DATA) / 4
    assert brotli.decompress(packed) == DATA


def test_known_streams():
    # RFC 7932: an empty last meta-block, and an uncompressed one of five bytes before it.
    assert brotli.decompress(b"\x06") == b""
    assert brotli.decompress(b"\x0b\x02\x80hello\x03") == b"hello"


def test_parts():
    compressor, packed = brotli.Compressor(mode=brotli.MODE_TEXT), b""
    for start in range(0, len(DATA), 1000):
        packed += compressor.process(DATA[start : start + 1000])
    packed += compressor.finish()
    decompressor = brotli.Decompressor()
    assert b"".join(decompressor.process(packed[i : i + 50]) for i in range(0, len(packed), 50)) == DATA
    assert decompressor.is_finished()


def test_damage_is_noticed():
    with pytest.raises(brotli.error):
        brotli.decompress(brotli.compress(DATA)[:-5])
