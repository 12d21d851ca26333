"""Remove debug information and names from wasm modules as `strip` does; run as a module.

What a linker or loader needs stays: dylink.0, the ABI section, and in objects the linking and relocation
sections.
"""

import sys
from pathlib import Path

from pywasm_binary.errors import BinaryError
from pywasm_binary.module import WasmModule
from pywasm_binary.sections import CUSTOM, HEADER

_DEBUG = ".debug"
_NAMES = ("name", "producers", "sourceMappingURL", "external_debug_info")


def strip(data: bytes, *, names: bool = True) -> bytes:
    """Return the module without debug sections and, with `names`, without the names of its functions."""
    module = WasmModule(data)
    kept, position = [HEADER], len(HEADER)
    relocatable = module.custom("linking") is not None
    for section in module.sections:
        drop = section.id == CUSTOM and (section.name.startswith(_DEBUG) or (names and section.name in _NAMES))
        # Relocation sections of an object name other sections by their index.
        if not drop or relocatable:
            kept.append(data[position : section.end])
        position = section.end
    return b"".join(kept)


def main(arguments: list[str]) -> int:
    """Strip the files named in `arguments` in place, or one into the file after -o; return the exit
    status.
    """
    keep_names = any(a in ("-g", "-S", "-d", "--strip-debug", "--strip-unneeded", "-x") for a in arguments)
    files, output, words = [], None, iter(arguments)
    for word in words:
        if word == "-o":
            output = next(words, "")
        elif not word.startswith("-"):
            files.append(word)
    if not files or output == "" or (output and len(files) > 1):
        print("usage: strip [-g] FILE..., or strip [-g] -o OUTPUT FILE", file=sys.stderr)
        return 2
    for file in files:
        try:
            stripped = strip(Path(file).read_bytes(), names=not keep_names)
            Path(output or file).write_bytes(stripped)
        except (OSError, BinaryError) as error:
            print(f"strip: {file}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
