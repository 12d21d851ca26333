"""Which sources the C++ runtime is compiled from, and how its headers are configured."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pywasm_build.context import Context
from pywasm_build.cxx_runtime import build_cxx_runtime, install_headers, list_units
from pywasm_build.errors import BuildError
from pywasm_build.store import Store
from pywasm_build.workspace import Workspace
from tests.unit.fakes import FakeRunner, completed

FILES = (
    "libcxx/src/algorithm.cpp",
    "libcxx/src/thread.cpp",
    "libcxx/src/ryu/f2s.cpp",
    "libcxx/src/filesystem/path.cpp",
    "libcxxabi/src/cxa_guard.cpp",
    "libunwind/src/Unwind-wasm.c",
    "libunwind/src/UnwindLevel1.c",
    "libcxx/include/__config",
    "libcxx/include/__configuration/abi.h",
    "libcxx/include/vector",
    "libcxxabi/include/cxxabi.h",
)

SETTINGS = """
triple = "wasm32-wasip1"
[cxx]
exclude = []
flags = ["-std=c++23"]
unwind_flags = ["-DNDEBUG"]
config_site = { _LIBCPP_HAS_THREADS = "0", _LIBCPP_EMPTY = "" }
"""


def settings(*excluded: str) -> dict[str, Any]:
    read = tomllib.loads(SETTINGS)
    return {**read, "cxx": {**read["cxx"], "exclude": list(excluded)}}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {name}\n")
    return tmp_path / "lib"


def test_threads_are_left_out_and_the_unwinder_is_in(sources: Path) -> None:
    units = list_units(sources, Path("/bin"), settings("libcxx/src/thread.cpp"))
    assert [(str(unit.source.relative_to(sources)), unit.archive, unit.driver.name) for unit in units] == [
        ("libcxx/src/algorithm.cpp", "libc++.a", "wasm32-wasip1-clang++"),
        ("libcxx/src/ryu/f2s.cpp", "libc++.a", "wasm32-wasip1-clang++"),
        ("libcxx/src/filesystem/path.cpp", "libc++.a", "wasm32-wasip1-clang++"),
        ("libcxxabi/src/cxa_guard.cpp", "libc++abi.a", "wasm32-wasip1-clang++"),
        ("libunwind/src/Unwind-wasm.c", "libc++abi.a", "wasm32-wasip1-clang"),
    ]
    assert units[0].flags[:2] == ("-std=c++23", f"-I{sources / 'libcxx/src'}")
    assert units[-1].flags == ("-DNDEBUG", f"-I{sources / 'libunwind/include'}")


def test_an_exclusion_that_names_no_source_is_an_error(sources: Path) -> None:
    with pytest.raises(BuildError, match=r"excludes C\+\+ sources that do not exist: .*libcxx/src/gone.cpp"):
        list_units(sources, Path("/bin"), settings("libcxx/src/gone.cpp", "libcxx/src/thread.cpp"))


def test_headers_are_configured_whichever_is_read_first(sources: Path, tmp_path: Path) -> None:
    folder = tmp_path / "v1"
    install_headers(sources, folder, settings()["cxx"]["config_site"])
    site = (folder / "__config_site").read_text().splitlines()
    assert site[2:4] == ["#define _LIBCPP_HAS_THREADS 0", "#define _LIBCPP_EMPTY"]
    for name in ("__config", "__configuration/abi.h"):
        assert (folder / name).read_text().startswith("#include <__config_site>\n//")
    assert (folder / "vector").read_text() == "// libcxx/include/vector\n"
    assert (folder / "cxxabi.h").is_file()


def test_headers_that_are_laid_out_otherwise_are_an_error(sources: Path, tmp_path: Path) -> None:
    (sources / "libcxx/include/__configuration/abi.h").unlink()
    with pytest.raises(BuildError, match=r"libcxx has no header __configuration/\*.h"):
        install_headers(sources, tmp_path / "v1", {})


def test_every_object_gets_into_its_archive(sources: Path, tmp_path: Path) -> None:
    runner = FakeRunner(answers={f"wasm32-wasip1-{tool}": lambda _: completed() for tool in ("clang", "clang++", "ar")})
    workspace = Workspace(root=tmp_path / "root", cache=tmp_path / "cache")
    context = Context(workspace=workspace, store=Store(workspace.store), runner=runner, environ={}, jobs=2)
    (workspace.root / "third-party").mkdir(parents=True)
    (workspace.root / "third-party" / "toolchain.toml").write_text(SETTINGS)
    root = tmp_path / "product"
    root.mkdir()
    build_cxx_runtime(context, sources=sources, root=root)
    archives = [call for call in runner.calls if call[0].endswith("-ar")]
    library = root / "sysroot" / "lib" / "wasm32-wasip1"
    assert [call[2] for call in archives] == [str(library / "libc++.a"), str(library / "libc++abi.a")]
    objects = [word for call in archives for word in call[3:]]
    compiled = [call[call.index("-o") + 1] for call in runner.calls if "-c" in call]
    assert sorted(objects) == sorted(compiled)
    assert len(set(objects)) == 6
    assert not (root / "cxx-objects").exists()
