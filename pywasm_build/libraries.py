"""Build native libraries as static, position-independent archives, each into a prefix of its own.

    <product>/include, <product>/lib, <product>/lib/pkgconfig

The prefixes are not merged: a package, or a library, sees the libraries that its recipe names, those that these
name, and no others. CPython is linked with libraries too, before there is a cross environment; therefore only
those built by CMake need its programs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pywasm_build import archive
from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.errors import BuildError, RecipeError
from pywasm_build.patching import apply_patches, patch_inputs, patches_for
from pywasm_build.recipes import BuildSystem, Recipe, Registry
from pywasm_build.store import JSON, Stage, remove_product, source_hash
from pywasm_build.toolchain import Toolchain

# What build systems write where they would write the time of the build: 1980, the oldest that zip archives know.
_SOURCE_DATE_EPOCH = "315532800"
_CMAKE_OPTIONS = (
    # As autoconf is told too.
    "-DBUILD_SHARED_LIBS=OFF",
    # CMake 4 refuses projects which ask for an older CMake than this, as many do.
    "-DCMAKE_POLICY_VERSION_MINIMUM=3.5",
    # CMake looks for it in the C library only on a Unix, which WASI is not.
    "-DIconv_IS_BUILT_IN=ON",
)
# What CMake finds with find_package and the like. Its toolchain file has no other folder than the sysroot.
_CMAKE_TOOLCHAIN = """\
include("{toolchain_file}")
list(APPEND CMAKE_FIND_ROOT_PATH {prefixes})
list(APPEND CMAKE_PREFIX_PATH {prefixes})
"""


def native_libraries(
    context: Context, compiler: Toolchain, registry: Registry, recipe: Recipe, *, programs: Path | None = None
) -> dict[str, Path]:
    """Return the prefixes, by name, of the libraries that a recipe names and of those that these name.

    Those that are not in the store are built. programs: as for native_library.
    """
    prefixes: dict[str, Path] = {}
    for library in registry.libraries_of(recipe):
        needed = {other.name: prefixes[other.name] for other in registry.libraries_of(library)}
        prefixes[library.name] = native_library(context, compiler, library, libraries=needed, programs=programs)
    return prefixes


def native_library(
    context: Context,
    compiler: Toolchain,
    recipe: Recipe,
    *,
    libraries: Mapping[str, Path] | None = None,
    programs: Path | None = None,
) -> Path:
    """Return the prefix of a native library; build it when it is not in the store.

    libraries: the prefixes of the libraries that it needs, by name. programs: the folder of cmake and ninja. Raises
    RecipeError for a library that needs the programs where there are none.
    """
    system, libraries = recipe.build_system, libraries or {}
    if system is None or (system.kind == "cmake" and programs is None):
        raise RecipeError(f"{recipe.name} cannot be built here: CMake comes only with the cross environment")
    source = context.sources.find(recipe.name)
    known = [s.version for s in context.sources.pins.sources if s.name == recipe.name]
    patches = patches_for(recipe, source.version, known=known)
    stage = Stage(
        f"lib-{recipe.name}",
        {
            "source": source.inputs,
            "patches": patch_inputs(patches),
            "build-system": asdict(system),
            "environment": recipe.environment,
            "libraries": {name: prefix.name for name, prefix in libraries.items()},
            "toolchain": compiler.key,
            "code": source_hash(sys.modules[__name__]),
        },
    )
    log = context.workspace.log(f"lib-{recipe.name}")

    def make(prefix: Path) -> Mapping[str, JSON]:
        tree = prefix / "tree"
        archive.unpack(context.sources.fetch(recipe.name), tree, strip=1)
        apply_patches(context.runner, patches, tree, log=log)
        build = _Build(
            context=context,
            compiler=compiler,
            system=system,
            prefix=prefix,
            libraries=list(libraries.values()),
            programs=programs,
        )
        build.run(recipe, log)
        remove_product(tree)
        if not list(prefix.glob("lib/*.a")):
            raise BuildError(f"{recipe.name} installed no static library; the full log is {log}")
        return {"version": source.version}

    return context.store.build(stage, make)


@dataclass(frozen=True, kw_only=True)
class _Build:
    """One build of a library: its unpacked sources lie in <prefix>/tree."""

    context: Context
    compiler: Toolchain
    system: BuildSystem
    prefix: Path
    libraries: Sequence[Path]
    programs: Path | None

    @property
    def tree(self) -> Path:
        return self.prefix / "tree"

    def run(self, recipe: Recipe, log: Path) -> None:
        """Run all commands."""
        found = library_flags(self.libraries)
        flags = f"-O2 -fPIC -ffile-prefix-map={self.tree}=."
        variables = {
            **compiler_environment(self.compiler),
            **found,
            **{name: f"{flags} {found.get(name, '')}".strip() for name in ("CFLAGS", "CXXFLAGS")},
            "SOURCE_DATE_EPOCH": _SOURCE_DATE_EPOCH,
            **recipe.environment,
        }
        for step, command in self._cmake() if self.system.kind == "cmake" else self._make():
            title = f"library {recipe.name}: {step}"
            self.context.runner.run(command, cwd=self.tree, env=variables, log=log, title=title)

    def _cmake(self) -> list[tuple[str, list[Argument]]]:
        assert self.programs
        # Not "build", which many a project has for itself.
        cmake, ninja, build = self.programs / "cmake", self.programs / "ninja", self.tree / "pywasm-build"
        options = [f"-DCMAKE_INSTALL_PREFIX={self.prefix}", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-DCMAKE_BUILD_TYPE=None"]
        options += [*_CMAKE_OPTIONS, *self._cmake_libraries(), *self.system.configure]
        return [
            ("configure", [cmake, "-G", "Ninja", "-S", self.tree, "-B", build, *options]),
            ("build", [cmake, "--build", build, f"-j{self.context.jobs}", "--target", "install"]),
        ]

    def _cmake_libraries(self) -> list[str]:
        if not self.libraries:
            return []
        return [f"-DCMAKE_TOOLCHAIN_FILE={cmake_toolchain(self.compiler, self.libraries, self.tree)}"]

    def _make(self) -> list[tuple[str, list[Argument]]]:
        configure, build = self._configure(), self._filled(self.system.make)
        return [
            *([("configure", configure)] if configure else []),
            ("build", ["make", f"-j{self.context.jobs}", *build]),
            ("install", ["make", *self._filled(self.system.install)]),
        ]

    def _configure(self) -> list[Argument]:
        if self.system.kind == "configure":
            return self._filled(self.system.configure)
        if self.system.kind == "make":
            return []
        triples = [f"--host={self.compiler.triple}", f"--build={self.context.build_triple}"]
        static = ["--enable-static", "--disable-shared"]
        return ["./configure", *triples, f"--prefix={self.prefix}", *static, *self.system.configure]

    def _filled(self, words: Sequence[str]) -> list[Argument]:
        return [word.replace("{prefix}", str(self.prefix)) for word in words]


def compiler_environment(compiler: Toolchain) -> dict[str, str | None]:
    """Return the variables by which configure scripts and build backends find the cross compiler."""
    return {
        "CC": str(compiler.driver("clang")),
        "CXX": str(compiler.driver("clang++")),
        "AR": str(compiler.driver("ar")),
        "RANLIB": str(compiler.driver("ranlib")),
        "NM": str(compiler.driver("nm")),
        "STRIP": str(compiler.driver("strip")),
        "CMAKE_TOOLCHAIN_FILE": str(compiler.cmake_file),
        # pkg-config must not see the build machine's libraries.
        "PKG_CONFIG_LIBDIR": str(compiler.root / "sysroot" / "lib" / "pkgconfig"),
        "PKG_CONFIG_PATH": None,
    }


def cmake_toolchain(compiler: Toolchain, installed: Sequence[Path], folder: Path, *, more: str = "") -> Path:
    """Write a toolchain file into `folder` with which CMake finds what is installed under these prefixes; return it.

    more: what the file says at its end.
    """
    file = folder / "pywasm-libraries.cmake"
    prefixes = " ".join(f'"{prefix}"' for prefix in installed)
    file.write_text(_CMAKE_TOOLCHAIN.format(toolchain_file=compiler.cmake_file, prefixes=prefixes) + more, "utf-8")
    return file


def library_flags(prefixes: Sequence[Path]) -> dict[str, str]:
    """Return the variables by which a build finds the native libraries that it asked for; none where there are none."""
    includes = " ".join(f"-I{folder}" for folder in _headers(prefixes))
    # The preprocessor alone is called with CPPFLAGS only.
    names = ("CPPFLAGS", "CFLAGS", "CXXFLAGS") if prefixes else ()
    return {**dict.fromkeys(names, includes), **_linking(prefixes)}


def system_library_flags(prefixes: Sequence[Path]) -> dict[str, str]:
    """Do as `library_flags`, but as for libraries of the system: what sources bring themselves comes first."""
    includes = ":".join(map(str, _headers(prefixes)))
    names = ("C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH") if prefixes else ()
    return {**dict.fromkeys(names, includes), **_linking(prefixes)}


def library_variables(context: Context, registry: Registry, prefixes: Mapping[str, Path]) -> dict[str, str]:
    """Return what the recipes of libraries, whose prefixes are given by name, tell the builds that use them."""
    found = {}
    for recipe in registry.libraries:
        if recipe.variables and (prefix := prefixes.get(recipe.name)):
            version = context.sources.find(recipe.name).version
            for name, value in recipe.variables.items():
                found[name] = value.replace("{prefix}", str(prefix)).replace("{version}", version)
    return found


def archive_flags(prefixes: Sequence[Path]) -> str:
    """Return linker flags that name every archive: an archive's user names it, but hardly ever what it needs itself."""
    archives = [archive for prefix in prefixes for archive in sorted((prefix / "lib").glob("lib*.a"))]
    return " ".join(f"-l{archive.stem.removeprefix('lib')}" for archive in archives)


def _headers(prefixes: Sequence[Path]) -> list[Path]:
    return [prefix / "include" for prefix in prefixes]


def _linking(prefixes: Sequence[Path]) -> dict[str, str]:
    if not prefixes:
        return {}
    return {
        "LDFLAGS": " ".join(f"-L{prefix / 'lib'}" for prefix in prefixes),
        "PKG_CONFIG_LIBDIR": ":".join(str(prefix / "lib" / "pkgconfig") for prefix in prefixes),
    }
