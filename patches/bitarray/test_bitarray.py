import pickle

import pytest
from bitarray import _bitarray, _util, bitarray, frozenbitarray, util


def test_compiled_core_is_in_use():
    assert bitarray.__mro__[0].__module__ in ("bitarray", "bitarray._bitarray")
    assert bitarray is _bitarray.bitarray
    assert util.count_and is _util.count_and


def test_bits_and_bytes():
    bits = bitarray("1011 0000 1", endian="big")
    assert bits.tobytes() == b"\xb0\x80"
    assert (bits.count(), bits.find(bitarray("00")), list(bits.search(bitarray("01")))) == (4, 4, [1, 7])
    assert ~bits == bitarray("010011110")
    assert bits[::2].to01() == "11001"
    assert bits << 2 == bitarray("110000100")


def test_util():
    assert util.ba2int(util.int2ba(2**200 + 1)) == 2**200 + 1
    assert util.ba2hex(bitarray("1010 0101", endian="big")) == "a5"
    assert util.count_xor(bitarray("1100"), bitarray("1010")) == 2
    code = util.huffman_code({"a": 5, "b": 2, "c": 1})
    bits = bitarray()
    bits.encode(code, "abacab")
    assert "".join(bits.decode(code)) == "abacab"
    assert util.sc_decode(util.sc_encode(bits)) == bits


def test_memory_and_pickles():
    bits = bitarray(80)
    bits.setall(0)
    memoryview(bits)[3] = 0xFF
    assert bits.count() == 8
    assert pickle.loads(pickle.dumps(bits)) == bits
    assert len({frozenbitarray("01"), frozenbitarray("01")}) == 1


def test_errors():
    with pytest.raises(ValueError):
        bitarray("012")
    with pytest.raises(IndexError):
        bitarray("01")[2]
