"""Build native libraries as static, position-independent archives, each into a prefix of its own.

    <product>/include, <product>/lib, <product>/lib/pkgconfig

The prefixes are not merged: a package sees the libraries that its recipe names and no others. CPython is linked
with libraries too, before there is a cross environment; therefore only those built by CMake need its programs.
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
from pywasm_build.recipes import BuildSystem, Recipe
from pywasm_build.store import JSON, Stage, remove_product, source_hash
from pywasm_build.toolchain import Toolchain

# What build systems write where they would write the time of the build: 1980, the oldest that zip archives know.
_SOURCE_DATE_EPOCH = "315532800"


def native_library(context: Context, compiler: Toolchain, recipe: Recipe, *, programs: Path | None = None) -> Path:
    """Return the prefix of a native library; build it when it is not in the store.

    programs: the folder of cmake and ninja. Raises RecipeError for a library that needs it where there is none.
    """
    system = recipe.build_system
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
            "toolchain": compiler.key,
            "code": source_hash(sys.modules[__name__]),
        },
    )
    log = context.workspace.log(f"lib-{recipe.name}")

    def make(prefix: Path) -> Mapping[str, JSON]:
        tree = prefix / "tree"
        archive.unpack(context.sources.fetch(recipe.name), tree, strip=1)
        apply_patches(context.runner, patches, tree, log=log)
        _Build(context=context, compiler=compiler, system=system, prefix=prefix, programs=programs).run(recipe, log)
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
    programs: Path | None

    @property
    def tree(self) -> Path:
        return self.prefix / "tree"

    def run(self, recipe: Recipe, log: Path) -> None:
        """Run all commands."""
        flags = f"-O2 -fPIC -ffile-prefix-map={self.tree}=."
        variables = {
            **compiler_environment(self.compiler),
            "CFLAGS": flags,
            "CXXFLAGS": flags,
            "SOURCE_DATE_EPOCH": _SOURCE_DATE_EPOCH,
            **recipe.environment,
        }
        for step, command in self._cmake() if self.programs and self.system.kind == "cmake" else self._make():
            title = f"library {recipe.name}: {step}"
            self.context.runner.run(command, cwd=self.tree, env=variables, log=log, title=title)

    def _cmake(self) -> list[tuple[str, list[Argument]]]:
        assert self.programs
        cmake, build = self.programs / "cmake", self.tree / "build"
        options = [f"-DCMAKE_INSTALL_PREFIX={self.prefix}", f"-DCMAKE_MAKE_PROGRAM={self.programs / 'ninja'}"]
        options += ["-DCMAKE_BUILD_TYPE=None", *self.system.configure]
        return [
            ("configure", [cmake, "-G", "Ninja", "-S", self.tree, "-B", build, *options]),
            ("build", [cmake, "--build", build, f"-j{self.context.jobs}", "--target", "install"]),
        ]

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


def library_flags(prefixes: Sequence[Path]) -> dict[str, str]:
    """Return the variables by which a package's build finds native libraries; none where there are no libraries."""
    if not prefixes:
        return {}
    includes = " ".join(f"-I{prefix / 'include'}" for prefix in prefixes)
    return {
        "CFLAGS": includes,
        "CXXFLAGS": includes,
        "LDFLAGS": " ".join(f"-L{prefix / 'lib'}" for prefix in prefixes),
        "PKG_CONFIG_LIBDIR": ":".join(str(prefix / "lib" / "pkgconfig") for prefix in prefixes),
    }
