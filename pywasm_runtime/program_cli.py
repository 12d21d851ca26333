"""Be `wasm32-wasip1-run`: run a WASI program in the current folder, as Meson's and CMake's exe wrapper do.

wasi-libc takes the folder "." for every relative path, so the current folder is shown under that name, and
under its own path for the absolute paths that build systems pass.
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pywasm_runtime.command import as_command, leave, run_program
from pywasm_runtime.embedding import Program
from pywasm_runtime.errors import UsageError
from pywasm_runtime.mounts import Mount
from pywasm_runtime.process import ProcessSettings

NAME = "wasm32-wasip1-run"


def main() -> None:
    """Run the process's command line and end the process."""
    leave(as_command(NAME, lambda: run(sys.argv[1:])))


def run(arguments: Sequence[str]) -> int:
    """Run the program that is the first argument with the others and give its exit status."""
    if not arguments:
        raise UsageError("no program given; usage: wasm32-wasip1-run PROGRAM.wasm [ARGUMENT]...")
    path = Path(arguments[0])
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"can't open file {arguments[0]!r}: [Errno {error.errno}] {error.strerror}") from None
    current = Path.cwd()
    names = (".", str(current))
    mounts = [Mount(host=current, guest=name, read_only=False) for name in names]
    program = Program(path=path, digest=digest, guest_name=arguments[0])
    return run_program(NAME, program, ProcessSettings(arguments=list(arguments), mounts=mounts))
