"""Read element segments: which functions a module puts into which slots of its table.

Format: WebAssembly core specification, "Element Section" in chapter "Binary Format".
"""

from dataclasses import dataclass

from pywasm_binary.cursor import Cursor
from pywasm_binary.types import ConstValue, read_const_expr, read_value_type

_PASSIVE, _EXPLICIT, _EXPRESSIONS = 1, 2, 4
_REF_FUNC, _REF_NULL, _END = 0xD2, 0xD0, 0x0B


@dataclass(frozen=True, kw_only=True)
class ElementSegment:
    """Hold one segment: `functions` are function indices, None where a slot is null or not a plain function.

    `table` is None for a passive or declared segment, `offset` is None too, or if it is not a simple i32.
    """

    table: int | None
    offset: ConstValue | None
    functions: tuple[int | None, ...]


def read_element_segment(cursor: Cursor) -> ElementSegment:
    """Read one entry of the element section."""
    flags = cursor.u32()
    if flags > 7:
        cursor.fail(f"element segment with flags {flags}")
    table: int | None = None
    offset: ConstValue | None = None
    if not flags & _PASSIVE:
        table = cursor.u32() if flags & _EXPLICIT else 0
        offset = read_const_expr(cursor)
    if flags & (_PASSIVE | _EXPLICIT):
        _skip_element_type(cursor, expressions=bool(flags & _EXPRESSIONS))
    count = cursor.count("elements")
    if flags & _EXPRESSIONS:
        functions = tuple(_read_function_expr(cursor) for _ in range(count))
    else:
        read = cursor.u32
        functions = tuple([read() for _ in range(count)])
    return ElementSegment(table=table, offset=offset, functions=functions)


def _skip_element_type(cursor: Cursor, *, expressions: bool) -> None:
    if expressions:
        read_value_type(cursor)
    elif (kind := cursor.u8()) != 0:
        cursor.fail(f"element kind {kind}")


def _read_function_expr(cursor: Cursor) -> int | None:
    if cursor.peek() != _REF_FUNC:
        read_const_expr(cursor)
        return None
    cursor.u8()
    function = cursor.u32()
    if cursor.u8() != _END:
        cursor.fail("an element expression goes on after ref.func")
    return function
