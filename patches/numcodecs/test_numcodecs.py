import zlib

import numcodecs
import numpy as np
import pytest
from numcodecs import _shuffle, blosc, compat_ext, fletcher32, jenkins, lz4, vlen, zstd

NUMBERS = np.arange(10_000, dtype=np.int32)


def test_the_modules_are_compiled():
    modules = (_shuffle, blosc, compat_ext, fletcher32, jenkins, lz4, vlen, zstd)
    assert all(module.__file__.endswith(".so") for module in modules)


@pytest.mark.parametrize("name", ["blosclz", "lz4", "lz4hc", "zlib", "zstd"])
@pytest.mark.parametrize("shuffling", [numcodecs.Blosc.NOSHUFFLE, numcodecs.Blosc.SHUFFLE, numcodecs.Blosc.BITSHUFFLE])
def test_blosc(name, shuffling):
    codec = numcodecs.Blosc(name, clevel=5, shuffle=shuffling)
    packed = codec.encode(NUMBERS)
    if shuffling:
        # As they are, the bytes have no four in a row twice.
        assert len(packed) < NUMBERS.nbytes / 4
    np.testing.assert_array_equal(np.frombuffer(codec.decode(packed), np.int32), NUMBERS)


def test_more_threads_than_there_are():
    # So much that Blosc would divide it among the threads.
    many = np.arange(1_000_000)
    before = blosc.set_nthreads(4)
    try:
        codec = numcodecs.Blosc("zstd", clevel=1)
        np.testing.assert_array_equal(np.frombuffer(codec.decode(codec.encode(many)), many.dtype), many)
    finally:
        blosc.set_nthreads(before)


def test_formats_of_others():
    assert zlib.decompress(numcodecs.Zlib().encode(NUMBERS)) == NUMBERS.tobytes()
    # The magic number of a zstd frame.
    assert bytes(numcodecs.Zstd().encode(NUMBERS))[:4] == b"\x28\xb5\x2f\xfd"


def test_checksums_and_texts():
    assert jenkins.jenkins_lookup3(b"Four score and seven years ago", 0) == 0x17770551
    texts = np.array(["one", "\u00e9t\u00e9", ""], dtype=object)
    codec = numcodecs.VLenUTF8()
    assert codec.decode(codec.encode(texts)).tolist() == texts.tolist()


def test_errors():
    with pytest.raises(RuntimeError):
        numcodecs.Zstd().decode(b"no frame")
    with pytest.raises(RuntimeError):
        numcodecs.Fletcher32().decode(b"12345678")
