import crc32c
import pytest
from crc32c import _crc32c


def test_compiled_core_is_in_use():
    assert crc32c.crc32c is _crc32c.crc32c
    # WebAssembly has no instruction for it.
    assert not crc32c.hardware_based


def test_known_values():
    # The check value of CRC-32C, and the vectors of RFC 3720, B.4.
    assert crc32c.crc32c(b"123456789") == 0xE3069283
    assert crc32c.crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c.crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c.crc32c(bytes(range(32))) == 0x46DD794E


def test_parts_and_whole_agree():
    data = bytes(range(256)) * 40
    checksum = 0
    for start in range(0, len(data), 97):
        checksum = crc32c.crc32c(data[start : start + 97], checksum)
    assert checksum == crc32c.crc32c(data) == crc32c.CRC32CHash(data).checksum


def test_errors():
    with pytest.raises(TypeError):
        crc32c.crc32c("text")
