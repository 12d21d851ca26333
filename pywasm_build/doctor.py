"""Find out what this machine lacks for a build, and name the one command that mends it.

Headers are looked for by compiling an include, not by asking a package manager: what counts is whether the
compiler finds them. Modules of Python and Perl are looked for by using them: some distributions put those that
come with the language into packages of their own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywasm_build.command import Runner
from pywasm_build.errors import CommandFailed, MachineError
from pywasm_build.progress import table

# How each package manager installs, in the order in which they are looked for, and its words for the needs.
_INSTALL = {
    "apt-get": ("apt-get", "install", "-y", "--no-install-recommends"),
    "dnf": ("dnf", "install", "-y"),
    "apk": ("apk", "add"),
    "brew": ("brew", "install"),
}


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that a build needs.

    kind: "program", "header", "module" (of the Python that runs this) or "perl" (a module of Perl). what: its
    name; for a header all that must be included, separated by blanks. packages: for each package manager the
    package that has it.
    """

    kind: str
    what: str
    purpose: str
    packages: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A need, and whether this machine meets it."""

    need: Need
    found: bool


def _need(kind: str, what: str, purpose: str, apt: str, dnf: str, apk: str, brew: str) -> Need:
    packages = {"apt-get": apt, "dnf": dnf, "apk": apk, "brew": brew}
    return Need(kind=kind, what=what, purpose=purpose, packages={k: v for k, v in packages.items() if v})


# fmt: off
NEEDS = (
    _need("program", "cc", "compiles the native Python", "gcc libc6-dev", "gcc", "build-base", "gcc"),
    _need("program", "make", "builds CPython", "make", "make", "make", "make"),
    _need("program", "git", "applies patches", "git", "git", "git", "git"),
    _need("program", "pkg-config", "finds libraries for the native Python",
          "pkg-config", "pkgconf-pkg-config", "pkgconf", "pkgconf"),
    _need("perl", "IPC::Cmd", "Perl with its standard modules configures OpenSSL",
          "perl", "perl", "perl", "perl"),
    _need("module", "lzma", "unpacks .tar.xz sources", "python3", "python3-libs", "python3", "xz"),
    _need("header", "openssl/ssl.h", "ssl in the native Python (pip needs it)",
          "libssl-dev", "openssl-devel", "openssl-dev", "openssl@3"),
    _need("header", "zlib.h", "zlib in the native Python",
          "zlib1g-dev", "zlib-devel", "zlib-dev", "zlib"),
    _need("header", "ffi.h", "ctypes in the native Python",
          "libffi-dev", "libffi-devel", "libffi-dev", "libffi"),
    _need("header", "sqlite3.h", "sqlite3 in the native Python",
          "libsqlite3-dev", "sqlite-devel", "sqlite-dev", "sqlite"),
    _need("header", "lzma.h", "lzma in the native Python",
          "liblzma-dev", "xz-devel", "xz-dev", "xz"),
    _need("header", "stdio.h bzlib.h", "bz2 in the native Python",
          "libbz2-dev", "bzip2-devel", "bzip2-dev", "bzip2"),
)
# What only some tests need; they are skipped where it is missing.
TEST_NEEDS = (
    _need("program", "chromium", "shows the server's status page in a test",
          "chromium", "chromium", "chromium", "chromium"),
)
# fmt: on


def examine(
    runner: Runner,
    *,
    needs: Sequence[Need] = NEEDS,
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(f"_{name}") is not None,
) -> list[Finding]:
    """Look for everything that a build needs; takes well under a second."""
    with tempfile.TemporaryDirectory(prefix="pywasm-doctor-") as folder:
        checks: dict[str, Callable[[str], bool]] = {
            "program": lambda name: _has_program(runner, name, Path(folder)),
            "header": lambda names: _has_header(runner, names, Path(folder)),
            "module": has_module,
            "perl": lambda name: _has_perl_module(runner, name, Path(folder)),
        }
        return [Finding(need=need, found=checks[need.kind](need.what)) for need in needs]


def report(findings: Sequence[Finding]) -> str:
    """Return the table that `inv doctor` prints."""
    rows = [
        (finding.need.what.split()[-1], finding.need.purpose, "found" if finding.found else "MISSING")
        for finding in findings
    ]
    return table(("needed", "for", "state"), rows)


def mending_command(findings: Sequence[Finding], manager: str) -> list[str]:
    """Return the command that installs what is missing with this package manager; empty when nothing is."""
    missing = [finding.need.packages.get(manager, "") for finding in findings if not finding.found]
    packages = sorted({word for text in missing for word in text.split()})
    return [*_INSTALL[manager], *packages] if packages else []


def package_manager(runner: Runner) -> str | None:
    """Return the package manager of this machine, if it is one that we know."""
    return next((name for name in _INSTALL if _has_program(runner, name, Path.cwd())), None)


def advice(findings: Sequence[Finding], manager: str | None, *, root: bool) -> str:
    """Return what the user can do about the findings; nothing when all is there."""
    missing = ", ".join(finding.need.what.split()[-1] for finding in findings if not finding.found)
    if not missing:
        return ""
    if manager is None:
        return f"install what is missing with this machine's package manager: {missing}"
    sudo = [] if root or manager == "brew" else ["sudo"]
    return "this installs what is missing:\n  " + shlex.join([*sudo, *mending_command(findings, manager)])


def require(runner: Runner, *, mend_it: bool = False, root: bool | None = None) -> list[Finding]:
    """Return the findings of a machine that has everything.

    mend_it: install what is missing first, where this can be done without a question.
    Raises MachineError that names what is missing and the command that installs it.
    """
    findings = examine(runner)
    if mend_it and not all(finding.found for finding in findings):
        mend(runner, findings, root=root)
        findings = examine(runner)
    if not all(finding.found for finding in findings):
        is_root = _is_root() if root is None else root
        text = advice(findings, package_manager(runner), root=is_root)
        raise MachineError(f"this machine lacks what a build needs:\n{report(findings)}\n{text}")
    return findings


def want(runner: Runner, needs: Sequence[Need] = TEST_NEEDS, *, root: bool | None = None) -> list[Finding]:
    """Return the findings about needs that can be done without; install them first where that takes no question."""
    findings = examine(runner, needs=needs)
    if not all(finding.found for finding in findings):
        with contextlib.suppress(MachineError):
            mend(runner, findings, root=root)
        findings = examine(runner, needs=needs)
    return findings


def mend(runner: Runner, findings: Sequence[Finding], *, root: bool | None = None) -> None:
    """Install what is missing, as root on Debian and its like; else raise MachineError with the command."""
    manager = package_manager(runner)
    is_root = _is_root() if root is None else root
    if manager != "apt-get" or not is_root:
        text = advice(findings, manager, root=is_root)
        raise MachineError(f"this machine lacks what a build needs:\n{report(findings)}\n{text}")
    command = mending_command(findings, manager)
    if not command:
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        runner.run(["apt-get", "update"], cwd=Path("/"), env=quiet, title="update the package lists")
        runner.run(command, cwd=Path("/"), env=quiet, title="install what is missing")
    except CommandFailed as error:
        raise MachineError(f"apt-get could not install what is missing\n{error}") from error


def _is_root() -> bool:
    return os.geteuid() == 0


def _has_program(runner: Runner, name: str, cwd: Path) -> bool:
    return _works(runner, [name, "--version"], cwd)


def _has_perl_module(runner: Runner, name: str, cwd: Path) -> bool:
    return _works(runner, ["perl", f"-M{name}", "-e", "1"], cwd)


def _works(runner: Runner, command: Sequence[str], cwd: Path) -> bool:
    try:
        return runner.run(command, cwd=cwd, check=False, timeout=20).returncode == 0
    except (MachineError, CommandFailed):
        return False


def _has_header(runner: Runner, names: str, folder: Path) -> bool:
    source = folder / "include.c"
    source.write_text("".join(f"#include <{name}>\n" for name in names.split()), encoding="ascii")
    try:
        # Homebrew keeps headers where only pkg-config knows; CPython's configure asks it as well.
        flags = _pkg_config_flags(runner, names.split()[-1], folder)
        command = ["cc", *flags, "-fsyntax-only", str(source)]
        return runner.run(command, cwd=folder, check=False, timeout=60).returncode == 0
    except (MachineError, CommandFailed):
        return False


def _pkg_config_flags(runner: Runner, header: str, folder: Path) -> list[str]:
    package = {"ffi.h": "libffi", "openssl/ssl.h": "openssl", "sqlite3.h": "sqlite3", "lzma.h": "liblzma"}
    if header not in package:
        return []
    try:
        asked = ["pkg-config", "--cflags", package[header]]
        done = runner.run(asked, cwd=folder, check=False, capture=True, timeout=20)
    except (MachineError, CommandFailed):
        return []
    return done.stdout.split() if done.returncode == 0 else []
