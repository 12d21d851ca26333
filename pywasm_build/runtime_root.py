"""Put together the runtime root: the tree that the guest sees as `/`.

    usr/bin/pythonX.Y.wasm             the main module
    usr/lib/pythonX.Y/                 the standard library, compiled, without what a sandbox cannot use
    usr/lib/pythonX.Y/site-packages/   the guest library and the installed packages, each with its RECORD
    usr/share/zoneinfo/                the time zone database
    tmp/ dev/null etc/                 what programs expect to find

The standard library and each unpacked wheel are products of their own; a root is made of hard links to their files.
So a root per set of packages costs little, and installing one package touches no root that is in use.
"""

from __future__ import annotations

import os
import pprint
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

from pywasm_build.context import Context
from pywasm_build.cpython import PREFIX, HostPython
from pywasm_build.errors import BuildError, StoreError, UsageError
from pywasm_build.host_wheel import host_wheel
from pywasm_build.modules import LEFT_OUT
from pywasm_build.sources import file_sha256
from pywasm_build.store import JSON, STAMP, Stage, link, link_or_copy, read_stamp, source_hash
from pywasm_build.time_zones import time_zones
from pywasm_build.toml_values import Table, check_keys, read_data_file, strings_of
from pywasm_build.wheel_archive import is_library
from pywasm_build.wheels import Wheel

# What no program imports; left-out.toml names the rest. "test" goes with its subfolders.
_LEFT_OUT = ("__pycache__", "test", "tests", "config-*", "site-packages", "lib-dynload")
# What python.wasm's import looks into to say why a standard module is not there.
_REASONS = "_left_out.py"
_ETC = {
    "os-release": 'NAME="pywasm"\nID=pywasm\nPRETTY_NAME="pywasm (WebAssembly, WASI)"\n',
    # As getpwuid and getgrgid of the C library have it.
    "passwd": "root:x:0:0:root:/:\n",
    "group": "root:x:0:root\n",
}
_FOLDERS = ("tmp", "dev", "etc", "usr/bin")


@dataclass(frozen=True, kw_only=True)
class RuntimeRoot:
    """A runtime root in the store: the packages in it besides the guest library, and its size in bytes."""

    path: Path
    wheels: tuple[Wheel, ...]
    size: int
    files: int


def runtime_root(context: Context, host: HostPython, wheels: Sequence[Wheel]) -> RuntimeRoot:
    """Return the runtime root with these wheels and the guest library installed, and make the checkout use it."""
    library = standard_library(context, host)
    unpacked = [unpacked_wheel(context, host, wheel) for wheel in (host_wheel(context), *wheels)]
    stage = Stage(
        "runtime",
        {"library": library.name, "wheels": sorted(u.name for u in unpacked), "code": _code()},
    )
    path = context.store.build(stage, lambda root: _assemble(host, library, unpacked, root))
    link(context.workspace.runtime, path)
    files = [f for f in path.rglob("*") if f.is_file() and not f.is_symlink()]
    return RuntimeRoot(path=path, wheels=tuple(wheels), size=sum(f.stat().st_size for f in files), files=len(files))


def _code() -> str:
    return source_hash(sys.modules[__name__])


def standard_library(context: Context, host: HostPython) -> Path:
    """Return a tree with the main module and the compiled standard library."""
    reasons, zones = reasons_for_absence(context, host), time_zones(context, host.native)
    stage = Stage(
        "stdlib",
        {
            "host": host.key,
            "native": host.native.identity,
            "left-out": reasons,
            "time-zones": zones.name,
            "code": _code(),
        },
    )
    return context.store.build(stage, lambda root: _make_library(context, host, reasons, zones, root))


def reasons_for_absence(context: Context, host: HostPython) -> dict[str, str]:
    """Return, for each standard module that the guest does not have, why.

    Raises RecipeError for a wrong left-out.toml, UsageError where it names a module that this CPython does not have.
    """
    path = context.workspace.left_out_toml
    library = host.root / PREFIX.lstrip("/") / "lib" / f"python{host.short}"
    modules = read_data_file(path, _left_out)
    for name in modules:
        if not (library / name).is_dir() and not (library / f"{name}.py").is_file():
            raise UsageError(f"{path} leaves out {name}, which this CPython does not have: remove it")
    return {**modules, **{m.name: m.reason for m in host.modules if m.state == LEFT_OUT}}


def _left_out(table: Table) -> Mapping[str, str]:
    check_keys(table, ("modules",), "the top level")
    return strings_of(table, "modules")


def _make_library(context: Context, host: HostPython, reasons: Mapping[str, str], zones: Path, root: Path) -> None:
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "dev" / "null").touch()
    for name, text in _ETC.items():
        (root / "etc" / name).write_text(text, "utf-8")
    shutil.copy2(host.main_module, root / "usr" / "bin" / host.main_module.name)
    library = f"usr/lib/python{host.short}"
    absent = (pattern for name in reasons for pattern in (name, f"{name}.py"))
    shutil.copytree(host.root / library, root / library, ignore=shutil.ignore_patterns(*_LEFT_OUT, *absent))
    (root / library / _REASONS).write_text(f"REASONS = {pprint.pformat(dict(reasons))}\n", "utf-8")
    link_tree(zones, root)
    (root / library / "site-packages").mkdir()
    # getpath looks for this folder and warns without it.
    (root / library / "lib-dynload").mkdir()
    _hide_build_machine(context, host, root / library)
    compile_tree(context, host, root / library, root)


def _hide_build_machine(context: Context, host: HostPython, library: Path) -> None:
    """Name the compilers as a user would, and nothing else of the build machine, in sysconfig's data."""
    hidden = {
        f"{host.toolchain.bin}/": "",
        str(host.native.executable): "python3",
        str(context.workspace.root): "/nonexistent",
    }
    # The toolchain, the libraries, CPython's own build folder.
    product = re.compile(rf"{re.escape(str(context.workspace.store))}/[\w.-]+/[\w.-]+")
    for path in library.glob("_sysconfigdata*.py"):
        text = path.read_text("utf-8")
        for old, new in hidden.items():
            text = text.replace(old, new)
        text = product.sub("/nonexistent", text)
        path.write_text(text, "utf-8")
        if str(context.workspace.cache) in text:
            raise BuildError(f"{path} names a path of the build machine")


def compile_tree(context: Context, host: HostPython, folder: Path, root: Path) -> None:
    """Compile the Python files in `folder` as the guest will see them; `root` is what the guest sees as `/`.

    The pyc files are never checked against their sources: a runtime root does not change.
    """
    context.runner.run(
        [
            host.native.executable,
            *("-I", "-m", "compileall", "-q", "-j", str(context.jobs)),
            *("--invalidation-mode", "unchecked-hash", "-s", root, "-p", "/", folder),
        ],
        cwd=root,
        log=context.workspace.log("compileall"),
        # Packages ship sources for other Pythons, which do not compile.
        check=False,
    )


def unpacked_wheel(context: Context, host: HostPython, wheel: Wheel) -> Path:
    """Return a tree in which one wheel is installed, with its RECORD, compiled."""
    stage = Stage(
        "unpacked",
        {"wheel": wheel.path.name, "sha256": wheel.sha256, "host": host.key, "code": _code()},
    )
    return context.store.build(stage, lambda root: _install(context, host, wheel, root))


def _install(context: Context, host: HostPython, wheel: Wheel, root: Path) -> Mapping[str, JSON]:
    prefix, library = PREFIX, f"{PREFIX}/lib/python{host.short}/site-packages"
    destination = SchemeDictionaryDestination(
        scheme_dict={
            "purelib": library,
            "platlib": library,
            "headers": f"{prefix}/include/python{host.short}/{wheel.name}",
            "scripts": f"{prefix}/bin",
            "data": prefix,
        },
        interpreter=f"{prefix}/bin/{host.main_module.name}",
        script_kind="posix",
        destdir=str(root),
    )
    with WheelFile.open(wheel.path) as source:
        install(source, destination, additional_metadata={"INSTALLER": b"pywasm\n"})
    packages = root / library.lstrip("/")
    if packages.is_dir():
        compile_tree(context, host, packages, root)
    return {"package": wheel.name, "version": str(wheel.version)}


def _assemble(host: HostPython, library: Path, unpacked: Sequence[Path], root: Path) -> Mapping[str, JSON]:
    trees = (library, *unpacked)
    for number, tree in enumerate(trees):
        link_tree(tree, root, earlier=trees[:number])
    modules = sorted(path for path in root.rglob("*.so*") if is_library(path.name))
    return {
        "python": main_module_entry(host, root),
        "side_modules": {str(path.relative_to(root)): file_sha256(path) for path in modules},
    }


def main_module_entry(host: HostPython, root: Path) -> Mapping[str, JSON]:
    """Return what the stamp of a runtime root says of the main module; the runtime reads it."""
    main = root / "usr" / "bin" / host.main_module.name
    return {"version": host.version, "main": str(main.relative_to(root)), "main_sha256": file_sha256(main)}


def link_tree(source: Path, target: Path, *, earlier: Sequence[Path] = ()) -> None:
    """Hard-link every file of a product into `target`; raise StoreError for one that an earlier product put there."""
    for folder, _, names in os.walk(source):
        here = Path(folder)
        inside = here.relative_to(source)
        try:
            (target / inside).mkdir(exist_ok=True)
            for name in names:
                if here != source or name != STAMP:
                    inside = (here / name).relative_to(source)
                    link_or_copy(here / name, target / inside)
        except (FileExistsError, NotADirectoryError):
            owners = [_title(tree) for tree in earlier if (tree / inside).exists()]
            raise StoreError(
                f"{_title(source)} installs /{inside}, and so does {', '.join(owners) or 'another package'};"
                " they cannot be installed together"
            ) from None


def _title(product: Path) -> str:
    """Return the name of the package that is unpacked in a product."""
    return str((read_stamp(product) or {}).get("package", "the standard library"))
