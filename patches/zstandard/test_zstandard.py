import io

import pytest
import zstandard
from zstandard import backend_c

DATA = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(5000))


def test_compiled_core_is_in_use():
    assert zstandard.backend == "cext"
    assert zstandard.ZstdCompressor is backend_c.ZstdCompressor


@pytest.mark.parametrize("level", [-5, 1, 3, 19])
def test_round_trip(level):
    packed = zstandard.ZstdCompressor(level=level, write_checksum=True).compress(DATA)
    assert packed[:4] == b"\x28\xb5\x2f\xfd"
    assert len(packed) < len(DATA) / 4
    assert zstandard.get_frame_parameters(packed).content_size == len(DATA)
    assert zstandard.ZstdDecompressor().decompress(packed) == DATA


def test_a_known_frame():
    # A frame with one raw block: magic, header (single segment, 5 bytes), block header, content.
    frame = bytes.fromhex("28b52ffd 20 05 290000") + b"hello"
    assert zstandard.ZstdDecompressor().decompress(frame) == b"hello"


def test_streams_and_dictionaries():
    samples = [b"name=%d;value=%d;" % (n, n * n) * 3 for n in range(2000)]
    dictionary = zstandard.train_dictionary(4096, samples)
    packed = zstandard.ZstdCompressor(dict_data=dictionary).compress(samples[7])
    assert zstandard.ZstdDecompressor(dict_data=dictionary).decompress(packed) == samples[7]
    target = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(target, closefd=False) as writer:
        for start in range(0, len(DATA), 1000):
            writer.write(DATA[start : start + 1000])
    target.seek(0)
    assert zstandard.ZstdDecompressor().stream_reader(target).read() == DATA


def test_damage_is_noticed():
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(DATA))
    packed[-1] ^= 1
    with pytest.raises(zstandard.ZstdError, match="checksum"):
        zstandard.ZstdDecompressor().decompress(bytes(packed))
