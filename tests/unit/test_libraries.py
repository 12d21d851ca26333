"""Native libraries: how each build system is called, and what a package's build is told of them."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pywasm_build.command import Argument, Completed
from pywasm_build.errors import BuildError, RecipeError
from pywasm_build.libraries import compiler_environment, library_flags, native_library
from pywasm_build.recipes import BuildSystem, Recipe
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


def recipe(*cmake: str, **more: object) -> Recipe:
    system = BuildSystem(kind="cmake", configure=cmake or ("-DX=1",))
    base = Recipe(folder=Path(), name="libx", kind="library", build_system=system)
    return replace(base, **more)  # type: ignore[arg-type]


@dataclass(kw_only=True)
class Builder(FakeRunner):
    """A cmake, configure and make of which the step that installs writes what it is told to."""

    installs: tuple[str, ...] = ("lib/libx.a",)

    def run(self, args: Sequence[Argument], *, cwd: Path, **options: Any) -> Completed:
        assert (cwd / "CMakeLists.txt").is_file()
        done = super().run(args, cwd=cwd, **options)
        for name in self.installs if "install" in args else ():
            (cwd.parent / name).parent.mkdir(exist_ok=True)
            (cwd.parent / name).touch()
        return done


@pytest.fixture
def builder() -> Builder:
    return Builder(answers={name: lambda _: completed() for name in ("cmake", "configure", "perl", "make")})


@pytest.fixture
def checkout(tmp_path: Path, builder: Builder) -> Checkout:
    made = make_checkout(tmp_path, os.environ)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("libx-1/CMakeLists.txt"))
    (tmp_path / "libx-1.tar.gz").write_bytes(data.getvalue())
    made.workspace.sources_toml.write_text(SOURCES.format(sha256(data.getvalue()).hexdigest()))
    made.environ["PYWASM_SOURCES"] = str(tmp_path)
    made.runner = builder
    return made


def build(checkout: Checkout, library: Recipe) -> Path:
    environment = checkout.builder.environment
    return native_library(checkout.context, checkout.host.toolchain, library, programs=environment.tools)


def test_a_library_gets_a_prefix_of_its_own(checkout: Checkout, builder: Builder) -> None:
    toolchain, tools = checkout.host.toolchain, checkout.builder.environment.tools
    prefix = build(checkout, recipe(environment={"CFLAGS": "-O1"}))
    assert (prefix / "lib" / "libx.a").is_file()
    assert not (prefix / "tree").exists()
    configure, install = builder.calls
    assert configure[:3] == [str(tools / "cmake"), "-G", "Ninja"]
    assert f"-DCMAKE_INSTALL_PREFIX={prefix}" in configure
    assert f"-DCMAKE_MAKE_PROGRAM={tools / 'ninja'}" in configure
    assert configure[-1] == "-DX=1"
    assert install[-2:] == ["--target", "install"]
    variables = builder.changes[0]
    assert variables["CFLAGS"] == "-O1"
    assert variables["CXXFLAGS"] == f"-O2 -fPIC -ffile-prefix-map={prefix}/tree=."
    assert variables["CMAKE_TOOLCHAIN_FILE"] == str(toolchain.cmake_file)
    assert str(variables["SOURCE_DATE_EPOCH"]).isdecimal()
    assert build(checkout, recipe(environment={"CFLAGS": "-O1"})) == prefix
    assert len(builder.calls) == 2
    assert build(checkout, recipe("-DX=2")) != prefix


STATIC = ["--host=wasm32-wasip1", "--build={build}", "--prefix={prefix}", "--enable-static", "--disable-shared"]
COMMANDS = {
    BuildSystem(kind="autoconf", configure=("--disable-nls",), make=("-C", "src"), install=("-C", "src", "install")): [
        ["./configure", *STATIC, "--disable-nls"],
        ["make", "-j1", "-C", "src"],
        ["make", "-C", "src", "install"],
    ],
    BuildSystem(kind="configure", configure=("perl", "Configure", "--prefix={prefix}"), install=("install",)): [
        ["perl", "Configure", "--prefix={prefix}"],
        ["make", "-j1"],
        ["make", "install"],
    ],
    BuildSystem(kind="make", make=("-e", "libx.a"), install=("PREFIX={prefix}", "install")): [
        ["make", "-j1", "-e", "libx.a"],
        ["make", "PREFIX={prefix}", "install"],
    ],
}


@pytest.mark.parametrize("system", COMMANDS, ids=lambda system: system.kind)
def test_a_library_without_cmake_needs_no_cross_environment(
    checkout: Checkout, builder: Builder, system: BuildSystem
) -> None:
    context = checkout.context
    prefix = native_library(context, checkout.host.toolchain, recipe(build_system=system))
    triple = context.build_triple
    expected = [[word.format(prefix=prefix, build=triple) for word in command] for command in COMMANDS[system]]
    assert builder.calls == expected
    assert {changes["CC"] for changes in builder.changes} == {str(checkout.host.toolchain.driver("clang"))}
    assert build(checkout, recipe(build_system=system)) == prefix
    assert build(checkout, recipe(build_system=replace(system, make=("other",)))) != prefix


def test_a_library_with_cmake_needs_the_cross_environment(checkout: Checkout, builder: Builder) -> None:
    with pytest.raises(RecipeError, match="libx cannot be built here: CMake comes only with the cross environment"):
        native_library(checkout.context, checkout.host.toolchain, recipe())
    assert not builder.calls


def test_a_library_without_an_archive_is_none(checkout: Checkout, builder: Builder) -> None:
    builder.installs = ("lib/libx.so", "include/x.h")
    with pytest.raises(BuildError, match=r"libx installed no static library; the full log is .*lib-libx.log"):
        build(checkout, recipe())


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
