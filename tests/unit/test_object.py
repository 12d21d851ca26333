"""Symbol tables of objects and members of archives, good ones and malformed ones."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywasm_binary import MalformedModule
from pywasm_binary.object import (
    AR_MAGIC,
    DATA,
    FUNCTION,
    SECTION,
    TAG,
    defined_names,
    objects_in,
    read_archive,
    read_symbols,
)
from pywasm_binary.sections import HEADER
from tests.unit.wasm_objects import (
    EXPLICIT_NAME,
    HIDDEN,
    LOCAL,
    UNDEFINED,
    WEAK,
    Entry,
    ar_archive,
    ar_header,
    ar_member,
    defining,
    wasm_object,
)

MIXED = wasm_object(
    Entry(name="defined"),
    Entry(name="hidden", flags=HIDDEN),
    Entry(name="weak", flags=WEAK),
    Entry(name="static", flags=LOCAL),
    Entry(name="imported", flags=UNDEFINED),
    Entry(name="renamed", flags=UNDEFINED | EXPLICIT_NAME),
    Entry(name="maybe", flags=UNDEFINED | WEAK),
    Entry(name="datum", kind=DATA),
    Entry(name="other_datum", kind=DATA, flags=UNDEFINED),
    Entry(name="", kind=SECTION, flags=LOCAL),
    Entry(name="__cpp_exception", kind=TAG),
)


def test_each_symbol_has_the_letter_of_nm() -> None:
    assert {symbol.name: symbol.letter for symbol in read_symbols(MIXED)} == {
        "defined": "T",
        "hidden": "T",
        "weak": "W",
        "static": "t",
        "imported": "U",
        "renamed": "U",
        "maybe": "w",
        "datum": "D",
        "other_datum": "U",
        "__cpp_exception": "D",
    }


def test_others_may_use_what_is_defined_and_not_local() -> None:
    assert defined_names(MIXED) == {"defined", "hidden", "weak", "datum"}
    assert defined_names(MIXED, kinds=(DATA,)) == {"datum"}
    assert defined_names(MIXED, kinds=(TAG,)) == {"__cpp_exception"}


def test_a_module_that_is_not_relocatable_has_no_symbols() -> None:
    assert read_symbols(HEADER) == ()


def test_an_unknown_version_or_kind_is_refused() -> None:
    with pytest.raises(MalformedModule, match="linking section of version 3, not 2"):
        read_symbols(wasm_object(version=3))
    with pytest.raises(MalformedModule, match="symbol kind 9 is not known"):
        read_symbols(wasm_object(Entry(name="x", kind=9)))


def test_an_archive_gives_its_members_without_its_indexes() -> None:
    long = "a-name-that-does-not-fit.o"
    data = ar_archive(("one.o", defining("one")), (long, defining("two")), ("notes.txt", b"odd"))
    assert [name for name, _ in read_archive(data)] == ["one.o", long, "notes.txt"]
    assert [name for name, _ in objects_in(data)] == ["one.o", long]
    assert defined_names(data) == {"one", "two"}


def test_one_object_is_taken_as_itself() -> None:
    assert list(objects_in(MIXED)) == [("", MIXED)]


def test_an_empty_archive_has_no_members() -> None:
    assert list(read_archive(AR_MAGIC)) == []


MEMBER = ar_member("one.o/", defining("one"))
BAD = {
    "not an ar archive": MIXED,
    "byte 8: no valid ar header": AR_MAGIC + ar_header("x/", "many"),
    "no valid ar header": AR_MAGIC + ar_header("x/", 0).replace(b"`", b" "),
    f"byte {8 + len(MEMBER)}: no valid ar header": AR_MAGIC + MEMBER + b"rest",
    "name would be at byte 7 of the names": AR_MAGIC + ar_member("/7", b""),
    "ar member of 999 bytes, 3 left": AR_MAGIC + ar_header("x/", 999) + b"abc",
    "malformed wasm module at byte 8: no valid": AR_MAGIC + ar_header("x/", -1) + b"abc",
}


@pytest.mark.parametrize("reason", BAD)
def test_malformed_archives_are_refused(reason: str) -> None:
    with pytest.raises(MalformedModule, match=reason):
        list(read_archive(BAD[reason]))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_gives_an_answer_or_our_error(data: st.DataObject) -> None:
    raw = bytearray(ar_archive(("one.o", MIXED), ("a-name-that-does-not-fit.o", defining("two"))))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(8, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedModule):
        defined_names(bytes(raw)[: data.draw(st.integers(8, len(raw)))])


def test_kinds_are_those_of_the_tool_conventions() -> None:
    assert (FUNCTION, DATA, SECTION, TAG) == (0, 1, 3, 4)
