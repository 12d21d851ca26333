"""Check environment variables: those set at upload are there, none of the machine around the sandbox is."""

import os
import sys

import pywasm_host as host

OF_THE_MACHINE = ("PATH", "USER", "SHELL", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYWASM_DATA", "PYWASM_CACHE")


def faasm_main() -> int:
    """Compare with the input, JSON: names to texts, null for what must not be set. Writes what is different."""
    expected: dict[str, str | None] = host.read_input_json() if host.read_input() else {}
    if sys.platform == "wasi":
        expected = {**dict.fromkeys(OF_THE_MACHINE), **expected}
    different = {name: os.environ.get(name) for name, value in expected.items() if os.environ.get(name) != value}
    host.write_output_json(different)
    return 1 if different else 0
