"""Provide the native Python: exactly the version that is built for wasm, for the build machine.

CPython's cross build runs it to freeze modules and to compile the library, and cross-python is it in disguise.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pywasm_build import archive
from pywasm_build.context import Context
from pywasm_build.errors import BuildError, CommandFailed, MachineError, UsageError
from pywasm_build.pins import Source
from pywasm_build.store import JSON, Stage, link, remove_product

_CONFIGURE = ("--with-ensurepip=install", "--disable-test-modules")
# As upstream's, without -g: nobody debugs it.
_OPTIMISATION = "-DNDEBUG -O3 -Wall"
# What pip, the build tools and sysconfig need of it.
_REQUIRED = ("ssl", "zlib", "bz2", "lzma", "sqlite3", "ctypes", "venv", "ensurepip")
_PROBE = "import json, platform, sys; print(json.dumps([platform.python_implementation(), platform.python_version()]))"


@dataclass(frozen=True, kw_only=True)
class BuildPython:
    """An interpreter of the build machine; `identity` says which, as an input of what is built with it."""

    executable: Path
    version: str
    identity: str


def short_version(version: str) -> str:
    """Return "X.Y" of a version "X.Y.Z"."""
    return ".".join(version.split(".")[:2])


def cpython_source(context: Context) -> Source:
    """Return the pinned source of the CPython that this checkout builds."""
    return context.sources.find("cpython")


def native_python(context: Context, *, clean: bool = False) -> BuildPython:
    """Return the native Python: PYWASM_BUILD_PYTHON's if it has the pinned version, else one built from source."""
    source = cpython_source(context)
    if named := context.environ.get("PYWASM_BUILD_PYTHON"):
        return _existing(context, Path(named).expanduser().absolute(), source.version)
    stage = Stage(
        "native-python",
        {
            "source": source.inputs,
            "configure": [*_CONFIGURE, _OPTIMISATION],
            "required": _REQUIRED,
            # It links to libraries of this machine.
            "machine": [sys.platform, os.uname().machine, *platform.libc_ver()],
        },
    )
    root = context.store.build(stage, lambda product: _make(context, source, product), clean=clean)
    link(context.workspace.build / "native-python", root)
    return BuildPython(
        executable=root / "bin" / f"python{short_version(source.version)}",
        version=source.version,
        identity=stage.key,
    )


def _existing(context: Context, executable: Path, wanted: str) -> BuildPython:
    if not executable.is_file():
        raise UsageError(f"PYWASM_BUILD_PYTHON names {executable}, which is no file; give the path of a Python")
    try:
        printed = context.runner.run(
            [executable, "-I", "-c", _PROBE], cwd=executable.parent, capture=True, timeout=60
        ).stdout
        implementation, version = json.loads(printed)
    except (CommandFailed, MachineError, ValueError, TypeError) as error:
        raise UsageError(f"PYWASM_BUILD_PYTHON names {executable}, which does not run as a Python: {error}") from error
    if (implementation, version) != ("CPython", wanted):
        raise UsageError(
            f"PYWASM_BUILD_PYTHON names {executable}, which is {implementation} {version}; the pinned version is"
            f" CPython {wanted}. Name one of exactly that version, or unset it to have one built"
        )
    check_modules(context, executable)
    prefix = executable.resolve().parent.parent
    if not list(prefix.glob(f"lib/python{short_version(version)}/ensurepip/_bundled/pip-*.whl")):
        raise UsageError(
            f"PYWASM_BUILD_PYTHON names {executable}, whose ensurepip has no wheel of pip in {prefix}, as distributions"
            " have it; name one that was built from CPython's sources, or unset it to have one built"
        )
    return BuildPython(executable=executable, version=version, identity=f"{executable} {version}")


def _make(context: Context, source: Source, root: Path) -> Mapping[str, JSON]:
    tree, log = root / "tree", context.workspace.log("native-python")
    archive.unpack(context.sources.fetch("cpython"), tree, strip=1)
    run = context.runner.run
    title = f"native Python {source.version}"
    run(
        ["./configure", f"--prefix={root}", *_CONFIGURE],
        cwd=tree,
        env={"OPT": _OPTIMISATION},
        log=log,
        title=f"{title}: configure",
    )
    run(["make", f"-j{context.jobs}"], cwd=tree, log=log, title=f"{title}: make")
    # pip is unpacked from the tarball's own wheel, so nothing is downloaded.
    run(["make", "install"], cwd=tree, log=log, title=f"{title}: install", env={"PIP_NO_INDEX": "1"})
    remove_product(tree)
    check_modules(context, root / "bin" / f"python{short_version(source.version)}")
    return {"version": source.version}


def check_modules(context: Context, python: Path) -> None:
    """Raise BuildError if a native Python lacks a module that the build needs."""
    probe = (
        "import importlib.util, sys\n"
        "def works(name):\n"
        "    try:\n"
        "        __import__(name)\n"
        "    except ImportError:\n"
        "        return False\n"
        "    return True\n"
        "print(*[name for name in sys.argv[1:] if not works(name)])"
    )
    lacking = context.runner.run(
        [python, "-I", "-c", probe, *_REQUIRED], cwd=python.parent, capture=True, timeout=120
    ).stdout.split()
    if lacking:
        raise BuildError(
            f"{python} lacks the modules {', '.join(lacking)}: headers were missing when it was built."
            " bin/inv doctor shows which"
        )
