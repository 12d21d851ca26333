"""Tell which standard modules a build of CPython has, which it was told to leave out, and which it failed to build."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.errors import UsageError

BUILT_IN, LEFT_OUT, FAILED = "built in", "left out", "failed"

# The headings of makesetup, and the one under which modules are left out.
_DISABLED = "*disabled*"
_HEADINGS = ("*static*", "*shared*", _DISABLED)
# MODULE_ZLIB_STATE=yes, missing, disabled or n/a: what configure decided.
_STATE = re.compile(r"^MODULE_(\w+)_STATE=(\S+)$", re.MULTILINE)
_INITTAB = re.compile(r'^\s*\{"(\w+)", \w+\},', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Module:
    """One standard extension module: state is BUILT_IN, LEFT_OUT or FAILED."""

    name: str
    state: str
    reason: str = ""


def read_setup_local(path: Path) -> dict[str, str]:
    """Read which modules are left out and why; a module without a reason, and an unknown heading, is an error."""
    reasons: dict[str, str] = {}
    disabled = False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        text, _, comment = (part.strip() for part in line.partition("#"))
        if text.startswith("*"):
            if text not in _HEADINGS:
                raise UsageError(f"{path}, line {number}: {text} is no heading; there are {', '.join(_HEADINGS)}")
            disabled = text == _DISABLED
        elif text and disabled:
            if not comment:
                raise UsageError(f"{path}, line {number}: {text} has no reason; write it behind a #")
            reasons[text.split()[0]] = comment
    return reasons


def module_table(tree: Path, reasons: Mapping[str, str]) -> list[Module]:
    """List the extension modules of a built tree.

    reasons: those that Setup.local leaves out; raises UsageError for one that this CPython does not have.
    """
    states = {name.lower(): state for name, state in _STATE.findall((tree / "Makefile").read_text("utf-8"))}
    built = set(_INITTAB.findall((tree / "Modules" / "config.c").read_text("utf-8")))
    if unknown := sorted(name for name in reasons if name.lower() not in states and name not in built):
        raise UsageError(f"Setup.local leaves out {', '.join(unknown)}, which this CPython does not have: remove it")
    by_lower = {name.lower(): name for name in (*built, *reasons)}
    modules = [Module(name=name, state=BUILT_IN) for name in built if not name.startswith("_test")]
    for lower, state in states.items():
        name = by_lower.get(lower, lower)
        if name not in built and not name.startswith(("_test", "_ctypes_test", "_xxtest", "xx")):
            modules.append(_absent(name, state, reasons.get(name)))
    return sorted(modules, key=lambda module: (module.state, module.name.lower()))


def _absent(name: str, state: str, reason: str | None) -> Module:
    if reason:
        return Module(name=name, state=LEFT_OUT, reason=reason)
    if state == "n/a":
        return Module(
            name=name, state=FAILED, reason="CPython's configure knows it for no WASI; say why in Setup.local"
        )
    if state == "disabled":
        return Module(name=name, state=LEFT_OUT, reason="switched off by configure")
    why = "a library or header that it needs is missing" if state == "missing" else "configure wanted it"
    return Module(name=name, state=FAILED, reason=f"{why}; leave it out in Setup.local, or provide what it needs")
