"""Load compiled modules: one of the standard library as it lies there, and one compiled here."""

import bisect
import dis
import importlib.util
import marshal
import py_compile
import sys
import tempfile
from pathlib import Path
from types import CodeType

import pywasm_host as host

HEADER_BYTES = 16


def faasm_main() -> None:
    """Run both, and write how many instructions they have."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "made.py")
        source.write_text("def double(x):\n    return 2 * x\n", "utf-8")
        compiled = py_compile.compile(str(source), str(source.with_suffix(".pyc")), doraise=True)
        made = code_of(Path(compiled or ""))
    names: dict[str, object] = {"__name__": "made"}
    exec(made, names)
    double = names["double"]
    if not callable(double) or double(21) != 42:
        raise ValueError("the compiled module does something else")
    host.write_output_json({"made": instructions(made), "bisect": instructions(standard_module())})


def standard_module() -> CodeType:
    """Give the code of a module of the standard library; the guest has all of them compiled."""
    path = Path(importlib.util.cache_from_source(bisect.__file__))
    if path.is_file() or sys.platform == "wasi":
        return code_of(path)
    return compile(Path(bisect.__file__).read_bytes(), bisect.__file__, "exec")


def code_of(path: Path) -> CodeType:
    """Read a compiled file: a header, then the module's code."""
    content = path.read_bytes()
    if content[:4] != importlib.util.MAGIC_NUMBER:
        raise ValueError(f"{path} was compiled by another Python")
    code = marshal.loads(content[HEADER_BYTES:])
    if not isinstance(code, CodeType):
        raise ValueError(f"{path} holds no code")
    return code


def instructions(code: CodeType) -> int:
    """Count the instructions of a module's top level."""
    return len(list(dis.get_instructions(code)))
