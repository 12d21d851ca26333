"""Read the symbol table of a relocatable object, and the members of an `ar` archive of such objects.

Formats: WebAssembly tool conventions, Linking.md, "Symbol Table Subsection"; `ar` as System V and GNU write it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pywasm_binary.cursor import Cursor
from pywasm_binary.errors import MalformedModule
from pywasm_binary.module import Kind, WasmModule
from pywasm_binary.sections import HEADER

AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60
_LINKING_VERSION = 2
_SYMBOL_TABLE = 8

FUNCTION, DATA, GLOBAL, SECTION, TAG, TABLE = range(6)
_WEAK, _LOCAL, _HIDDEN, _UNDEFINED, _EXPLICIT_NAME = 0x01, 0x02, 0x04, 0x10, 0x40
# The kind numbers of imports differ from those of symbols.
_IMPORT_KINDS = {FUNCTION: Kind.FUNCTION, TABLE: Kind.TABLE, GLOBAL: Kind.GLOBAL, TAG: Kind.TAG}


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """Hold a symbol: its kind (FUNCTION, DATA, GLOBAL, TAG, TABLE), binding and whether it is defined here."""

    name: str
    kind: int
    defined: bool
    weak: bool
    local: bool
    hidden: bool

    @property
    def letter(self) -> str:
        """Give the letter that `nm` prints for this symbol."""
        if not self.defined:
            return "w" if self.weak else "U"
        letter = "W" if self.weak else {FUNCTION: "T", DATA: "D"}.get(self.kind, "D")
        return letter.lower() if self.local else letter


def read_symbols(data: bytes) -> tuple[Symbol, ...]:
    """List an object's symbols without its sections' own; a module that is not relocatable has none."""
    module = WasmModule(data)
    linking = module.custom("linking")
    if linking is None:
        return ()
    names = _import_names(module)
    cursor = Cursor(linking)
    version = cursor.u32()
    if version != _LINKING_VERSION:
        cursor.fail(f"linking section of version {version}, not {_LINKING_VERSION}")
    while cursor.remaining:
        kind, size = cursor.u8(), cursor.u32()
        origin = cursor.offset
        content = Cursor(cursor.take(size), origin)
        if kind == _SYMBOL_TABLE:
            symbols = [_read_symbol(content, names) for _ in range(content.count("symbols"))]
            return tuple(symbol for symbol in symbols if symbol is not None)
    return ()


def _import_names(module: WasmModule) -> dict[tuple[Kind, int], str]:
    names: dict[tuple[Kind, int], str] = {}
    counts = dict.fromkeys(Kind, 0)
    for entry in module.imports:
        names[entry.kind, counts[entry.kind]] = entry.name
        counts[entry.kind] += 1
    return names


def _read_symbol(cursor: Cursor, imports: dict[tuple[Kind, int], str]) -> Symbol | None:
    kind, flags = cursor.u8(), cursor.u32()
    defined = not flags & _UNDEFINED
    if kind == SECTION:
        cursor.u32()
        return None
    if kind == DATA:
        name = cursor.name()
        if defined:
            for _ in ("segment", "offset", "size"):
                cursor.u32()
    elif kind in _IMPORT_KINDS:
        index = cursor.u32()
        if defined or flags & _EXPLICIT_NAME:  # noqa: SIM108 - one line would be too long
            name = cursor.name()
        else:
            name = imports.get((_IMPORT_KINDS[kind], index), "")
    else:
        cursor.fail(f"symbol kind {kind} is not known")
    return Symbol(
        name=name,
        kind=kind,
        defined=defined,
        weak=bool(flags & _WEAK),
        local=bool(flags & _LOCAL),
        hidden=bool(flags & _HIDDEN),
    )


def read_archive(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each member of an `ar` archive, without its indexes."""
    if not data.startswith(AR_MAGIC):
        raise MalformedModule(0, "not an ar archive")
    position, long_names = len(AR_MAGIC), b""
    while position < len(data):
        header = data[position : position + _AR_HEADER_BYTES]
        if len(header) < _AR_HEADER_BYTES or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            raise MalformedModule(position, "no valid ar header")
        size = int(header[48:58])
        position += _AR_HEADER_BYTES
        if size > len(data) - position:
            raise MalformedModule(position, f"ar member of {size} bytes, {len(data) - position} left")
        content = data[position : position + size]
        position += size + size % 2
        name = header[:16].rstrip()
        if name == b"//":
            long_names = content
        elif name not in (b"/", b"/SYM64/"):
            yield _member_name(name, long_names, position), content


def _member_name(name: bytes, long_names: bytes, position: int) -> str:
    if name[:1] == b"/" and name[1:].isdigit():
        if int(name[1:]) >= len(long_names):
            raise MalformedModule(position, f"ar member whose name would be at byte {name[1:].decode()} of the names")
        name = long_names[int(name[1:]) :].split(b"\n", 1)[0]
    return name.removesuffix(b"/").decode("utf-8", "replace")


def objects_in(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the wasm objects of an archive, or the one object itself under the name ""."""
    if data.startswith(AR_MAGIC):
        yield from ((name, member) for name, member in read_archive(data) if member.startswith(HEADER))
    else:
        yield "", data


def defined_names(data: bytes, kinds: tuple[int, ...] = (FUNCTION, DATA)) -> set[str]:
    """Collect the names that an object or archive defines for others."""
    return {
        symbol.name
        for _, member in objects_in(data)
        for symbol in read_symbols(member)
        if symbol.defined and not symbol.local and symbol.kind in kinds
    }
