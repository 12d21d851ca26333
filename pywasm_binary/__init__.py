"""Read untrusted WebAssembly binaries and write small ones; no dependency, nothing is executed."""

from pywasm_binary.dylink import Dylink
from pywasm_binary.errors import BinaryError, MalformedModule
from pywasm_binary.module import ABI_SECTION, Export, Import, Kind, WasmModule
from pywasm_binary.types import ConstValue, FuncType, GlobalType, Limits

__all__ = [
    "ABI_SECTION",
    "BinaryError",
    "ConstValue",
    "Dylink",
    "Export",
    "FuncType",
    "GlobalType",
    "Import",
    "Kind",
    "Limits",
    "MalformedModule",
    "WasmModule",
]
