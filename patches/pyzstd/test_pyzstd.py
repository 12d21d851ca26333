import io

import pytest
import pyzstd
from backports.zstd import _zstd

DATA = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(5000))


def test_compiled_core_of_backports_zstd_is_in_use():
    assert _zstd.__file__.endswith(".so")
    assert pyzstd.ZstdError is _zstd.ZstdError
    assert pyzstd.zstd_version == _zstd.zstd_version


def test_round_trip():
    packed = pyzstd.compress(DATA, 19)
    assert len(packed) < len(DATA) / 4
    assert pyzstd.get_frame_info(packed).decompressed_size == len(DATA)
    assert pyzstd.decompress(packed) == DATA


def test_seekable_files():
    buffer = io.BytesIO()
    with pyzstd.SeekableZstdFile(buffer, "wb", max_frame_content_size=10_000) as file:
        file.write(DATA)
    buffer.seek(0)
    with pyzstd.SeekableZstdFile(buffer) as file:
        file.seek(100_000)
        assert file.read(50) == DATA[100_000:100_050]


def test_damage_is_noticed():
    packed = bytearray(pyzstd.compress(DATA, {pyzstd.CParameter.checksumFlag: 1}))
    packed[-1] ^= 1
    with pytest.raises(pyzstd.ZstdError, match="checksum"):
        pyzstd.decompress(packed)
