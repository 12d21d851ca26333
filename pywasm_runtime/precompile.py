"""Compile modules ahead, so that the first guest does not wait."""

from collections.abc import Callable, Iterable
from pathlib import Path

from pywasm_runtime.engine import new_engine
from pywasm_runtime.module_cache import ModuleCache, default_cache_folder


def modules_folder() -> Path:
    """Give the folder in which compiled modules are kept."""
    return default_cache_folder() / "modules"


def precompile(paths: Iterable[Path], report: Callable[[str], None]) -> int:
    """Compile the wasm files `paths` into the user's cache, where they are not there yet, and count them.

    `report` gets a line per large module. Raises ModuleError for a file that wasmtime refuses.
    """
    cache = ModuleCache(new_engine(), modules_folder(), report)
    count = 0
    for path in paths:
        cache.load_bytes(path.read_bytes(), path.name)
        count += 1
    return count


def wasm_files(root: Path) -> list[Path]:
    """List what a runtime root holds of main and side modules; links are left out."""
    found = [*root.glob("usr/bin/*.wasm"), *root.glob("usr/lib/**/*.so")]
    return sorted(path for path in found if not path.is_symlink())
