"""Compile our few lines of C for this machine, once; without a compiler there is a slower way in Python."""

import ctypes
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from pywasm_runtime.engine import code_identity
from pywasm_runtime.seals import is_own, temporary_name

SOURCE = Path(__file__).with_name("native") / "restore.c"
_FLAGS = ("-O2", "-shared", "-fPIC")
_TIMEOUT_SECONDS = 60


def load_native(folder: Path) -> ctypes.CDLL | None:
    """Load the library from `folder`, after compiling it if it is not there; None if that cannot be."""
    library = _compiled(folder)
    try:
        return ctypes.CDLL(str(library)) if library is not None else None
    except OSError:
        return None


def _compiled(folder: Path) -> Path | None:
    source = SOURCE.read_bytes()
    key = hashlib.sha256(source + code_identity().encode()).hexdigest()
    path = folder / f"restore-{key[:20]}.so"
    try:
        if path.is_file() and is_own(path.stat()) and is_own(folder.stat()):
            return path
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if is_own(folder.stat()) and _compile(path) else None
    except OSError:
        return None


def _compile(path: Path) -> bool:
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return False
    temporary = temporary_name(path)
    try:
        command = [compiler, *_FLAGS, str(SOURCE), "-o", str(temporary)]
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False)
        if done.returncode != 0:
            return False
        temporary.replace(path)
        return True
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        temporary.unlink(missing_ok=True)
