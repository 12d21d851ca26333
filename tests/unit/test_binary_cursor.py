"""Numbers and names, read from hostile bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_binary.cursor import Cursor
from pywasm_binary.errors import MalformedModule
from pywasm_binary.writer import name, sleb, uleb


@given(st.integers(0, 2**32 - 1))
def test_unsigned_numbers_come_back(number: int) -> None:
    assert Cursor(uleb(number)).u32() == number


@given(st.integers(0, 2**64 - 1))
def test_unsigned_long_numbers_come_back(number: int) -> None:
    assert Cursor(uleb(number)).u64() == number


@given(st.integers(-(2**31), 2**31 - 1))
def test_signed_numbers_come_back(number: int) -> None:
    assert Cursor(sleb(number)).signed(32) == number


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_long_numbers_come_back(number: int) -> None:
    assert Cursor(sleb(number)).signed(64) == number


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "unexpected end"),
        (b"\x80", "unexpected end"),
        (b"\x80\x80\x80\x80\x80\x00", "more than 5 bytes"),
        (b"\xff\xff\xff\xff\x1f", "32 bits"),
    ],
)
def test_bad_unsigned_numbers_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedModule, match=reason):
        Cursor(raw).u32()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xff\xff\xff\xff\x00", "more than 5 bytes"),
        (b"\x80\x80\x80\x80\x08", "32 signed bits"),
        (b"\xff\xff\xff\xff\x77", "32 signed bits"),
    ],
)
def test_bad_signed_numbers_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedModule, match=reason):
        Cursor(raw).signed(32)


def test_a_padded_number_is_accepted() -> None:
    # wasm-ld pads relocatable numbers to five bytes
    assert Cursor(b"\x81\x80\x80\x80\x00").u32() == 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x05ab", "5 bytes announced, 2 left"),
        (b"\x02\xff\xfe", "not UTF-8"),
        (b"\xff\xff\xff\x7f", "a name of"),
    ],
)
def test_bad_names_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedModule, match=reason):
        Cursor(raw).name()


def test_an_error_says_where_in_the_module() -> None:
    cursor = Cursor(name("abc"), origin=100)
    assert cursor.name() == "abc"
    with pytest.raises(MalformedModule, match="byte 104") as caught:
        cursor.u8()
    assert caught.value.offset == 104


def test_a_count_larger_than_what_is_left_is_refused_before_anything_is_made() -> None:
    with pytest.raises(MalformedModule, match="4294967295 imports announced, 1 bytes left"):
        Cursor(b"\xff\xff\xff\xff\x0f\x00").count("imports")
