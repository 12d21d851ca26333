"""Importing compiled modules: which they are in a wheel, and that each gets its own result, whatever it does."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pywasm_binary.sections import HEADER
from pywasm_binary.writer import dylink_section
from pywasm_build.command import Argument, Completed, SubprocessRunner
from pywasm_build.context import Context
from pywasm_build.errors import CommandFailed
from pywasm_build.import_check import ImportResult, check_imports, compiled_modules
from tests.unit.checkout import make_checkout, wheel_bytes
from tests.unit.import_guest import EXTENSION, SUFFIX, NativeGuest, an_extension_module, extension_folder
from tests.unit.wasm_objects import symbol_table

MODULES = {
    "raises": "raise ValueError('\\n\\nfirst line\\nsecond')",
    "wrapped": "try:\n    import nowhere\nexcept ImportError as error:\n    raise RuntimeError('no good') from error",
    "hidden": "try:\n    import nowhere\nexcept ImportError:\n    raise RuntimeError('plain') from None",
    "circular": "e = ValueError('round')\ne.__cause__ = other = KeyError(1)\nother.__context__ = e\nraise e",
    "exits": "raise SystemExit",
    "leaves": "import os; os._exit(7)",
    "leaves_happily": "import os; os._exit(0)",
    "traps": "import os, sys; print('python-wasm: the guest trapped: unreachable', file=sys.stderr); os._exit(134)",
    "hangs": "import time; time.sleep(60)",
    "noisy": "print('[\"raises\", \"\"]'); raise ValueError('\\x1b[31mred\\x1b[0m ' + 'x' * 1000)",
    "pure": "x = 1",
}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return replace(make_checkout(tmp_path, os.environ).context, runner=NativeGuest(os.environ))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_the_compiled_modules_of_a_wheel(tmp_path: Path) -> None:
    files = {
        f"pack/_core{SUFFIX}": EXTENSION,
        "pack/sub/_stable.abi3.so": EXTENSION,
        f"pack/__init__{SUFFIX}": EXTENSION,
        f"81d243__mypyc{SUFFIX}": EXTENSION,
        f"pack-1.0.data/platlib/pack/_late{SUFFIX}": EXTENSION,
        f"pack-1.0.data/scripts/run{SUFFIX}": EXTENSION,
        "pack/pure.py": b"",
        "pack/libshared.so": HEADER + symbol_table(),
        "pack/broken.so": b"\x7fELF",
    }
    wheel = tmp_path / "pack-1.0-cp313-cp313-wasi_wasm32.whl"
    wheel.write_bytes(wheel_bytes("pack", files=files))
    found = ["81d243__mypyc", "pack", "pack._core", "pack._late", "pack.sub._stable"]
    assert compiled_modules(wheel) == found


def test_the_libraries_of_a_wheel_without_modules(tmp_path: Path) -> None:
    library = HEADER + dylink_section([])
    files = {
        "pack/lib/libpack.so": library,
        "pack-1.0.data/purelib/pack/libmore.so.1": library,
        "pack-1.0.data/data/lib/libother.so": library,
        "pack/program.so": HEADER + symbol_table(),
        "pack/broken.so": b"\x7fELF",
    }
    wheel = tmp_path / "pack-1.0-py3-none-wasi_wasm32.whl"
    wheel.write_bytes(wheel_bytes("pack", files=files))
    assert compiled_modules(wheel) == ["pack/lib/libpack.so", "pack/libmore.so.1"]


def test_a_library_is_loaded(context: Context, root: Path) -> None:
    (root / "pack").mkdir()
    (compiled,) = extension_folder().glob(f"{an_extension_module()}.*so")
    shutil.copy(compiled, root / "pack" / "lib.so")
    fine, gone = check_imports(context, root, ["pack/lib.so", "pack/gone.so"])
    assert (fine.ok, fine.module) == (True, "pack/lib.so")
    assert gone.line.startswith("OSError: pack/gone.so")


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("raises", "ValueError: first line"),
        ("wrapped", "RuntimeError: no good (because of ModuleNotFoundError: No module named 'nowhere')"),
        ("hidden", "RuntimeError: plain"),
        ("circular", "ValueError: round (because of KeyError: 1)"),
        ("exits", "SystemExit"),
        ("leaves", "its import ended its process with status 7"),
        ("leaves_happily", "its import ended its process with status 0"),
        ("traps", "its import trapped: unreachable"),
        ("gone", "ModuleNotFoundError: No module named 'gone'"),
    ],
)
def test_a_failure_is_told_in_one_line(context: Context, root: Path, module: str, line: str) -> None:
    assert check_imports(context, root, [module]) == [ImportResult(module=module, ok=False, line=line)]


def test_what_ends_the_process_costs_only_itself(context: Context, root: Path) -> None:
    good = an_extension_module()
    names = ["leaves", good, "traps", "raises", "leaves_happily", "leaves", "pure"]
    found = check_imports(context, root, names)
    assert [result.module for result in found] == names
    assert [result.module for result in found if result.ok] == [good]
    assert found[-1].line == f"not the compiled module is imported, but {root / 'pure.py'}"
    assert "the guest trapped" in context.workspace.log("imports").read_text()


def test_an_import_that_does_not_end_is_ended(
    context: Context, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(NativeGuest, "patience", 1.0)
    good, log = an_extension_module(), tmp_path / "mine.log"
    hung, fine = check_imports(context, root, ["hangs", good], log=log)
    assert (hung.ok, fine.ok) == (False, True)
    assert hung.line == "its import did not end in 140 s"
    assert log.is_file()


@pytest.mark.parametrize(
    ("init", "ok"),
    [("import inner.near", True), ("import beside", True), ("import nowhere", False), ("import pack", True)],
)
def test_a_project_that_a_package_brings_whole(context: Context, root: Path, init: str, ok: bool) -> None:
    inner, good = root / "pack" / "project" / "inner", an_extension_module()
    inner.mkdir(parents=True)
    (root / "pack" / "__init__.py").touch()
    (inner / "near.py").touch()
    (inner.parent / "beside.py").touch()
    (inner / "__init__.py").write_text(init)
    (compiled,) = extension_folder().glob(f"{good}.*so")
    shutil.copy(compiled, inner)
    (found,) = check_imports(context, root, [f"pack.project.inner.{good}"])
    assert (found.module, found.ok) == (f"pack.project.inner.{good}", ok)


def test_a_package_in_a_package_is_not_brought(context: Context, root: Path) -> None:
    inner = root / "pack" / "sub" / "inner"
    inner.mkdir(parents=True)
    for folder, text in ((inner.parent.parent, ""), (inner.parent, ""), (inner, "import inner")):
        (folder / "__init__.py").write_text(text)
    (found,) = check_imports(context, root, ["pack.sub.inner.fast"])
    assert found.line == "ModuleNotFoundError: No module named 'inner'"


def test_what_modules_print_and_say_does_no_harm(context: Context, root: Path) -> None:
    noisy, raises = check_imports(context, root, ["noisy", "raises"])
    assert noisy.line.startswith("ValueError: red xxx")
    assert len(noisy.line) <= 200
    assert not raises.ok


def test_nothing_to_import_starts_nothing(context: Context, tmp_path: Path) -> None:
    assert check_imports(context, tmp_path / "nowhere", []) == []


def test_a_guest_that_does_not_start_is_an_error(context: Context, root: Path) -> None:
    (root / "runpy.py").touch()
    broken = replace(context, workspace=replace(context.workspace, root=root))
    with pytest.raises(CommandFailed, match="the full log is"):
        check_imports(replace(broken, runner=FailingGuest(os.environ)), root, ["raises"])


class FailingGuest(SubprocessRunner):
    """A python-wasm that ends before it runs anything."""

    def run(self, args: Sequence[Argument], **options: Any) -> Completed:
        return super().run([sys.executable, "-I", "-c", "raise SystemExit('no runtime root')"], **options)
