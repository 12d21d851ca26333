"""Native libraries: found by pkg-config, tried in a program and in a side module.

Each file of sources/libraries is named after a library's recipe. Its first line says what it is linked with: names for
pkg-config, or -l options where the library has no file for it. It does its work in main, and returns 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pywasm_build.cpython import host_python
from pywasm_build.crossenv import cross_environment
from pywasm_build.libraries import library_flags, native_libraries
from pywasm_build.recipes import Recipe, read_registry
from tests.integration.chain import SOURCES, Chain, run

PROGRAMS = sorted(file for file in (SOURCES / "libraries").iterdir() if file.suffix in (".c", ".cpp"))


@dataclass(frozen=True)
class Library:
    """A library that is built, with what the build of a package is told of it, and the program that tries it."""

    program: Path
    prefix: Path
    variables: dict[str, str]

    @property
    def language(self) -> str:
        return self.program.suffix.removeprefix(".")

    @property
    def function(self) -> str:
        """The symbol of `int try_library(void)`."""
        return "_Z11try_libraryv" if self.language == "cpp" else "try_library"

    @property
    def flags(self) -> list[str]:
        """The options to compile and link the program, as its first line asks for them."""
        first = self.program.read_text("utf-8").partition("\n")[0]
        words = first.removeprefix("/* link with: ").removesuffix(" */").split()
        options = [word for word in words if word.startswith("-")]
        places = [*self.variables["CPPFLAGS"].split(), *self.variables["LDFLAGS"].split()] if options else []
        return [*self.pkg_config(*(word for word in words if word not in options)), *places, *options]

    def pkg_config(self, *names: str) -> list[str]:
        environ = {"PKG_CONFIG_LIBDIR": self.variables["PKG_CONFIG_LIBDIR"]}
        asked = run(["pkg-config", "--static", "--cflags", "--libs", *names], environ=environ)
        assert asked.returncode == 0, asked.stderr
        return asked.stdout.split()


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda program: program.stem)
def library(chain: Chain, request: pytest.FixtureRequest) -> Library:
    context, program = chain.context, request.param
    environment = cross_environment(context, host_python(context))
    registry = read_registry(context.workspace.patches)
    user = Recipe(folder=context.workspace.patches, name="user", kind="package", libraries=(program.stem,))
    compiler = environment.host.toolchain
    prefixes = native_libraries(context, compiler, registry, user, programs=environment.tools)
    return Library(program, prefixes[program.stem], library_flags(list(prefixes.values())))


def test_in_a_program(chain: Chain, library: Library, tmp_path: Path) -> None:
    flags = ["-O1", "-Wall", "-Wextra", "-Werror"]
    chain.compile(*flags, library.program, *library.flags, "-o", "try.wasm", cwd=tmp_path, language=library.language)
    ended = chain.run_program("try.wasm", cwd=tmp_path)
    # The runner tells of a large program that it compiles it.
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_in_a_side_module(chain: Chain, library: Library, tmp_path: Path) -> None:
    """As an extension module has it: position-independent, its symbols those of python.wasm."""
    # An extension module has no main, which the compiler would take for that of a program.
    flags = ["-O1", "-fPIC", "-shared", "-Dmain=try_library"]
    chain.compile(*flags, library.program, *library.flags, "-o", "try.so", cwd=tmp_path, language=library.language)
    code = f"import ctypes, os; os.chdir('/made'); raise SystemExit(ctypes.CDLL('/made/try.so').{library.function}())"
    ended = chain.python("--dir", f"{tmp_path}:/made", "-c", code)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_all_that_it_tells_pkg_config_is_there(chain: Chain, library: Library, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    for file in library.prefix.glob("lib/pkgconfig/*.pc"):
        chain.compile("main.c", *library.pkg_config(file.stem), "-o", "main.wasm", cwd=tmp_path)


def test_no_path_of_this_machine_is_in_it(chain: Chain, library: Library) -> None:
    archives = list(library.prefix.glob("lib/*.a"))
    assert archives
    store = bytes(chain.context.workspace.store)
    assert [path.name for path in archives if store in path.read_bytes()] == []
