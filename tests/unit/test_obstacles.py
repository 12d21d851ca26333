"""What cannot be compiled is told from the sources; what only looks like it is not."""

from __future__ import annotations

import pytest

from pywasm_build.obstacles import obstacle

MESON = "# a comment: fortran\nproject('pack', {languages},\n  version: 'cuda', license: 'rust')\n"
OPTIONS = "option('blas', type: 'string')\noption('lapack', type: 'string', value: 'openblas')\n"
CMAKE = "cmake_minimum_required(VERSION 3.15)\nproject(pack LANGUAGES {languages})\n"


def judged(
    *files: str,
    texts: dict[str, str] | None = None,
    backend: str = "setuptools.build_meta",
    requires: str = "",
    needed: tuple[str, ...] = (),
) -> str:
    return obstacle(files, texts or {}, backend, requires.split(), needed)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (judged("Cargo.toml", backend="maturin", requires="maturin>=1"), "a Rust compiler (its build uses maturin)"),
        (judged("x.c", requires="setuptools setuptools_rust>=1"), "a Rust compiler (its build uses setuptools-rust)"),
        (judged("src/Cargo.toml", "src/lib.rs", "pack.py"), "a Rust compiler (src/Cargo.toml)"),
        (judged("x.c", texts={"meson.build": MESON.format(languages="'c', 'rust'")}), "a Rust compiler"),
        (judged("x.c", texts={"meson.build": MESON.format(languages="['c', 'fortran']")}), "a Fortran compiler"),
        (judged("x.c", texts={"meson.build": "project('p', 'c')\nadd_languages('fortran')\n"}), "a Fortran compiler"),
        (judged("x.c", texts={"CMakeLists.txt": CMAKE.format(languages="C Fortran")}), "a Fortran compiler"),
        (judged("x.c", texts={"CMakeLists.txt": "project(p C)\nenable_language(Fortran)\n"}), "a Fortran compiler"),
        (
            judged("x.c", "src/solve.f90", texts={"setup.py": "from numpy.distutils.core import setup"}),
            "a Fortran compiler (src/solve.f90, through numpy.distutils)",
        ),
        (judged("src/solve.F", "pack.py"), "a Fortran compiler (src/solve.F)"),
        (judged("x.c", texts={"meson.options": OPTIONS}), "BLAS and LAPACK (an option of its build)"),
        (judged("x.c", texts={"meson_options.txt": OPTIONS}), "BLAS and LAPACK (an option of its build)"),
        (judged("x.cpp", texts={"CMakeLists.txt": CMAKE.format(languages="CXX CUDA")}), "CUDA (a language"),
        (judged("x.cpp", texts={"setup.py": "ext_modules=[CUDAExtension('x', [])]"}), "CUDA (its setup.py"),
        (judged("kernel.cu", "pack.py"), "CUDA (kernel.cu)"),
        (judged("x.c", "kernel.cu", requires="nvidia-cuda-runtime-cu12"), "CUDA (kernel.cu)"),
        (judged("vendor/libuv/src/unix/core.c", "loop.pyx"), "sockets and threads at heart (it brings libuv)"),
        (judged("g/greenlet.cpp", "g/platform/switch_amd64_unix.h"), "in assembly (g/platform/switch_amd64_unix.h)"),
        (judged("ffi/core.cpp", "ffi/orcjit.cpp"), "LLVM, to make machine code when it runs"),
        (judged("x.c", needed=("numpy", "llvmlite<0.51")), "it needs llvmlite, and with it LLVM"),
    ],
)
def test_what_cannot_be_had_is_named(found: str, words: str) -> None:
    assert found.startswith(("it needs ", "it switches "))
    assert words in found


@pytest.mark.parametrize(
    "found",
    [
        judged(),
        judged("pack.py", "x.c"),
        judged("x.c", needed=("numpy", "llvmlite; extra == 'fast'")),
        # Crates and Fortran that another language's sources do without, or that only tests need.
        judged("rust-ext/Cargo.toml", "c-ext/x.c"),
        judged("tests/Cargo.toml", "pack.py"),
        judged("pack/tests/src/x.f90", "pack.py"),
        judged("f2py/x.f90", "x.c"),
        judged("x.c", "gpu/kernel.cu"),
        judged("docs/libuv/x.c"),
        judged("libuv/README"),
        judged("x.c", "switch_case.h", "tests/switch_x86_unix.h"),
        judged("x.c", texts={"meson.build": MESON.format(languages="'c', 'cython'")}),
        judged("x.c", texts={"meson.options": f"{OPTIONS}option('allow-noblas', type: 'boolean', value: true)\n"}),
        judged("x.c", texts={"meson.options": "option('docs', description: 'of lapack')\n# option('lapack')\n"}),
        judged("x.c", texts={"meson.build": "project('p', 'c')\nadd_languages('fortran', required: false)\n"}),
        judged("x.c", texts={"meson.build": "project('fortran', 'c')\n"}),
        judged("x.c", texts={"CMakeLists.txt": "project(Fortran C)\nif(GPU)\n  enable_language(CUDA)\nendif()\n"}),
        judged("x.c", texts={"CMakeLists.txt": "project(p C) # Fortran\n"}),
        judged("x.cpp", texts={"setup.py": "E = CUDAExtension if CUDA_HOME else CppExtension"}),
        judged("x.c", texts={"setup.py": "project('x', 'rust')"}),
    ],
)
def test_what_is_not_sure_is_not_told(found: str) -> None:
    assert found == ""
