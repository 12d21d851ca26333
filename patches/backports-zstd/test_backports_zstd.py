import io
import tarfile

import pytest
from backports import zstd
from backports.zstd import _zstd

DATA = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(5000))


def test_compiled_core_is_in_use():
    assert zstd.ZstdCompressor is _zstd.ZstdCompressor
    assert zstd.zstd_version_info >= (1, 5, 0)


@pytest.mark.parametrize("level", [-5, 3, 19])
def test_round_trip(level):
    packed = zstd.compress(DATA, level)
    assert len(packed) < len(DATA) / 4
    assert zstd.get_frame_info(packed).decompressed_size == len(DATA)
    assert zstd.decompress(packed) == DATA


def test_a_known_frame():
    # A frame with one raw block: magic, header (single segment, 5 bytes), block header, content.
    assert zstd.decompress(bytes.fromhex("28b52ffd 20 05 290000") + b"hello") == b"hello"


def test_dictionaries():
    samples = [b"name=%d;value=%d;" % (n, n * n) * 3 for n in range(2000)]
    trained = zstd.train_dict(samples, 4096)
    packed = zstd.compress(samples[7], zstd_dict=trained)
    assert zstd.decompress(packed, zstd_dict=trained) == samples[7]
    with pytest.raises(zstd.ZstdError):
        zstd.decompress(packed)


def test_archives():
    buffer = io.BytesIO()
    with zstd.open(buffer, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("data")
        member.size = len(DATA)
        archive.addfile(member, io.BytesIO(DATA))
    buffer.seek(0)
    with zstd.open(buffer) as file, tarfile.open(fileobj=file) as archive:
        assert archive.extractfile("data").read() == DATA


def test_damage_is_noticed():
    packed = bytearray(zstd.compress(DATA, options={zstd.CompressionParameter.checksum_flag: 1}))
    packed[-1] ^= 1
    with pytest.raises(zstd.ZstdError, match="checksum"):
        zstd.decompress(packed)
