#!/usr/bin/env python3
"""Show what a build inside the cross environment sees, and fail where something points to the build machine.

Usage: cross-python bin/sanity_check.py [HOST_PYTHON_ROOT [TOOLCHAIN]]

Run it with the cross-python of `build/crossenv`. The arguments say where paths may point to; without them they are
build/cpython/root and build/toolchain of this checkout.
"""

import os
import platform
import sys
import sysconfig
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def wheel_tag() -> str:
    """Return the most specific tag of wheels that pip would build here."""
    try:
        from pip._vendor.packaging.tags import sys_tags
    except ImportError:
        return "unknown (pip is missing)"
    return str(next(iter(sys_tags())))


def facts() -> dict[str, str]:
    """Collect what builds ask for."""
    variables = (
        "CC",
        "CXX",
        "AR",
        "LDSHARED",
        "CCSHARED",
        "EXT_SUFFIX",
        "SOABI",
        "HOST_GNU_TYPE",
        "SIZEOF_VOID_P",
    )
    paths = sysconfig.get_paths()
    return {
        "platform": sys.platform,
        "machine": platform.machine(),
        "system": platform.system(),
        "uname": " ".join(os.uname()),
        "sysconfig platform": sysconfig.get_platform(),
        "version": platform.python_version(),
        "wheel tag": wheel_tag(),
        "executable": sys.executable,
        **{name: str(sysconfig.get_config_var(name)) for name in variables},
        "include": paths["include"],
        "platinclude": paths["platinclude"],
    }


def problems(seen: dict[str, str], root: Path, toolchain: Path) -> list[str]:
    """Say what is not as a build for wasm32-wasip1 needs it."""
    short = sysconfig.get_python_version()
    tag = "cp" + short.replace(".", "")
    expected = {
        "platform": "wasi",
        "machine": "wasm32",
        "sysconfig platform": "wasi-wasm32",
        "wheel tag": f"{tag}-{tag}-wasi_wasm32",
        "SIZEOF_VOID_P": "4",
        "EXT_SUFFIX": f".cpython-{short.replace('.', '')}-wasm32-wasi.so",
    }
    found = [f"{name} is {seen[name]!r}, not {value!r}" for name, value in expected.items() if seen[name] != value]
    for name in ("CC", "CXX", "AR", "LDSHARED"):
        program = Path(seen[name].split()[0]) if seen[name] else Path()
        if not program.resolve().is_relative_to(toolchain.resolve()):
            found.append(f"{name} is {seen[name]!r}, which is not in the toolchain {toolchain}")
    for name in ("include", "platinclude"):
        if not Path(seen[name]).resolve().is_relative_to(root.resolve()):
            found.append(f"{name} is {seen[name]!r}, which is not in host-python's tree {root}")
        elif not (Path(seen[name]) / ("Python.h" if name == "include" else "pyconfig.h")).is_file():
            found.append(f"{name} is {seen[name]!r}, which has no headers")
    return found


def main(arguments: list[str]) -> int:
    """Print the facts and the problems; return the exit status."""
    defaults = [str(CHECKOUT / "build" / "cpython" / "root"), str(CHECKOUT / "build" / "toolchain")]
    root, toolchain = map(Path, [*arguments, *defaults[len(arguments) :]][:2])
    seen = facts()
    width = max(map(len, seen))
    for name, value in seen.items():
        print(f"{name:<{width}}  {value}")
    found = problems(seen, root, toolchain)
    for problem in found:
        print(f"PROBLEM: {problem}")
    print("a build in here is for the build machine" if found else "all is as a build for wasm32-wasip1 needs it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
