"""Read value types, function types, limits and constant expressions.

Value types are kept as their own encoding (the byte 0x7f is i32), so that they can be compared and written
again. Formats: WebAssembly core specification, "Types" and "Expressions" in chapter "Binary Format".
"""

from dataclasses import dataclass

from pywasm_binary.cursor import Cursor
from pywasm_binary.limits import MAX_TYPE_PARAMETERS, MAX_TYPE_RESULTS

I32, I64, F32, F64, V128 = b"\x7f", b"\x7e", b"\x7d", b"\x7c", b"\x7b"
FUNCREF, EXTERNREF, EXNREF = b"\x70", b"\x6f", b"\x69"

_VALUE_TYPES = {
    I32: "i32",
    I64: "i64",
    F32: "f32",
    F64: "f64",
    V128: "v128",
    FUNCREF: "funcref",
    EXTERNREF: "externref",
    EXNREF: "exnref",
}
_BY_BYTE = {encoding[0]: encoding for encoding in _VALUE_TYPES}
_FUNCTION_FORM = 0x60
_LIMITS_HAS_MAXIMUM, _LIMITS_SHARED, _LIMITS_64 = 1, 2, 4


@dataclass(frozen=True, kw_only=True)
class FuncType:
    """Hold a function's parameter and result types, each an encoded value type."""

    params: tuple[bytes, ...]
    results: tuple[bytes, ...]

    def __str__(self) -> str:
        params, results = (", ".join(_VALUE_TYPES[t] for t in types) for types in (self.params, self.results))
        return f"({params}) -> ({results})"


@dataclass(frozen=True, kw_only=True)
class GlobalType:
    """Hold a global's encoded value type and whether it can be written."""

    value: bytes
    mutable: bool


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Hold the size of a table (slots) or a memory (pages of 64 KiB)."""

    minimum: int
    maximum: int | None
    shared: bool
    is_64: bool


@dataclass(frozen=True, kw_only=True)
class ConstValue:
    """Hold what a constant expression computes where it is i32 and simple: `addend` plus a global's value."""

    base_global: int | None
    addend: int


def read_value_type(cursor: Cursor) -> bytes:
    """Read a value type; types of the garbage collection proposal are refused."""
    byte = cursor.peek()
    encoding = _BY_BYTE.get(byte)
    if encoding is None:
        cursor.fail(f"value type 0x{byte:02x} is not supported")
    cursor.u8()
    return encoding


def read_func_type(cursor: Cursor) -> FuncType:
    """Read an entry of the type section; struct, array, rec and sub forms are refused."""
    form = cursor.u8()
    if form != _FUNCTION_FORM:
        cursor.fail(f"type form 0x{form:02x} is not supported (only functions are)")
    params = tuple(read_value_type(cursor) for _ in range(cursor.count("parameters", MAX_TYPE_PARAMETERS)))
    results = tuple(read_value_type(cursor) for _ in range(cursor.count("results", MAX_TYPE_RESULTS)))
    return FuncType(params=params, results=results)


def read_global_type(cursor: Cursor) -> GlobalType:
    """Read a value type and its mutability."""
    value = read_value_type(cursor)
    mutable = cursor.u8()
    if mutable > 1:
        cursor.fail(f"mutability {mutable}")
    return GlobalType(value=value, mutable=mutable == 1)


def read_limits(cursor: Cursor) -> Limits:
    """Read a minimum and, if there is one, a maximum."""
    flags = cursor.u8()
    if flags & ~(_LIMITS_HAS_MAXIMUM | _LIMITS_SHARED | _LIMITS_64):
        cursor.fail(f"limits with flags 0x{flags:02x}")
    is_64 = bool(flags & _LIMITS_64)
    read = cursor.u64 if is_64 else cursor.u32
    minimum = read()
    maximum = read() if flags & _LIMITS_HAS_MAXIMUM else None
    return Limits(minimum=minimum, maximum=maximum, shared=bool(flags & _LIMITS_SHARED), is_64=is_64)


def read_const_expr(cursor: Cursor) -> ConstValue | None:
    """Read a constant expression up to its end; None if its value is not a simple i32."""
    stack: list[ConstValue | None] = []
    while (opcode := cursor.u8()) != 0x0B:
        if opcode == 0x41:
            stack.append(ConstValue(base_global=None, addend=cursor.signed(32)))
        elif opcode == 0x23:
            stack.append(ConstValue(base_global=cursor.u32(), addend=0))
        elif opcode == 0x6A:
            _add(cursor, stack)
        else:
            _skip_constant(cursor, opcode)
            stack.append(None)
    return stack[0] if len(stack) == 1 else None


def _add(cursor: Cursor, stack: list[ConstValue | None]) -> None:
    if len(stack) < 2:
        cursor.fail("a constant expression adds what is not there")
    right, left = stack.pop(), stack.pop()
    if left is None or right is None or (left.base_global is not None and right.base_global is not None):
        stack.append(None)
        return
    base = right.base_global if left.base_global is None else left.base_global
    stack.append(ConstValue(base_global=base, addend=left.addend + right.addend))


def _skip_constant(cursor: Cursor, opcode: int) -> None:
    if opcode == 0x42:  # i64.const
        cursor.signed(64)
    elif opcode == 0x43:  # f32.const
        cursor.take(4)
    elif opcode == 0x44:  # f64.const
        cursor.take(8)
    elif opcode == 0xD0:  # ref.null
        cursor.signed(33)
    elif opcode == 0xD2:  # ref.func
        cursor.u32()
    elif opcode == 0xFD:  # v128.const is 0xfd 12
        if cursor.u32() != 12:
            cursor.fail("an instruction that is not constant")
        cursor.take(16)
    elif opcode not in (
        0x6B,
        0x6C,
        0x7C,
        0x7D,
        0x7E,
    ):  # extended constants: i32.sub, i32.mul, i64.add/sub/mul
        cursor.fail(f"instruction 0x{opcode:02x} in a constant expression")
