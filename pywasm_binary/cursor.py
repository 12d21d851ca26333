"""Read integers, names and vectors from untrusted bytes, with every bound checked.

Formats: WebAssembly core specification, chapter "Binary Format", sections "Values" and "Conventions".
"""

from typing import NoReturn

from pywasm_binary.errors import MalformedModule
from pywasm_binary.limits import MAX_NAME_BYTES

U32_MAX_BYTES = 5
U64_MAX_BYTES = 10


class Cursor:
    """Walk over `data`; `origin` is where it starts within its module, for messages."""

    __slots__ = ("_data", "_origin", "_pos")

    def __init__(self, data: bytes, origin: int = 0) -> None:
        self._data = data
        self._origin = origin
        self._pos = 0

    @property
    def offset(self) -> int:
        """Give the position in bytes from the start of the module."""
        return self._origin + self._pos

    @property
    def remaining(self) -> int:
        """Count the bytes that are left."""
        return len(self._data) - self._pos

    def fail(self, reason: str) -> NoReturn:
        """Raise MalformedModule for this position."""
        raise MalformedModule(self.offset, reason)

    def u8(self) -> int:
        """Read one byte."""
        pos = self._pos
        if pos >= len(self._data):
            self.fail("unexpected end")
        self._pos = pos + 1
        return self._data[pos]

    def peek(self) -> int:
        """Look at the next byte without taking it."""
        if self._pos >= len(self._data):
            self.fail("unexpected end")
        return self._data[self._pos]

    def u32(self) -> int:
        """Read an unsigned LEB128 number of at most 32 bits."""
        pos = self._pos
        data = self._data
        if pos < len(data) and (byte := data[pos]) < 0x80:  # most numbers take one byte
            self._pos = pos + 1
            return byte
        return self._unsigned(32, U32_MAX_BYTES)

    def u64(self) -> int:
        """Read an unsigned LEB128 number of at most 64 bits."""
        return self._unsigned(64, U64_MAX_BYTES)

    def _unsigned(self, bits: int, max_bytes: int) -> int:
        value = 0
        for index in range(max_bytes):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if value >> bits:
                    self.fail(f"number does not fit in {bits} bits")
                return value
        self.fail(f"number takes more than {max_bytes} bytes")

    def signed(self, bits: int) -> int:
        """Read a signed LEB128 number of at most `bits` bits (32, 33 or 64)."""
        value = 0
        for index in range((bits + 6) // 7):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if byte & 0x40:
                    value -= 1 << (7 * (index + 1))
                if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
                    self.fail(f"number does not fit in {bits} signed bits")
                return value
        self.fail(f"number takes more than {(bits + 6) // 7} bytes")

    def count(self, what: str, maximum: int | None = None) -> int:
        """Read how many `what` follow; each takes a byte at least, so more than the bytes left is refused."""
        count = self.u32()
        if count > self.remaining:
            self.fail(f"{count} {what} announced, {self.remaining} bytes left")
        if maximum is not None and count > maximum:
            self.fail(f"{count} {what}, more than {maximum}")
        return count

    def take(self, length: int) -> bytes:
        """Read `length` bytes."""
        pos = self._pos
        if not 0 <= length <= len(self._data) - pos:
            self.fail(f"{length} bytes announced, {self.remaining} left")
        self._pos = pos + length
        return self._data[pos : pos + length]

    def name(self) -> str:
        """Read a length and that many bytes of UTF-8."""
        length = self.u32()
        if length > MAX_NAME_BYTES:
            self.fail(f"a name of {length} bytes")
        raw = self.take(length)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.fail("a name is not UTF-8")

    def finish(self, what: str) -> None:
        """Check that nothing is left of `what`."""
        if self.remaining:
            self.fail(f"{self.remaining} bytes left over in {what}")
