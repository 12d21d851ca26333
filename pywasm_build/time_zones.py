"""Provide the time zone database, the compiled files that zoneinfo reads.

It comes from the package tzdata, whose data CPython's documentation names for systems that have none of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pywasm_build import locked_packages
from pywasm_build.context import Context
from pywasm_build.locked_packages import install_pure_packages
from pywasm_build.native import BuildPython
from pywasm_build.store import Stage, remove_product, source_hash

LOCK = Path("third-party") / "time-zones.lock"
_PACKAGE = "packages"


def time_zones(context: Context, python: BuildPython) -> Path:
    """Return a tree with the database in usr/share/zoneinfo, where zoneinfo looks first."""
    lock = context.workspace.root / LOCK
    code = source_hash(sys.modules[__name__], locked_packages)
    stage = Stage("time-zones", {"lock": lock.read_text("utf-8"), "python": python.identity, "code": code})

    def make(product: Path) -> None:
        packages = product / _PACKAGE
        install_pure_packages(context, python, lock, packages, title="time zones")
        database = product / "usr" / "share" / "zoneinfo"
        database.parent.mkdir(parents=True)
        (packages / "tzdata" / "zoneinfo").rename(database)
        for code in (*database.rglob("__init__.py"), *database.rglob("__pycache__")):
            remove_product(code) if code.is_dir() else code.unlink()
        remove_product(packages)

    return context.store.build(stage, make)
