"""The guest's binding and the host's, one on the other: what one encodes the other decodes."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pywasm_host as host
from pywasm_host import backend
from pywasm_host.abi import HOST_FUNCTIONS, Kind
from pywasm_host.binding import GuestBinding, source
from pywasm_host.local_backend import LocalCall, World, find_entry
from pywasm_runtime.functions.errors import (
    Busy,
    CallFailed,
    Denied,
    FunctionError,
    LimitExceeded,
    NotFound,
    Unavailable,
)
from pywasm_runtime.functions.host_binding import HostBinding


class GuestMemory:
    """What the guest passes lies at made-up addresses; what the host writes goes where the guest's buffer is."""

    def __init__(self) -> None:
        self._addresses = itertools.count(1 << 16, 1 << 16)
        self._content: dict[int, bytes] = {}

    def place(self, content: bytes) -> int:
        address = next(self._addresses)
        self._content[address] = content
        return address

    def read(self, address: int, length: int) -> bytes | None:
        return self._content[address][:length]

    def write(self, address: int, content: bytes) -> bool:
        ctypes.memmove(address, content, len(content))
        return True


class Symbol:
    """Stand for a function that ctypes found; it keeps what the binding declares."""

    restype: Any = None
    argtypes: Any = ()

    def __init__(self, memory: GuestMemory, body: Callable[..., int], parameters: int) -> None:
        self._memory = memory
        self._body = body
        self._parameters = parameters

    def __call__(self, *arguments: Any) -> int:
        assert self.restype is ctypes.c_int32
        assert len(arguments) == len(self.argtypes) == self._parameters
        for kind, argument in zip(self.argtypes, arguments, strict=True):
            assert type(argument) is (bytes if kind is ctypes.c_char_p else int)
        return self._body(*[self._memory.place(one) if isinstance(one, bytes) else one for one in arguments])


def bind(target: object) -> GuestBinding:
    """Make the guest's binding on a host that has `target`."""
    memory = GuestMemory()
    binding = HostBinding(memory, target)
    symbols = {one.symbol: Symbol(memory, binding.body(one.name), one.wasm_parameters) for one in HOST_FUNCTIONS}
    return GuestBinding(symbols.__getitem__)


class Target(LocalCall):
    """Raise what it is told to as a host does; otherwise be a call."""

    error: Exception | None = None

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(World(config={"ü": "ö"}), "0" * 32, find_entry(lambda: None), content)

    def config(self, key: str) -> bytes:
        if self.error is not None:
            raise self.error
        return super().config(key)


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target(bytes(range(256)))
    with backend.answered_by(bind(target)):
        yield target


def test_bytes_are_exact(target: Target) -> None:
    assert host.read_input() == bytes(range(256))
    for content in (b"", b"\0", b"a\0b", bytes(100_000)):
        host.write_output(content)
        assert target.output == content
        host.write_state("k", content)
        assert host.read_state("k") == content


@pytest.mark.parametrize("content", [bytearray(b"abc"), memoryview(b"xabcx")[1:4], memoryview(b"a_b_c")[::2]])
def test_what_holds_bytes(target: Target, content: Any) -> None:
    host.write_state("k", content)
    assert host.read_state("k") == b"abc"


@pytest.mark.parametrize("content", [3, "text", None, [1]])
def test_what_holds_none(target: Target, content: Any) -> None:
    with pytest.raises(TypeError, match="must be bytes, not"):
        host.write_state("k", content)


def test_texts_and_numbers(target: Target) -> None:
    assert host.config("ü") == "ö"
    host.log("grüße", 30)
    assert target.logged == [(30, "grüße")]
    host.write_state_range("k", 3, b"xy", size=7)
    assert host.read_state("k") == b"\0\0\0xy\0\0"
    host.append_state("log", b"a" * 300)
    host.append_state("log", b"")
    assert host.read_appended("log") == [b"a" * 300, b""]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotFound("no ü"), host.NotFound),
        (LimitExceeded("too much"), host.LimitExceeded),
        (Denied("not yours"), host.AccessDenied),
        (Busy("later"), host.Busy),
        (CallFailed("it failed\nTraceback"), host.CallFailed),
        (Unavailable("cannot"), host.HostUnavailable),
        (FunctionError("something"), host.HostError),
    ],
)
def test_errors_come_with_their_message(target: Target, error: Exception, expected: type[Exception]) -> None:
    target.error = error
    with pytest.raises(expected) as caught:
        host.config("a")
    assert type(caught.value) is expected
    assert str(caught.value) == str(error)
    target.error = None
    assert host.config("ü") == "ö"


def test_without_a_function_host_there_is_one_error() -> None:
    def find(symbol: str) -> Any:
        raise AttributeError(symbol)

    with pytest.raises(host.HostUnavailable, match="there is no function host here: upload the module"):
        GuestBinding(find)
    with pytest.raises(host.HostUnavailable):
        GuestBinding()


def test_every_function_of_the_table_is_bound() -> None:
    binding = bind(Target())
    for function in HOST_FUNCTIONS:
        assert callable(getattr(binding, function.name))
        assert callable(getattr(Target(), function.name, None)) or function.name in ("take", "error")
    with pytest.raises(AttributeError, match="the host has no function read_sate"):
        binding.read_sate()


@pytest.mark.parametrize("function", HOST_FUNCTIONS, ids=lambda function: function.name)
def test_the_source_passes_each_parameter(function: Any) -> None:
    names = [parameter.name for parameter in function.parameters]
    assert source(function).startswith(f"def {function.name}({', '.join(names)}):\n")
    words = [
        word for p in function.parameters for word in ((p.name,) if p.kind is Kind.U32 else (p.name, f"len({p.name})"))
    ]
    assert f"call({', '.join(words)})" in source(function)
