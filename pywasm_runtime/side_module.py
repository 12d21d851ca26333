"""Understand a side module's file before anything is allocated for it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from pywasm_binary import ABI_SECTION, Dylink, GlobalType, Import, Kind, MalformedModule, WasmModule
from pywasm_binary.elements import ElementSegment
from pywasm_binary.types import I32
from pywasm_runtime.errors import LinkError
from pywasm_runtime.mounts import GuestFile

MAX_FILE_BYTES = 512 << 20
"""Debug builds of the largest extension modules stay below; it bounds what a guest makes the host read."""

GOT_DATA, GOT_FUNCTIONS, ENV = "GOT.mem", "GOT.func", "env"
MEMORY_BASE, TABLE_BASE = "__memory_base", "__table_base"


@dataclass(frozen=True)
class SideModule:
    """Hold a parsed side module and the file it came from."""

    file: GuestFile
    wasm: WasmModule
    dylink: Dylink

    @cached_property
    def name(self) -> str:
        """Give the guest's path, for messages."""
        return self.file.path

    @cached_property
    def digest(self) -> str:
        """Give the file's sha256 in hex."""
        return hashlib.sha256(self.file.content).hexdigest()

    @cached_property
    def table_base_global(self) -> int | None:
        """Give the index of the imported global `__table_base`, None if there is none."""
        imported = [i for i in self.wasm.imports if i.kind is Kind.GLOBAL]
        return next((n for n, i in enumerate(imported) if (i.module, i.name) == (ENV, TABLE_BASE)), None)

    def is_weak(self, wanted: Import) -> bool:
        """Tell whether an import is weak; a GOT entry carries the flag under either module name."""
        weak = self.dylink.is_weak_import
        return weak(wanted.module, wanted.name) or weak(ENV, wanted.name)


def read_side_module(file: GuestFile, abi: str | None) -> SideModule:
    """Parse `file` and check that it is a side module built for `abi`, the main module's.

    Raises LinkError with the file's name in its text.
    """
    try:
        wasm = WasmModule(file.content)
        dylink = wasm.dylink
        if dylink is None:
            raise LinkError(f"{file.path}: not a side module (it has no dylink.0 section)")
        check_abi(file.path, wasm.abi, abi)
        _check_imports(file.path, wasm)
        module = SideModule(file, wasm, dylink)
        _check_parts(module)
    except MalformedModule as error:
        raise LinkError(f"{file.path}: {error}") from None
    return module


def check_abi(path: str, found: str | None, expected: str | None) -> None:
    """Refuse a side module of another ABI, naming both."""
    if expected is None:
        raise LinkError(f"{path}: the main module has no section {ABI_SECTION}, so no side module fits it")
    if found is None:
        raise LinkError(f"{path}: built for no known ABI (no section {ABI_SECTION}); this runtime is {expected!r}")
    if found != expected:
        raise LinkError(f"{path}: built for ABI {found!r}, this runtime is {expected!r}: build it again")


def _check_imports(path: str, wasm: WasmModule) -> None:
    for wanted in wasm.imports:
        if wanted.module not in (GOT_DATA, GOT_FUNCTIONS):
            continue
        if wanted.kind is not Kind.GLOBAL or not isinstance(wanted.type, GlobalType) or wanted.type.value != I32:
            raise LinkError(f"{path}: the import {wanted.module}.{wanted.name} is not an i32 global")


def _check_parts(module: SideModule) -> None:
    """Read every part that is used later, so that nothing malformed turns up after allocation."""
    wasm = module.wasm
    functions = len(wasm.function_types)
    for name, export in wasm.exports.items():
        if export.kind is Kind.FUNCTION and export.index >= functions:
            raise LinkError(f"{module.name}: the export {name} is function {export.index} of {functions}")
        wasm.data_address(export)
    for wanted in wasm.imports:
        if wanted.kind is Kind.FUNCTION and isinstance(wanted.type, int):
            wasm.type_at(wanted.type)
    for segment in wasm.elements:
        _check_segment(module, segment)


def _check_segment(module: SideModule, segment: ElementSegment) -> None:
    """Refuse a segment that would write over other modules' functions: wasmtime sees only the table's end."""
    if segment.table is None:
        return
    offset, size = segment.offset, module.dylink.table_size
    if offset is None or offset.base_global is None or offset.base_global != module.table_base_global:
        raise LinkError(f"{module.name}: an element segment that is not relative to {TABLE_BASE}")
    if offset.addend < 0 or offset.addend + len(segment.functions) > size:
        raise LinkError(
            f"{module.name}: {len(segment.functions)} functions at offset {offset.addend} of its table part, "
            f"which has {size} slots by its dylink.0 section"
        )
