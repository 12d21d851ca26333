"""Write small wasm modules: the thunks of the dynamic linker, and custom sections.

A thunk stands in for a function that does not exist yet: it has the function's type and calls what a table
slot holds at that time.
"""

from collections.abc import Iterable, Sequence

from pywasm_binary import sections as ids
from pywasm_binary.sections import HEADER
from pywasm_binary.types import FUNCREF, FuncType

THUNK_TABLE = ("env", "table")
THUNK_BASE = ("env", "base")


def uleb(value: int) -> bytes:
    """Encode a number >= 0 as LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sleb(value: int) -> bytes:
    """Encode a signed number as LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def name(text: str) -> bytes:
    """Encode a name: its length and its UTF-8."""
    raw = text.encode("utf-8")
    return uleb(len(raw)) + raw


def vector(items: Sequence[bytes]) -> bytes:
    """Encode a count and the items."""
    return uleb(len(items)) + b"".join(items)


def section(section_id: int, content: bytes) -> bytes:
    """Encode a section."""
    return bytes([section_id]) + uleb(len(content)) + content


def custom_section(section_name: str, payload: bytes) -> bytes:
    """Encode a custom section."""
    return section(ids.CUSTOM, name(section_name) + payload)


def func_type(signature: FuncType) -> bytes:
    """Encode an entry of the type section."""
    return b"\x60" + vector(signature.params) + vector(signature.results)


def dylink_section(subsections: Iterable[tuple[int, bytes]]) -> bytes:
    """Encode a `dylink.0` section from (subsection number, content) pairs, in that order."""
    return custom_section("dylink.0", b"".join(section(number, content) for number, content in subsections))


def with_custom_section(module: bytes, section_name: str, payload: bytes, *, first: bool = False) -> bytes:
    """Give the module with one custom section more, at its end or in front of everything else."""
    added = custom_section(section_name, payload)
    return HEADER + added + module[len(HEADER) :] if first else module + added


def thunk_module(signatures: Sequence[FuncType]) -> bytes:
    """Give a module that exports one thunk per signature under the names "0", "1", …

    It imports the table (`env.table`) and an i32 `env.base`; thunk k calls the function in slot base + k. The
    module's bytes depend on the signatures alone, so that its compiled form can be cached.
    """
    distinct = list(dict.fromkeys(signatures))
    number = {signature: index for index, signature in enumerate(distinct)}
    table = name(THUNK_TABLE[0]) + name(THUNK_TABLE[1]) + b"\x01" + FUNCREF + b"\x00\x00"
    base = name(THUNK_BASE[0]) + name(THUNK_BASE[1]) + b"\x03\x7f\x00"
    exports = [name(str(index)) + b"\x00" + uleb(index) for index in range(len(signatures))]
    bodies = [_thunk_body(s, number[s], index) for index, s in enumerate(signatures)]
    return HEADER + b"".join(
        (
            section(ids.TYPE, vector([func_type(s) for s in distinct])),
            section(ids.IMPORT, vector([table, base])),
            section(ids.FUNCTION, vector([uleb(number[s]) for s in signatures])),
            section(ids.EXPORT, vector(exports)),
            section(ids.CODE, vector(bodies)),
        )
    )


def _thunk_body(signature: FuncType, type_index: int, position: int) -> bytes:
    arguments = b"".join(b"\x20" + uleb(index) for index in range(len(signature.params)))  # local.get
    slot = b"\x23\x00\x41" + sleb(position) + b"\x6a"  # global.get 0; i32.const position; i32.add
    call = b"\x11" + uleb(type_index) + b"\x00"  # call_indirect on table 0
    code = b"\x00" + arguments + slot + call + b"\x0b"  # no locals
    return uleb(len(code)) + code
