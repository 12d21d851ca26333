"""List the symbols of wasm objects and archives as POSIX `nm` does; run as a module.

Only what build systems ask for is known: -g (external only), -u, -U or --defined-only, -A, -P, -p.
"""

import sys
from pathlib import Path

from pywasm_binary.errors import BinaryError
from pywasm_binary.object import Symbol, objects_in, read_symbols


def main(arguments: list[str]) -> int:
    """Print the symbols of the files named in `arguments`; return the exit status."""
    options = "".join(a[1:] for a in arguments if a.startswith("-") and not a.startswith("--"))
    defined_only = "U" in options or "--defined-only" in arguments
    undefined_only = "u" in options or "--undefined-only" in arguments
    external_only = "g" in options or "--extern-only" in arguments
    files = [a for a in arguments if not a.startswith("-")] or ["a.out"]
    status = 0
    for file in files:
        try:
            members = list(objects_in(Path(file).read_bytes()))
            for member, data in members:
                title = f"{file}:{member}" if member else file
                print_title = (len(files) > 1 or member) and "A" not in options
                if print_title:
                    print(f"\n{title}:")
                for symbol in read_symbols(data):
                    if (symbol.defined and undefined_only) or (not symbol.defined and defined_only):
                        continue
                    if symbol.local and external_only:
                        continue
                    print((f"{title}: " if "A" in options else "") + _line(symbol, "P" in options))
        except (OSError, BinaryError) as error:
            print(f"nm: {file}: {error}", file=sys.stderr)
            status = 1
    return status


def _line(symbol: Symbol, portable: bool) -> str:
    if portable:
        return f"{symbol.name} {symbol.letter} 0 0"
    return f"{'00000000' if symbol.defined else ' ' * 8} {symbol.letter} {symbol.name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
