"""Find the definition of a symbol: who may define it, in which order.

As in ELF: first the global scope (the main module, then what was opened with RTLD_GLOBAL, in load order),
then the local scope of the module that was opened: itself and what it needs, breadth first. What is loaded
together looks symbols up in one scope, so all copies of a vague-linkage symbol become the first of them.
"""

from collections.abc import Iterable

from pywasm_binary import Import, Kind
from pywasm_runtime.guest import MEMORY, STACK_POINTER, TABLE
from pywasm_runtime.library import Library, Provider
from pywasm_runtime.side_module import ENV, GOT_DATA, GOT_FUNCTIONS, MEMORY_BASE, TABLE_BASE, SideModule

PROVIDED = {
    (MEMORY, Kind.MEMORY),
    (TABLE, Kind.TABLE),
    (STACK_POINTER, Kind.GLOBAL),
    (MEMORY_BASE, Kind.GLOBAL),
    (TABLE_BASE, Kind.GLOBAL),
}
"""Imports from `env` that the linker itself answers."""


class Scope:
    """Look symbols up in `providers`, in their order."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers = tuple(dict.fromkeys(providers))
        self._found: dict[tuple[str, Kind], Provider | None] = {}

    def find(self, symbol: str, kind: Kind) -> Provider | None:
        """Give the first module that defines the symbol, None if there is none."""
        key = (symbol, kind)
        if key not in self._found:
            self._found[key] = next((p for p in self._providers if p.defines(symbol, kind)), None)
        return self._found[key]


def wanted_kind(wanted: Import) -> Kind | None:
    """Say what kind of symbol an import asks for; None if no symbol can answer it."""
    if wanted.module == GOT_DATA:
        return Kind.GLOBAL
    if wanted.module == GOT_FUNCTIONS:
        return Kind.FUNCTION
    if wanted.module == ENV and wanted.kind in (Kind.FUNCTION, Kind.GLOBAL, Kind.TAG):
        return wanted.kind
    return None


def missing_symbols(module: SideModule, scope: Scope) -> list[str]:
    """Name the imports without a definition that are not weak, in order, each once."""
    missing: dict[str, None] = {}
    for wanted in module.wasm.imports:
        if wanted.module == ENV and (wanted.name, wanted.kind) in PROVIDED:
            continue
        kind = wanted_kind(wanted)
        if kind is None:
            missing[f"{wanted.module}.{wanted.name}"] = None
        elif scope.find(wanted.name, kind) is None and not may_be_undefined(module, wanted):
            missing[wanted.name] = None
    return list(missing)


def may_be_undefined(module: SideModule, wanted: Import) -> bool:
    """Tell whether an import is weak and has a null form: functions and addresses have."""
    has_null = wanted.kind is Kind.FUNCTION or wanted.module in (GOT_DATA, GOT_FUNCTIONS)
    return has_null and module.is_weak(wanted)


def check_symbols(libraries: Iterable[Library], scope: Scope) -> str:
    """Describe everything that is missing in one line, module by module; empty if nothing is."""
    found = ((library, missing_symbols(library.source, scope)) for library in libraries)
    return "; ".join(f"{lib.name}: missing symbols: {', '.join(names)}" for lib, names in found if names)
