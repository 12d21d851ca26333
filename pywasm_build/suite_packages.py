"""Provide the pure Python packages that test suites need in the guest: pytest and its like.

They are no part of the runtime root: a product of their own holds them, which is mounted for test runs only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from pywasm_build.context import Context
from pywasm_build.errors import RecipeError, did_you_mean
from pywasm_build.locked_packages import install_pure_packages
from pywasm_build.native import native_python
from pywasm_build.store import Stage

LOCK = Path("third-party") / "test-packages.lock"
# Packages with commands name ../../bin/<command> in their RECORD, and pytest looks whether it is there: the
# guest may only do so if the mounted folder reaches two levels further up.
INNER = Path("lib") / "site-packages"
# Arguments of python. site-packages is read-only.
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)


def suite_packages(context: Context, names: Sequence[str]) -> Path:
    """Return a folder whose `INNER` has all packages of the lock file; `names` are those that a recipe needs.

    Raises RecipeError for a name that is not in the lock file.
    """
    lock = context.workspace.root / LOCK
    text = lock.read_text("utf-8")
    pinned = [canonicalize_name(name) for name in _PINNED.findall(text)]
    for name in names:
        if canonicalize_name(name) not in pinned:
            raise RecipeError(f"{name} is not pinned in {lock}{did_you_mean(name, pinned)}")
    python = native_python(context)
    stage = Stage("test-packages", {"lock": text, "python": python.identity})

    def make(product: Path) -> None:
        install_pure_packages(context, python, lock, product / INNER, title="packages for test suites")

    return context.store.build(stage, make)
