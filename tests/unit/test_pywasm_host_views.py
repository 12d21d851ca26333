"""Views of values: mapped where the host can, else a copy that is written back."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pytest

import pywasm_host as host
from pywasm_host.backend import answered_by
from pywasm_host.local_backend import LocalCall, World, find_entry
from pywasm_host.views import PAGE


class Mapping(LocalCall):
    """Map as a host does that can: here it copies the value in when it is mapped, and back at the end."""

    def __init__(self) -> None:
        super().__init__(World(), "0" * 32, find_entry(lambda: None), b"")
        self.mapped: list[tuple[str, int, int]] = []

    def map_state(self, key: str, address: int, size: int) -> None:
        self.write_state_range(key, size, 0, b"")
        ctypes.memmove(address, self.read_state(key), size)
        self.mapped.append((key, address, size))

    def write_state_range(self, key: str, total: int, offset: int, content: bytes) -> None:
        assert not self.mapped, "a value that is mapped is not written"
        super().write_state_range(key, total, offset, content)


class Copying(Mapping):
    def map_state(self, key: str, address: int, size: int) -> None:
        return LocalCall.map_state(self, key, address, size)


@pytest.fixture(params=[Mapping, Copying])
def answer(request: pytest.FixtureRequest) -> Iterator[Any]:
    answer = request.param()
    with answered_by(answer):
        yield answer


@pytest.fixture
def mapping() -> Iterator[Mapping]:
    answer = Mapping()
    with answered_by(answer):
        yield answer


@pytest.fixture
def copying() -> Iterator[Copying]:
    answer = Copying()
    with answered_by(answer):
        yield answer


@pytest.mark.parametrize("length", [1, 10, PAGE - 1, PAGE, PAGE + 1])
def test_a_view_has_the_value(answer: Mapping, length: int) -> None:
    host.write_state("k", b"abc".ljust(length, b"\0")[:length])
    with host.state_view("k") as view:
        assert (len(view), view.format, view.readonly) == (length, "B", False)
        assert bytes(view) == host.read_state("k")
    assert host.state_size("k") == length


def test_a_view_makes_a_value_and_lets_it_grow(answer: Mapping) -> None:
    with host.state_view("new", 5) as view:
        assert bytes(view) == bytes(5)
    host.write_state("old", b"ab")
    answer.mapped.clear()
    with host.state_view("old", 4) as view:
        assert bytes(view) == b"ab\0\0"
    assert host.state_size("old") == 4


def test_a_view_of_the_begin_leaves_the_rest(answer: Mapping) -> None:
    host.write_state("k", b"abcdef")
    with host.state_view("k", 2) as view:
        view[:] = b"AB" if isinstance(answer, Copying) else view[:]
    assert host.state_size("k") == 6
    assert host.read_state("k").endswith(b"cdef")


def test_the_mapped_region_is_whole_pages(mapping: Mapping) -> None:
    host.write_state("k", bytes(PAGE + 1))
    with host.state_view("k"):
        ((key, address, size),) = mapping.mapped
        assert (key, address % PAGE, size) == ("k", 0, PAGE + 1)


def test_a_copy_is_written_back_even_after_an_exception(copying: Copying) -> None:
    host.write_state("k", b"abc")
    with host.state_view("k") as view:
        view[0] = ord("X")
        assert host.read_state("k") == b"abc"
    assert host.read_state("k") == b"Xbc"
    with pytest.raises(ZeroDivisionError), host.state_view("k") as view:
        view[1] = ord("Y")
        1 / 0  # noqa: B018
    assert host.read_state("k") == b"XYc"


def test_a_view_ends_with_its_block(answer: Mapping) -> None:
    with host.state_view("k", 3) as view:
        pass
    with pytest.raises(ValueError, match="released"):
        view[0]


def test_an_array_that_lives_longer_does_not_point_at_freed_memory(answer: Mapping) -> None:
    with host.state_view("k", 1 << 20) as view:
        array = (ctypes.c_char * (1 << 20)).from_buffer(view)
    answer.mapped.clear()
    for _ in range(3):
        with host.state_view("other", 1 << 20) as view:
            if isinstance(answer, Copying):
                view[:] = b"x" * (1 << 20)
        answer.mapped.clear()
    assert bytes(array) == bytes(1 << 20)


def test_an_empty_view(answer: Mapping) -> None:
    with host.state_view("k", 0) as view:
        assert bytes(view) == b""
    assert host.read_state("k") == b""


def test_a_value_that_is_not_there(answer: Mapping) -> None:
    with pytest.raises(host.NotFound, match="'k' has no value"), host.state_view("k"):
        pass


@pytest.mark.parametrize("size", [-1, 1 << 32])
def test_sizes_that_no_value_has(answer: Mapping, size: int) -> None:
    with pytest.raises(ValueError, match="size must be between 0 and 4 GiB"), host.state_view("k", size):
        pass
