"""Imports go one way.

The build and the embedder do not know each other, only the embedder knows wasmtime, the guest library needs nothing.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "pywasm_binary": {"pywasm_build", "pywasm_runtime", "wasmtime", "tasks"},
    "pywasm_build": {"pywasm_runtime", "wasmtime", "invoke", "tasks"},
    "pywasm_runtime": {"pywasm_build", "invoke", "tasks"},
}
GUEST = {"pywasm_host": {"pywasm_host"}, "pyfaasm": {"pyfaasm", "pywasm_host"}}
# Faasm's names for matrices, which only their users import.
WITH_NUMPY = {"matrix.py", "matrix_data.py"}


def imported(path: Path) -> set[str]:
    """Return the top-level names that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_go_one_way(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    found = {(path.name, name) for path in files for name in imported(path) & FORBIDDEN[package]}
    assert found == set()


@pytest.mark.parametrize("package", GUEST)
def test_the_guest_library_needs_nothing(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    found = {(path.name, name) for path in files for name in imported(path) - sys.stdlib_module_names - GUEST[package]}
    assert found == ({(name, "numpy") for name in WITH_NUMPY} if package == "pyfaasm" else set())


def test_no_code_names_a_version_of_python() -> None:
    code = [path for package in (*FORBIDDEN, *GUEST) for path in (ROOT / package).rglob("*.py")]
    named = [
        (path.name, node.lineno, node.value)
        for path in [*code, ROOT / "tasks.py"]
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(("3.13", "cp313"))
    ]
    assert named == []
