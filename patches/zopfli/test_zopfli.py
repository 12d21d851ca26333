import struct
import zlib

import pytest
import zopfli
from zopfli import gzip, png
from zopfli import zlib as zopfli_zlib

DATA = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(300))


def test_it_is_compiled():
    assert zopfli.zopfli.__file__.endswith(".so")


def test_zlib_reads_it_and_it_is_smaller():
    packed = zopfli_zlib.compress(DATA, numiterations=5)
    assert zlib.decompress(packed) == DATA
    assert len(packed) < len(zlib.compress(DATA, 9))
    assert zlib.decompress(gzip.compress(DATA, numiterations=5), wbits=31) == DATA


def _chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_png():
    side = 64
    rows = b"".join(b"\x00" + bytes((x * y) % 256 for x in range(side)) for y in range(side))
    image = b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(rows, 1)),
            _chunk(b"IEND", b""),
        ]
    )
    smaller = png.optimize(image)
    assert smaller[:8] == image[:8]
    assert len(smaller) < len(image)
    assert struct.unpack(">II", smaller[16:24]) == (side, side)


def test_errors():
    with pytest.raises(ValueError):
        png.optimize(b"no image")
    with pytest.raises(TypeError):
        zopfli_zlib.compress(1)
