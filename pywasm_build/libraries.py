"""Build native libraries with CMake as static, position-independent archives, each into a prefix of its own.

    <product>/include, <product>/lib, <product>/lib/pkgconfig

The prefixes are not merged: a package sees the libraries that its recipe names and no others.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pywasm_build import archive
from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.crossenv import CrossEnvironment
from pywasm_build.errors import BuildError
from pywasm_build.patching import apply_patches, patch_inputs, patches_for
from pywasm_build.recipes import Recipe
from pywasm_build.store import JSON, Stage, remove_product, source_hash
from pywasm_build.toolchain import Toolchain


def native_library(context: Context, environment: CrossEnvironment, recipe: Recipe) -> Path:
    """Return the prefix of a native library; build it when it is not in the store."""
    source = context.sources.find(recipe.name)
    known = [s.version for s in context.sources.pins.sources if s.name == recipe.name]
    patches = patches_for(recipe, source.version, known=known)
    stage = Stage(
        f"lib-{recipe.name}",
        {
            "source": source.inputs,
            "patches": patch_inputs(patches),
            "cmake": recipe.cmake,
            "environment": recipe.environment,
            "toolchain": environment.host.toolchain.key,
            "code": source_hash(sys.modules[__name__]),
        },
    )
    log = context.workspace.log(f"lib-{recipe.name}")

    def make(prefix: Path) -> Mapping[str, JSON]:
        tree = prefix / "tree"
        archive.unpack(context.sources.fetch(recipe.name), tree, strip=1)
        apply_patches(context.runner, patches, tree, log=log)
        _configure_and_make(context, environment, recipe, tree, prefix, log)
        remove_product(tree)
        if not list(prefix.glob("lib/*.a")):
            raise BuildError(f"{recipe.name} installed no static library; the full log is {log}")
        return {"version": source.version}

    return context.store.build(stage, make)


def _configure_and_make(
    context: Context, environment: CrossEnvironment, recipe: Recipe, tree: Path, prefix: Path, log: Path
) -> None:
    compiler = environment.host.toolchain
    flags = f"-O2 -fPIC -ffile-prefix-map={tree}=."
    variables = {**compiler_environment(compiler), "CFLAGS": flags, "CXXFLAGS": flags, **recipe.environment}
    cmake, run, title = environment.tools / "cmake", context.runner.run, f"library {recipe.name}"
    configure: list[Argument] = [
        cmake,
        "-G",
        "Ninja",
        "-S",
        tree,
        "-B",
        tree / "build",
        f"-DCMAKE_INSTALL_PREFIX={prefix}",
    ]
    configure += [f"-DCMAKE_MAKE_PROGRAM={environment.tools / 'ninja'}", "-DCMAKE_BUILD_TYPE=None"]
    run([*configure, *recipe.cmake], cwd=tree, env=variables, log=log, title=f"{title}: configure")
    build: list[Argument] = [cmake, "--build", tree / "build", f"-j{context.jobs}", "--target", "install"]
    run(build, cwd=tree, env=variables, log=log, title=f"{title}: build")


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
