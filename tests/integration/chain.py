"""Drive the real chain as its users do: the compiler drivers, the runner, python-wasm, inv."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pywasm_build.bootstrap import MARK, STAMP, stamp_text
from pywasm_build.context import Context

SOURCES = Path(__file__).with_name("sources")
TIMEOUT = 180.0
"""Seconds for one command; nothing here takes more than ten, but machines are slow at times."""

PACKAGES = ("numpy", "MarkupSafe", "PyYAML", "six")

Ended = subprocess.CompletedProcess[str]


def run(
    command: list[str | Path],
    *,
    cwd: Path | None = None,
    text: str = "",
    environ: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Ended:
    """Run a command with `text` as its stdin, the environment extended by `environ`; collect what it prints."""
    return subprocess.run(
        command,
        cwd=cwd,
        input=text,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], *, environ: Mapping[str, str] | None = None, new_session: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Start a command with pipes for its streams; whatever the test does, it does not outlive the with block."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, **(environ or {})},
        start_new_session=new_session,
        preexec_fn=default_interrupt,
    )
    timer = threading.Timer(TIMEOUT, process.kill)
    timer.start()
    try:
        with process:
            try:
                yield process
            finally:
                process.kill()
    finally:
        timer.cancel()


def default_interrupt() -> None:
    """Undo what a shell does to a job in the background: it has it ignore Ctrl-C, and so would our commands."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Checkout:
    """A checkout, by what a user types in it."""

    root: Path

    @property
    def python_wasm(self) -> Path:
        return self.root / "bin" / "python-wasm"

    def python(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        text: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run python-wasm."""
        return run([self.python_wasm, *arguments], cwd=cwd, text=text, environ=environ)

    def inv(self, *arguments: str, cwd: Path = Path("/"), timeout: float = TIMEOUT) -> Ended:
        """Run inv, from a folder that is not the checkout."""
        return run([self.root / "bin" / "inv", *arguments], cwd=cwd, timeout=timeout)

    def run_program(
        self, program: str | Path, *arguments: str, cwd: Path, environ: Mapping[str, str] | None = None
    ) -> Ended:
        """Run a WASI program that the toolchain made."""
        return run([self.root / "bin" / "wasm32-wasip1-run", program, *arguments], cwd=cwd, environ=environ)


@dataclass(frozen=True)
class Chain(Checkout):
    """The checkout of these tests with everything built."""

    context: Context

    def driver(self, name: str) -> Path:
        return self.root / "build" / "toolchain" / "bin" / f"wasm32-wasip1-{name}"

    def tool(self, name: str, *arguments: str | Path, cwd: Path) -> Ended:
        """Run one of the drivers, whatever comes of it."""
        return run([self.driver(name), *arguments], cwd=cwd)

    @cached_property
    def include(self) -> Path:
        """The folder of Python.h."""
        (folder,) = (self.root / "build" / "cpython" / "root" / "usr" / "include").glob("python3*")
        return folder

    def compile(self, *arguments: str | Path, cwd: Path, language: str = "c") -> Ended:
        """Run the compiler driver of a language, c or cpp; fail the test if it fails."""
        ended = run([self.driver("clang++" if language == "cpp" else "clang"), *arguments], cwd=cwd)
        assert ended.returncode == 0, ended.stderr
        return ended

    def extension(
        self, folder: Path, name: str, source: str, *, language: str = "c", link: tuple[str, ...] = ()
    ) -> Path:
        """Compile `source`, which may use extension.h, into the side module <folder>/<name>.so."""
        file, module = folder / f"{name}.{language}", folder / f"{name}.so"
        file.write_text(f'#include "extension.h"\n{source}', "utf-8")
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-cast-function-type-mismatch"]
        includes = ["-I", str(self.include), "-I", str(SOURCES)]
        self.compile(
            *flags, *includes, "-fPIC", "-shared", file.name, *link, "-o", module.name, cwd=folder, language=language
        )
        return module

    def python_in(self, folder: Path, code: str) -> Ended:
        """Run code in the guest, which sees `folder` as /modules and imports from there."""
        return self.python("--dir", f"{folder}:/modules:ro", "--env", "PYTHONPATH=/modules", "-c", code)


def printed(ended: Ended) -> str:
    """Return what a command that succeeded without a word on stderr printed."""
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return ended.stdout.removesuffix("\n")


def make_environment(root: Path) -> None:
    """Give a checkout a .venv that runs this test's own Python, so that bin/inv has nothing to download."""
    program = root / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    # Not a link: a virtual environment is found by the name of its Python. The checkout's modules come first.
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" "$@"\n', "utf-8")
    program.chmod(0o755)
    (root / ".venv" / MARK).touch()
    (root / ".venv" / STAMP).write_text(stamp_text(root), "utf-8")
