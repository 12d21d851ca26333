"""pybind11 and nanobind: two extension modules that share types, and C++ exceptions that become Python's and back."""

from __future__ import annotations

from pathlib import Path

from tests.integration.chain import SOURCES, Chain, printed

BINDINGS = SOURCES / "bindings"
USE = """
import sys
import {name}_shapes as shapes, {name}_users as users

print(users.total([shapes.Square(3), shapes.Square(0.5)]), users.make(2).area())

class Circle(shapes.Shape):
    def area(self):
        return 3.0

class Bad(shapes.Shape):
    def area(self):
        raise LookupError("no area")

def fail(error):
    raise error

def told(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return f"{{type(error).__module__}}.{{type(error).__name__}}: {{error}}"

print(users.total([Circle(), shapes.Square(1)]))
print(told(users.total, [Circle(), Bad()]))
print(told(shapes.Square, -2))
print(told(users.make, -3))
print(issubclass(shapes.Failure, RuntimeError))
print(users.caught(lambda: {{}}["a"]), users.caught(lambda: fail(ValueError())), users.caught(lambda: None))
print(users.counted(["a", "b", "a", "\u00e9"]), told(users.at, [5, 6], 1))
print(told(users.at, [5, 6], 2).partition(":")[0])
print(told(users.total, 1).partition(":")[0])
"""
PRINTED = """\
9.25 4.0
4.0
builtins.LookupError: no area
{name}_shapes.Failure: a side of -2
{name}_shapes.Failure: a side of -3
True
KeyError another nothing
{{'a': 2, 'b': 1, '\u00e9': 1}} 6
builtins.IndexError
builtins.TypeError"""


def tools(chain: Chain) -> Path:
    """Return where the build tools' packages are, which have the headers."""
    (folder,) = (chain.root / "build" / "crossenv" / "tools" / "lib").glob("python3*/site-packages")
    return folder


def compile_all(chain: Chain, folder: Path, name: str, *flags: str | Path, sources: tuple[Path, ...] = ()) -> None:
    common = ["-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden"]
    include: list[str | Path] = ["-I", tools(chain) / name / "include", "-I", chain.include]
    for module in (f"{name}_shapes", f"{name}_users"):
        files = [BINDINGS / f"{module}.cpp", *sources]
        chain.compile(*common, *include, *flags, *files, "-o", f"{module}.so", cwd=folder, language="cpp")


def test_pybind11(chain: Chain, tmp_path: Path) -> None:
    compile_all(chain, tmp_path, "pybind11")
    check(chain, tmp_path, "pybind11")


def test_nanobind(chain: Chain, tmp_path: Path) -> None:
    folder = tools(chain) / "nanobind"
    robin_map = folder / "ext" / "robin_map" / "include"
    source = folder / "src" / "nb_combined.cpp"
    compile_all(chain, tmp_path, "nanobind", "-fno-strict-aliasing", "-I", robin_map, sources=(source,))
    check(chain, tmp_path, "nanobind")


def check(chain: Chain, folder: Path, name: str) -> None:
    assert printed(chain.python_in(folder, USE.format(name=name))) == PRINTED.format(name=name)
