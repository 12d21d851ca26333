"""Native libraries: how each build system is called, and what a package's build is told of them."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pywasm_build.command import Argument, Completed
from pywasm_build.errors import BuildError, RecipeError
from pywasm_build.libraries import (
    archive_flags,
    compiler_environment,
    library_flags,
    native_libraries,
    native_library,
    system_library_flags,
)
from pywasm_build.recipes import BuildSystem, Recipe, Registry
from tests.unit.checkout import Checkout, make_checkout
from tests.unit.fakes import FakeRunner, completed

SOURCE = """[[source]]
name = "{name}"
version = "1"
file = "{name}-1.tar.gz"
[[source.location]]
kind = "upstream"
url = "http://127.0.0.1:1/any-1.tar.gz"
sha256 = "{sha256}"
"""


def recipe(*cmake: str, **more: object) -> Recipe:
    system = BuildSystem(kind="cmake", configure=cmake or ("-DX=1",))
    base = Recipe(folder=Path(), name="libx", kind="library", build_system=system)
    return replace(base, **more)  # type: ignore[arg-type]


@dataclass(kw_only=True)
class Builder(FakeRunner):
    """A cmake, configure and make of which the step that installs writes what it is told to."""

    installs: tuple[str, ...] = ("lib/libx.a",)
    toolchain_files: list[str] = field(default_factory=list)

    def run(self, args: Sequence[Argument], *, cwd: Path, **options: Any) -> Completed:
        assert (cwd / "CMakeLists.txt").is_file()
        done = super().run(args, cwd=cwd, **options)
        files = [str(word).partition("-DCMAKE_TOOLCHAIN_FILE=")[2] for word in args]
        self.toolchain_files += [Path(file).read_text() for file in files if file]
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
    (tmp_path / "any-1.tar.gz").write_bytes(data.getvalue())
    digest = sha256(data.getvalue()).hexdigest()
    sources = [SOURCE.format(name=name, sha256=digest) for name in ("libx", "liby", "libz")]
    made.workspace.sources_toml.write_text("".join(sources))
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
    # A recipe's own options come later, so that it can say otherwise.
    assert "-DBUILD_SHARED_LIBS=OFF" in configure[:-1]
    assert install[-2:] == ["--target", "install"]
    variables = builder.changes[0]
    assert variables["CFLAGS"] == "-O1"
    flags = str(variables["CXXFLAGS"]).split()
    assert flags[:3] == ["-O2", "-fPIC", f"-ffile-prefix-map={prefix}/tree=."]
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


def test_a_library_sees_those_that_it_names(checkout: Checkout, builder: Builder) -> None:
    tools = checkout.builder.environment.tools
    make = BuildSystem(kind="make", make=("libx.a",), install=("install",))
    package = Recipe(folder=Path(), name="package", kind="package", libraries=("libx",))
    needed = [recipe(name="liby", libraries=("libz",), build_system=make), recipe(name="libz", build_system=make)]
    recipes = [package, recipe(libraries=("liby",)), *needed]
    registry = Registry(root=Path(), recipes={one.name: one for one in recipes})
    compiler = checkout.host.toolchain
    prefixes = native_libraries(checkout.context, compiler, registry, package, programs=tools)
    z, y, _ = prefixes.values()
    assert list(prefixes) == ["libz", "liby", "libx"]
    of_libz, of_liby, of_libx = builder.changes[0], builder.changes[2], builder.changes[4]
    assert of_libz["PKG_CONFIG_LIBDIR"] == compiler_environment(compiler)["PKG_CONFIG_LIBDIR"]
    assert of_liby["PKG_CONFIG_LIBDIR"] == f"{z}/lib/pkgconfig"
    assert of_liby["CPPFLAGS"] == f"-I{z}/include"
    assert str(of_liby["CFLAGS"]).endswith(f" -I{z}/include")
    assert of_liby["LDFLAGS"] == f"-L{z}/lib"
    assert of_libx["PKG_CONFIG_LIBDIR"] == f"{z}/lib/pkgconfig:{y}/lib/pkgconfig"
    assert builder.toolchain_files == [
        f'include("{compiler.cmake_file}")\n'
        f'list(APPEND CMAKE_FIND_ROOT_PATH "{z}" "{y}")\n'
        f'list(APPEND CMAKE_PREFIX_PATH "{z}" "{y}")\n'
    ]


def test_another_library_below_makes_another_one(checkout: Checkout) -> None:
    compiler, tools = checkout.host.toolchain, checkout.builder.environment.tools
    built = [
        native_library(checkout.context, compiler, recipe(), libraries=libraries, programs=tools)
        for libraries in ({}, {"liby": Path("/store/lib-liby/1")}, {"liby": Path("/store/lib-liby/2")})
    ]
    assert len(set(built)) == 3


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
        "CPPFLAGS": "-I/a/include -I/b/include",
        "CFLAGS": "-I/a/include -I/b/include",
        "CXXFLAGS": "-I/a/include -I/b/include",
        "LDFLAGS": "-L/a/lib -L/b/lib",
        "PKG_CONFIG_LIBDIR": "/a/lib/pkgconfig:/b/lib/pkgconfig",
    }
    # An empty PKG_CONFIG_LIBDIR is no path but, for some, the build machine's.
    assert library_flags([]) == {}


def test_a_package_finds_other_libraries_as_those_of_a_system() -> None:
    assert system_library_flags([Path("/a"), Path("/b")]) == {
        "C_INCLUDE_PATH": "/a/include:/b/include",
        "CPLUS_INCLUDE_PATH": "/a/include:/b/include",
        "LDFLAGS": "-L/a/lib -L/b/lib",
        "PKG_CONFIG_LIBDIR": "/a/lib/pkgconfig:/b/lib/pkgconfig",
    }
    assert system_library_flags([]) == {}


def test_every_archive_of_the_libraries_is_named_to_the_linker(tmp_path: Path) -> None:
    for name in ("one/lib/libz.a", "one/lib/z.pc", "two/lib/libpng16.a", "two/lib/liba.a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert archive_flags([tmp_path / "one", tmp_path / "two"]) == "-lz -la -lpng16"
    assert not archive_flags([])
