"""Stand in for a guest: its memory, and how it passes arguments and takes what the host gives."""

from __future__ import annotations

from pywasm_host.abi import HOST_FUNCTIONS, Kind, Result
from pywasm_runtime.functions.host_binding import HostBinding

FUNCTIONS = {function.name: function for function in HOST_FUNCTIONS}
_ARGUMENTS_AT, _RESULT_AT = 64, 1 << 17


class GuestMemory:
    """Be a guest's memory of 256 KiB."""

    def __init__(self) -> None:
        self.content = bytearray(1 << 18)

    def read(self, address: int, length: int) -> bytes | None:
        if address + length > len(self.content):
            return None
        return bytes(self.content[address : address + length])

    def write(self, address: int, content: bytes) -> bool:
        if address + len(content) > len(self.content):
            return False
        self.content[address : address + len(content)] = content
        return True


class Refused(Exception):
    """Carry the code and message of an error that the guest got."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class FakeGuest:
    """Call the bound functions with texts, bytes and numbers, as pywasm_host's binding does."""

    def __init__(self, target: object) -> None:
        self.memory = GuestMemory()
        self.binding = HostBinding(self.memory, target)

    def raw(self, name: str, *words: int) -> int:
        """Call a function with its i32 parameters."""
        assert len(words) == FUNCTIONS[name].wasm_parameters
        return self.binding.body(name)(*words)

    def call(self, name: str, *values: str | bytes | int) -> bytes | int:
        """Call a function; raise Refused for an error."""
        function, words, place = FUNCTIONS[name], [], _ARGUMENTS_AT
        for parameter, value in zip(function.parameters, values, strict=True):
            if isinstance(value, int):
                words.append(value)
                continue
            content = value.encode() if isinstance(value, str) else value
            assert self.memory.write(place, content)
            assert parameter.kind is not Kind.U32
            words += [place, len(content)]
            place += len(content)
        result = self.raw(name, *words)
        if result < 0:
            raise Refused(-result, self.taken(self.raw("error")).decode())
        return self.taken(result) if function.result is Result.DATA else result

    def taken(self, length: int) -> bytes:
        """Take what is in the host's hand."""
        assert self.raw("take", _RESULT_AT, length) == 0
        return bytes(self.memory.content[_RESULT_AT : _RESULT_AT + length])
