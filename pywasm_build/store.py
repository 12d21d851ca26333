"""Keep products in a content-addressed store: a stage is a name and inputs, its product lies at their hash.

    <store>/<stage>/<key>/            the product
    <store>/<stage>/<key>/stamp.json  {"name", "key", "inputs", "seconds", ...what the builder adds}
    <store>/<stage>/<key>.lock        held while the product is made; holds the number of that process

A product is complete when its stamp is there and names exactly these inputs. The stamp is written last, by
rename, so what an interrupted build left is never taken for a product; it is removed and made again at the
same path, because products hold their own path and cannot be moved. Nothing is decided by time stamps.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, TypeAlias

from pywasm_build.errors import StoreError
from pywasm_build.lock import locked

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

STAMP = "stamp.json"
_KEY_DIGITS = 20
_STAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
# CPython counts how deep its parser's trees are for all threads at once: two that parse can disturb each other.
_PARSING = threading.Lock()
_OWN_KEYS = frozenset(("name", "key", "inputs", "seconds"))


@dataclass(frozen=True)
class Stage:
    """A step of the build: its name and all that its product depends on."""

    name: str
    inputs: Mapping[str, JSON]

    def __post_init__(self) -> None:
        """Refuse a name that is no file name."""
        if not _STAGE_NAME.fullmatch(self.name):
            raise StoreError(f"{self.name!r} cannot be the name of a stage: it must be a plain file name")

    @property
    def key(self) -> str:
        """The hash of name and inputs, in hexadecimal."""
        return hashlib.sha256(canonical([self.name, self.inputs]).encode()).hexdigest()[:_KEY_DIGITS]


# Makes a product in the empty folder that it is given; returns what the stamp shall say besides the inputs.
Make = Callable[[Path], Mapping[str, JSON] | None]


class Store:
    """The products of all checkouts of one user."""

    def __init__(self, root: Path, *, stream: TextIO | None = None) -> None:
        self.root = root
        self._stream = stream

    def path(self, stage: Stage) -> Path:
        """Return where the product of a stage lies, made or not."""
        return self.root / stage.name / stage.key

    def find(self, stage: Stage) -> Path | None:
        """Return the product of a stage if it is complete."""
        product = self.path(stage)
        stamp = read_stamp(product)
        return product if stamp and _same(stamp.get("inputs"), stage.inputs) else None

    def build(self, stage: Stage, make: Make, *, clean: bool = False) -> Path:
        """Return the product of a stage; make it when it is not complete, or when `clean` asks for it.

        An exception from `make`, KeyboardInterrupt too, leaves a product without stamp: the next call starts
        it afresh. What was half made stays until then, to be looked at.
        """
        if not clean and (product := self.find(stage)):
            return product
        lock = self.path(stage).with_name(f"{stage.key}.lock")
        with locked(lock, what=stage.name, stream=self._stream):
            # Somebody else may have made it while this process waited.
            if not clean and (product := self.find(stage)):
                return product
            return self._make(stage, make)

    def _make(self, stage: Stage, make: Make) -> Path:
        product = self.path(stage)
        remove_product(product)
        product.mkdir(parents=True)
        started = time.monotonic()
        extra = make(product) or {}
        if clash := _OWN_KEYS & set(extra):
            raise StoreError(f"the builder of {stage.name} may not set {sorted(clash)} in its stamp")
        seconds = round(time.monotonic() - started, 3)
        stamp = {"name": stage.name, "key": stage.key, "inputs": stage.inputs, "seconds": seconds, **extra}
        _write_last(product / STAMP, canonical(stamp, indent=1))
        return product


def read_stamp(product: Path) -> dict[str, Any] | None:
    """Return the stamp of a product; None when there is none or it is damaged."""
    try:
        stamp = json.loads((product / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def canonical(value: JSON, *, indent: int | None = None) -> str:
    """Return the one JSON text of a value: keys sorted, ASCII, no needless blanks."""
    separators = (",", ": ") if indent else (",", ":")
    try:
        return json.dumps(value, sort_keys=True, separators=separators, allow_nan=False, indent=indent)
    except (TypeError, ValueError) as error:
        raise StoreError(f"an input of a stage cannot be written as JSON: {error}") from error


def link(name: Path, product: Path) -> None:
    """Make `name` a symlink to a product; replace one that is there in one step, but nothing else."""
    if name.exists() and not name.is_symlink():
        raise StoreError(f"{name} should be a link to {product}, but it is a file or folder; move it away")
    with replacing(name) as temporary:
        temporary.symlink_to(product)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` for a new file or link, which takes the place of `path` in one step at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part."""
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def link_or_copy(source: str | Path, target: str | Path) -> str:
    """Give a file of a product a second name, by a hard link where the file systems allow it; return `target`."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copy2(source, target)
    return str(target)


def remove_product(product: Path) -> None:
    """Remove a product, its stamp first: an interrupted removal leaves nothing that looks complete."""
    (product / STAMP).unlink(missing_ok=True)
    if not product.exists():
        return
    try:
        shutil.rmtree(product)
    except PermissionError:
        # Some builds leave folders that even their owner may not write to.
        for folder, _, _ in os.walk(product):
            os.chmod(folder, 0o700)  # noqa: PTH101 - os.walk gives strings
        shutil.rmtree(product)


def source_hash(*builders: ModuleType | Path) -> str:
    """Return a hash of builder code that comments, docstrings and formatting do not change.

    Takes modules and files; a folder stands for all Python files in it. What is not Python counts by its
    bytes. Only the names of the files count, not where they lie, so that two checkouts agree.
    """
    digest = hashlib.sha256()
    for builder in builders:
        path = _module_path(builder) if isinstance(builder, ModuleType) else builder
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = str(file.relative_to(path.parent))
            content = file.read_bytes()
            _feed(digest, name.encode(), _normal_form(file, content) if file.suffix == ".py" else content)
    return digest.hexdigest()


def tree_hash(path: Path) -> str:
    """Return a hash of a file or folder: names, contents, links, executable bits; no times, no owners."""
    digest = hashlib.sha256()
    for item in [path] if path.is_file() else sorted(path.rglob("*")):
        if "__pycache__" in item.parts:
            continue
        name = str(item.relative_to(path)).encode()
        if item.is_symlink():
            _feed(digest, b"link", name, str(item.readlink()).encode())
        elif item.is_file():
            kind = b"program" if os.access(item, os.X_OK) else b"file"
            _feed(digest, kind, name, hashlib.sha256(item.read_bytes()).digest())
        else:
            _feed(digest, b"folder", name)
    return digest.hexdigest()


def _module_path(module: ModuleType) -> Path:
    if module.__file__ is None:
        raise StoreError(f"module {module.__name__} has no file that could be hashed")
    file = Path(module.__file__)
    return file.parent if file.name == "__init__.py" else file


# The same few modules are part of the key of each package.
@lru_cache(maxsize=64)
def _normal_form(file: Path, content: bytes) -> bytes:
    with _PARSING:
        tree = ast.parse(content, filename=str(file))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).encode()


def _feed(digest: hashlib._Hash, *parts: bytes) -> None:
    """Add parts with their lengths, so that no two lists of parts look the same."""
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)


def _same(found: JSON, wanted: JSON) -> bool:
    return canonical(found) == canonical(wanted)


def _write_last(path: Path, text: str) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
