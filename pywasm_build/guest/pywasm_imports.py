"""Import modules one after the other in the guest, and write down what becomes of each.

Called with the file to write and the modules' names. What has a slash is a library's place in site-packages. Before a
name and a colon can stand what the module did not find when it was imported before: see brought(). Each line of the
file is a JSON array: [name] before a module is imported, [name, line] after it, where an empty line is success. So it
is known which one was under way at a trap.
"""

import ctypes
import importlib
import importlib.util
import json
import sys
from importlib.machinery import ExtensionFileLoader, PathFinder
from pathlib import Path


def attempt(name: str) -> str:
    """Import an extension module, or load a library; return why that fails, in one line, else nothing."""
    lacking, _, dotted = name.rpartition(":")
    try:
        if "/" in name:
            load(name)
            return ""
        module = importlib.import_module(brought(dotted, lacking) if lacking else dotted)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: some leave when they do not like the platform
        return in_one_line(error)
    spec = getattr(module, "__spec__", None)
    if spec is not None and not isinstance(spec.loader, ExtensionFileLoader):
        return f"not the compiled module is imported, but {spec.origin}"
    return ""


def load(place: str) -> None:
    """Load a shared library of site-packages as packages do that call its functions through ctypes."""
    found = (path for folder in sys.path if (path := Path(folder, place)).is_file())
    ctypes.CDLL(str(next(found, place)))


def brought(name: str, lacking: str) -> str:
    """Make a project importable that a package brings whole, in a folder that is none; return the module's name in it.

    It is the innermost such folder that has what was lacking. Its host puts it on sys.path, too.
    """
    parts = name.split(".")
    for end in range(len(parts) - 2, 1, -1):
        spec = importlib.util.find_spec(".".join(parts[:end]))
        folders = spec.submodule_search_locations if spec and spec.origin is None else None
        if folders and PathFinder.find_spec(lacking, list(folders)):
            sys.path.insert(0, next(iter(folders)))
            return ".".join(parts[end:])
    raise ImportError(f"no folder around {name} has {lacking}")


def in_one_line(error: BaseException) -> str:
    """Say what an exception says, and what the one says that it was raised for."""
    root = error
    seen = {id(error)}
    while (inner := root.__cause__ or (None if root.__suppress_context__ else root.__context__)) is not None:
        if id(inner) in seen:
            break
        seen.add(id(inner))
        root = inner
    return words(error) if root is error else f"{words(error)} (because of {words(root)})"


def words(error: BaseException) -> str:
    """Return an exception's type and the first line of its message that says something."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def main(results: str, names: list[str]) -> None:
    """Try all modules."""
    with Path(results).open("w", encoding="utf-8") as file:
        for name in names:
            print(json.dumps([name]), file=file, flush=True)
            print(json.dumps([name, attempt(name)]), file=file, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
