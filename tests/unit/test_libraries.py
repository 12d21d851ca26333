"""Native libraries: how CMake is called, and what a package's build is told of them."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pywasm_build.command import Completed
from pywasm_build.errors import BuildError
from pywasm_build.libraries import compiler_environment, library_flags, native_library
from pywasm_build.recipes import Recipe
from tests.unit.checkout import Checkout, make_checkout
from tests.unit.fakes import FakeRunner, completed

SOURCES = """[[source]]
name = "libx"
version = "1"
file = "libx-1.tar.gz"
[[source.location]]
kind = "upstream"
url = "http://127.0.0.1:1/libx-1.tar.gz"
sha256 = "{}"
"""


def recipe(**more: object) -> Recipe:
    return replace(Recipe(folder=Path(), name="libx", kind="library", cmake=("-DX=1",)), **more)  # type: ignore[arg-type]


class CMake(FakeRunner):
    """A cmake that installs what it is told to."""

    installs: tuple[str, ...] = ("lib/libx.a",)

    def cmake(self, words: Sequence[str]) -> Completed:
        if "--build" not in words:
            (prefix,) = (word.partition("=")[2] for word in words if word.startswith("-DCMAKE_INSTALL_PREFIX="))
            self.prefix = Path(prefix)
            assert (self.prefix / "tree" / "CMakeLists.txt").is_file()
        for name in self.installs if "install" in words else ():
            (self.prefix / name).parent.mkdir(exist_ok=True)
            (self.prefix / name).touch()
        return completed()


@pytest.fixture
def cmake() -> CMake:
    runner = CMake()
    runner.answers["cmake"] = runner.cmake
    return runner


@pytest.fixture
def checkout(tmp_path: Path, cmake: CMake) -> Checkout:
    made = make_checkout(tmp_path, os.environ)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("libx-1/CMakeLists.txt"))
    (tmp_path / "libx-1.tar.gz").write_bytes(data.getvalue())
    made.workspace.sources_toml.parent.mkdir()
    made.workspace.sources_toml.write_text(SOURCES.format(sha256(data.getvalue()).hexdigest()))
    made.environ["PYWASM_SOURCES"] = str(tmp_path)
    made.runner = cmake
    return made


def test_a_library_gets_a_prefix_of_its_own(checkout: Checkout, cmake: CMake) -> None:
    environment, context = checkout.builder.environment, checkout.context
    prefix = native_library(context, environment, recipe(environment={"CFLAGS": "-O1"}))
    assert (prefix / "lib" / "libx.a").is_file()
    assert not (prefix / "tree").exists()
    configure, build = cmake.calls
    assert configure[:3] == [str(environment.tools / "cmake"), "-G", "Ninja"]
    assert configure[-1] == "-DX=1"
    assert build[-2:] == ["--target", "install"]
    variables = cmake.changes[0]
    assert variables["CFLAGS"] == "-O1"
    assert variables["CXXFLAGS"] == f"-O2 -fPIC -ffile-prefix-map={prefix}/tree=."
    assert variables["CMAKE_TOOLCHAIN_FILE"] == str(environment.host.toolchain.cmake_file)
    assert native_library(context, environment, recipe(environment={"CFLAGS": "-O1"})) == prefix
    assert len(cmake.calls) == 2
    assert native_library(context, environment, recipe(cmake=("-DX=2",))) != prefix


def test_a_library_without_an_archive_is_none(checkout: Checkout, cmake: CMake) -> None:
    cmake.installs = ("lib/libx.so", "include/x.h")
    with pytest.raises(BuildError, match=r"libx installed no static library; the full log is .*lib-libx.log"):
        native_library(checkout.context, checkout.builder.environment, recipe())


def test_the_build_machines_libraries_are_out_of_sight(checkout: Checkout) -> None:
    toolchain = checkout.host.toolchain
    variables = compiler_environment(toolchain)
    assert variables["CC"] == str(toolchain.driver("clang"))
    assert variables["PKG_CONFIG_PATH"] is None
    assert str(variables["PKG_CONFIG_LIBDIR"]).startswith(str(toolchain.root))


def test_a_package_sees_the_libraries_that_it_names() -> None:
    assert library_flags([Path("/a"), Path("/b")]) == {
        "CFLAGS": "-I/a/include -I/b/include",
        "CXXFLAGS": "-I/a/include -I/b/include",
        "LDFLAGS": "-L/a/lib -L/b/lib",
        "PKG_CONFIG_LIBDIR": "/a/lib/pkgconfig:/b/lib/pkgconfig",
    }
    # An empty PKG_CONFIG_LIBDIR is no path but, for some, the build machine's.
    assert library_flags([]) == {}
