"""Whatever the bytes are: an answer or MalformedModule, and soon."""

import time
from contextlib import suppress

import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from pywasm_binary import MalformedModule, WasmModule
from pywasm_binary.sections import HEADER
from pywasm_binary.writer import custom_section, dylink_section, name, section, uleb, vector
from tests.unit.test_binary_module import WAT

LONGEST_SECONDS = 1.0

DYLINK = dylink_section(
    [
        (1, b"".join(map(uleb, (100, 4, 3, 1)))),
        (2, vector([name("liba.so"), name("libb.so")])),
        (4, vector([name("env") + name("f") + uleb(1)])),
        (5, vector([name("$ORIGIN")])),
    ]
)
PLAIN = bytes(wasmtime.wat2wasm(WAT))
VALID = HEADER + DYLINK + PLAIN[len(HEADER) :] + custom_section("pywasm.abi", b"pywasm-1")


def read_everything(raw: bytes) -> None:
    """Use every part; a part that fails must not keep the others from being tried."""
    start = time.monotonic()
    with suppress(MalformedModule):
        module = WasmModule(raw)
        for part in (
            "types",
            "imports",
            "exports",
            "function_types",
            "globals",
            "elements",
            "slots",
            "dylink",
            "abi",
        ):
            with suppress(MalformedModule):
                getattr(module, part)
        with suppress(MalformedModule):
            for export in module.exports.values():
                with suppress(MalformedModule):
                    module.data_address(export)
                with suppress(MalformedModule):
                    module.func_type(export.index)
    assert time.monotonic() - start < LONGEST_SECONDS


def test_the_sample_is_valid() -> None:
    module = WasmModule(VALID)
    assert module.dylink is not None
    assert module.dylink.needed == ("liba.so", "libb.so")
    assert module.abi == "pywasm-1"
    assert set(module.exports) == {"data", "computed", "a", "b"}


def test_every_truncation() -> None:
    for length in range(len(VALID)):
        read_everything(VALID[:length])


def test_every_flipped_bit() -> None:
    for position in range(len(VALID)):
        for bit in range(8):
            raw = bytearray(VALID)
            raw[position] ^= 1 << bit
            read_everything(bytes(raw))


def test_the_longest_numbers_everywhere() -> None:
    for position in range(len(HEADER), len(VALID)):
        for number in (b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x80\x80", b"\xff\xff\xff\xff\xff"):
            read_everything(VALID[:position] + number + VALID[position + 1 :])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes(raw: bytes) -> None:
    read_everything(raw)
    read_everything(HEADER + raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(range(14)), st.binary(max_size=200))
def test_random_content_of_a_section(number: int, content: bytes) -> None:
    read_everything(HEADER + section(number, content))
    read_everything(HEADER + section(number, uleb(200) + content))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=60)), max_size=6))
def test_random_dylink_sections(parts: list[tuple[int, bytes]]) -> None:
    read_everything(HEADER + dylink_section(parts))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_edits_of_a_valid_module(data: st.DataObject) -> None:
    raw = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(raw) - 1))
        raw[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not raw:
            break
    read_everything(bytes(raw))
