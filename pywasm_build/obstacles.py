"""Recognise, before anything is built, sources that this toolchain cannot compile.

Only what is sure is told: an optional Fortran or CUDA part, a Rust crate beside C sources that do the same, Fortran
among the tests say nothing. A package with a recipe is not judged: its author knows better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Files by which a build is described; their text is asked for.
BUILD_FILES = ("meson.build", "meson.options", "meson_options.txt", "CMakeLists.txt", "setup.py", "setup.cfg")
_RUST_TOOLS = frozenset(("maturin", "setuptools-rust", "puccinialin"))
_RUST_BACKENDS = ("maturin", "setuptools_rust")
_COMPILED = frozenset((".c", ".cc", ".cpp", ".cxx", ".pyx"))
_FORTRAN = frozenset((".f", ".for", ".f77", ".f90", ".f95", ".f03", ".f08"))
_EVENT_LIBRARIES = ("libuv", "libev", "libevent")
_STACK_SWITCH = re.compile(r"switch_(x86|amd64|arm|aarch64)\w*\.h")
# The wrappers of LLVM's two ways to compile in a process are named after them.
_LLVM_ENGINES = ("executionengine.cpp", "orcjit.cpp")
# Folders whose content no build needs.
_ASIDE = re.compile(
    r"^(tests?|testing|docs?|demos?|examples?|samples?|benchmarks?|bench)$|[_ ]tests?$|^tests? ", re.IGNORECASE
)
_MESON_PROJECT = re.compile(r"\bproject\s*\(([^)]*)\)", re.DOTALL)
_CMAKE_PROJECT = re.compile(r"^project\s*\(([^)]*)\)", re.DOTALL | re.IGNORECASE | re.MULTILINE)
# At the beginning of a line: inside an if() it would be indented, and optional.
_CMAKE_LANGUAGE = re.compile(r"^enable_language\s*\(([^)]*)\)", re.IGNORECASE | re.MULTILINE)
_MESON_OPTIONS = ("meson.options", "meson_options.txt")
_MESON_OPTION = re.compile(r"^option\s*\(\s*'([^']*)'", re.MULTILINE)
_MESON_LANGUAGE = re.compile(r"^add_languages\s*\(([^)]*)\)", re.MULTILINE)


def obstacle(
    files: Iterable[str], texts: dict[str, str], backend: str, requires: Sequence[str], needed: Sequence[str] = ()
) -> str:
    """Return in one line what these sources need that cannot be had, "" if nothing is known.

    files: the paths in the sdist below its one folder.
    texts: the content of those among them that are named in BUILD_FILES.
    backend, requires: what pyproject.toml says of the build.
    needed: what the package requires when it runs, with markers.
    """
    used = [path for path in map(PurePosixPath, files) if not any(map(is_aside, path.parts[:-1]))]
    return (
        _rust(used, texts, backend, requires)
        or _fortran(used, texts)
        or _linear_algebra(texts)
        or _cuda(used, texts, requires)
        or _event_loop(used)
        or _stack_switching(used)
        or _machine_code(used, needed)
    )


def is_aside(folder: str) -> bool:
    """Tell whether a folder of that name has tests, documents or examples, which no build needs."""
    return _ASIDE.search(folder) is not None


def _rust(files: Sequence[PurePosixPath], texts: dict[str, str], backend: str, requires: Sequence[str]) -> str:
    tools = sorted(_names(requires) & _RUST_TOOLS)
    if backend.startswith(_RUST_BACKENDS) or tools:
        return f"it needs a Rust compiler (its build uses {tools[0] if tools else backend.partition('.')[0]})"
    if "rust" in _languages(texts):
        return "it needs a Rust compiler (a language of its build)"
    crate = next((path for path in files if path.name == "Cargo.toml"), None)
    if crate and not any(path.suffix in _COMPILED for path in files):
        return f"it needs a Rust compiler ({crate})"
    return ""


def _fortran(files: Sequence[PurePosixPath], texts: dict[str, str]) -> str:
    if "fortran" in _languages(texts):
        return "it needs a Fortran compiler (a language of its build)"
    source = next((path for path in files if path.suffix.lower() in _FORTRAN), None)
    if source and "numpy.distutils" in texts.get("setup.py", ""):
        return f"it needs a Fortran compiler ({source}, through numpy.distutils)"
    if source and not any(path.suffix in _COMPILED for path in files):
        return f"it needs a Fortran compiler ({source})"
    return ""


def _linear_algebra(texts: dict[str, str]) -> str:
    """Tell of a build that always asks for BLAS and LAPACK; numpy's offers to do without."""
    options = {name for file in _MESON_OPTIONS for name in _MESON_OPTION.findall(texts.get(file, ""))}
    if "lapack" in options and "allow-noblas" not in options:
        return "it needs BLAS and LAPACK (an option of its build), for which there is no recipe"
    return ""


def _cuda(files: Sequence[PurePosixPath], texts: dict[str, str], requires: Sequence[str]) -> str:
    tools = sorted(name for name in _names(requires) if name.startswith("nvidia-") or name in ("cupy", "torch"))
    if "cuda" in _languages(texts):
        return "it needs CUDA (a language of its build)"
    setup = texts.get("setup.py", "")
    if "CUDAExtension" in setup and "CppExtension" not in setup:
        return "it needs CUDA (its setup.py makes a CUDAExtension)"
    kernel = next((path for path in files if path.suffix == ".cu"), None)
    if kernel and (tools or not any(path.suffix in _COMPILED for path in files)):
        return f"it needs CUDA ({kernel})"
    return ""


def _event_loop(files: Sequence[PurePosixPath]) -> str:
    """Tell of a package that brings its own event loop over the sockets of an operating system."""
    for path in files:
        found = [name for name in _EVENT_LIBRARIES if name in path.parts[:-1]]
        if found and path.suffix in _COMPILED:
            return f"it needs sockets and threads at heart (it brings {found[0]}), which WASI has not"
    return ""


def _stack_switching(files: Sequence[PurePosixPath]) -> str:
    """Tell of greenlet's way to have many stacks: each machine's registers are exchanged by assembly of its own."""
    switch = next((path for path in files if _STACK_SWITCH.fullmatch(path.name)), None)
    if switch:
        return f"it switches between stacks in assembly ({switch}), and WebAssembly lets nobody at its stack"
    return ""


def _machine_code(files: Sequence[PurePosixPath], needed: Sequence[str]) -> str:
    """Tell of a binding of LLVM's compilers that run in the process, and of what cannot do without it."""
    why = "LLVM, to make machine code when it runs, and WebAssembly runs none that was not there before"
    if engine := next((path for path in files if path.name in _LLVM_ENGINES), None):
        return f"it needs {why} ({engine})"
    always = {canonicalize_name(one.name) for one in map(Requirement, needed) if one.marker is None}
    return f"it needs llvmlite, and with it {why}" if "llvmlite" in always else ""


def _languages(texts: dict[str, str]) -> set[str]:
    """Return the languages, in lower case, that the build at the top always asks for."""
    found: set[str] = set()
    meson = _without_comments(texts.get("meson.build", ""))
    if match := _MESON_PROJECT.search(meson):
        # The first word is the project's name; what has a colon is a setting.
        plain = re.split(r"\b\w+\s*:", match[1])[0]
        found.update(re.findall(r"'([^']*)'", plain)[1:])
    for match in _MESON_LANGUAGE.finditer(meson):
        if not re.search(r"required\s*:\s*(false|get_option)", match[1]):
            found.update(re.findall(r"'([^']*)'", match[1]))
    cmake = _without_comments(texts.get("CMakeLists.txt", ""))
    if match := _CMAKE_PROJECT.search(cmake):
        found.update(match[1].split()[1:])
    for match in _CMAKE_LANGUAGE.finditer(cmake):
        found.update(word for word in match[1].split() if "OPTIONAL" not in match[1])
    return {word.lower() for word in found}


def _without_comments(text: str) -> str:
    return re.sub(r"#.*", "", text)


def _names(requires: Sequence[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requires}
