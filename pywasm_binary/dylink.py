"""Read the `dylink.0` custom section: what a side module wants from the dynamic linker.

Format: DynamicLinking.md of the WebAssembly tool conventions (WebAssembly/tool-conventions); subsection 5 as
wasm-ld writes it. Every number is bounded here, so that the linker can trust them.
"""

from dataclasses import dataclass, replace

from pywasm_binary.cursor import Cursor
from pywasm_binary.limits import (
    MAX_ALIGNMENT_LOG2,
    MAX_NEEDED,
    MAX_RUNTIME_PATHS,
    MAX_SIDE_MEMORY_BYTES,
    MAX_SIDE_TABLE_SLOTS,
)

SECTION_NAME = "dylink.0"
MEM_INFO, NEEDED, EXPORT_INFO, IMPORT_INFO, RUNTIME_PATH = 1, 2, 3, 4, 5

FLAG_BINDING_WEAK = 0x01
FLAG_UNDEFINED = 0x10


@dataclass(frozen=True, kw_only=True)
class Dylink:
    """Hold a side module's demands.

    `memory_size` and `memory_alignment` are bytes, `table_size` and `table_alignment` slots; alignments are
    powers of two. `import_flags` is keyed by (module, name), `export_flags` by name; the values are symbol
    flags of the linking section (Linking.md).
    """

    memory_size: int = 0
    memory_alignment: int = 1
    table_size: int = 0
    table_alignment: int = 1
    needed: tuple[str, ...] = ()
    runtime_paths: tuple[str, ...] = ()
    export_flags: dict[str, int]
    import_flags: dict[tuple[str, str], int]

    def is_weak_import(self, module: str, name: str) -> bool:
        """Tell whether an import may stay without a definition."""
        return bool(self.import_flags.get((module, name), 0) & FLAG_BINDING_WEAK)


def read_dylink(cursor: Cursor) -> Dylink:
    """Read the section's content; raise MalformedModule on anything out of bounds."""
    info = Dylink(export_flags={}, import_flags={})
    while cursor.remaining:
        kind = cursor.u8()
        size = cursor.u32()
        origin = cursor.offset
        part = Cursor(cursor.take(size), origin)
        info = _read_subsection(part, kind, info)
    return info


def _read_subsection(part: Cursor, kind: int, info: Dylink) -> Dylink:
    if kind == MEM_INFO:
        info = _read_mem_info(part, info)
    elif kind == NEEDED:
        info = replace(info, needed=_read_names(part, "needed modules", MAX_NEEDED))
    elif kind == EXPORT_INFO:
        for _ in range(part.count("export flags")):
            name = part.name()
            info.export_flags[name] = part.u32()
    elif kind == IMPORT_INFO:
        for _ in range(part.count("import flags")):
            key = (part.name(), part.name())
            info.import_flags[key] = part.u32()
    elif kind == RUNTIME_PATH:
        info = replace(info, runtime_paths=_read_names(part, "runtime paths", MAX_RUNTIME_PATHS))
    else:
        return info  # the conventions let a reader skip what it does not know
    part.finish(f"subsection {kind} of {SECTION_NAME}")
    return info


def _read_mem_info(part: Cursor, info: Dylink) -> Dylink:
    memory_size = _bounded(part, "memory size", MAX_SIDE_MEMORY_BYTES)
    memory_log2 = _bounded(part, "memory alignment (log2)", MAX_ALIGNMENT_LOG2)
    table_size = _bounded(part, "table size", MAX_SIDE_TABLE_SLOTS)
    table_log2 = _bounded(part, "table alignment (log2)", MAX_ALIGNMENT_LOG2)
    return replace(
        info,
        memory_size=memory_size,
        memory_alignment=1 << memory_log2,
        table_size=table_size,
        table_alignment=1 << table_log2,
    )


def _bounded(part: Cursor, what: str, maximum: int) -> int:
    value = part.u32()
    if value > maximum:
        part.fail(f"{SECTION_NAME} asks for a {what} of {value}, at most {maximum} is allowed")
    return value


def _read_names(part: Cursor, what: str, maximum: int) -> tuple[str, ...]:
    return tuple(part.name() for _ in range(part.count(what, maximum)))
