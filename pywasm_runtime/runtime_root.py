"""Find the runtime root: the tree that a Python guest sees as `/`, and the main module in it."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywasm_runtime.embedding import Program
from pywasm_runtime.errors import RuntimeRootError

STAMP = "stamp.json"
ROOT_VARIABLE = "PYWASM_RUNTIME"
_HOW_TO_MAKE_IT = "make it with: bin/inv runtime"


@dataclass(frozen=True, kw_only=True)
class RuntimeRoot:
    """Hold the tree's folder on this machine and the Python in it."""

    folder: Path
    program: Program


def find_runtime_root(checkout: Path) -> RuntimeRoot:
    """Open the runtime root that PYWASM_RUNTIME names, else the checkout's; RuntimeRootError if none."""
    named = os.environ.get(ROOT_VARIABLE)
    folder = Path(named) if named else checkout / "build" / "runtime"
    if not folder.is_dir():
        origin = f" ({ROOT_VARIABLE})" if named else ""
        raise RuntimeRootError(f"no runtime root at {folder}{origin}; {_HOW_TO_MAKE_IT}")
    return RuntimeRoot(folder=folder, program=_find_python(folder.resolve()))


def _find_python(folder: Path) -> Program:
    python = _stamped_python(folder)
    if python is None:
        mains = [path for path in sorted(folder.glob("usr/bin/python*.wasm")) if not path.is_symlink()]
        if len(mains) != 1:
            raise RuntimeRootError(f"{folder}: {len(mains)} modules usr/bin/python*.wasm; {_HOW_TO_MAKE_IT}")
        python = str(mains[0].relative_to(folder)), hashlib.sha256(mains[0].read_bytes()).hexdigest()
    main, digest = python
    if not (folder / main).is_file():
        raise RuntimeRootError(f"{folder}: {main} is missing; {_HOW_TO_MAKE_IT}")
    return Program(path=folder / main, digest=digest, guest_name=f"/{main}")


def _stamped_python(folder: Path) -> tuple[str, str] | None:
    """Read the main module's path and sha256 from the stamp; hashing it would take 20 ms at each start."""
    try:
        stamp: dict[str, Any] = json.loads((folder / STAMP).read_bytes())
        main, digest = stamp["python"]["main"], stamp["python"]["main_sha256"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuntimeRootError(f"{folder / STAMP} cannot be used ({error!r}); {_HOW_TO_MAKE_IT}") from None
    return str(main), str(digest)
