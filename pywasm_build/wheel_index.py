"""Write built wheels as a package index, a folder from which pip can install.

    <out>/simple/index.html, index.json            the names of the packages
    <out>/simple/<name>/index.html, index.json     the wheels of one package, with their hashes
    <out>/files/<wheel>, <wheel>.metadata          the wheels, and the METADATA of each by itself

Formats: "Simple repository API" of the Python packaging specifications (PEP 503 in HTML, 691 and 700 in JSON), with
metadata files (PEP 658 and 714). All links are relative, so the folder can be moved and served from anywhere. Wheels
that are the same give a folder that is the same to the byte.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from packaging.metadata import InvalidMetadata

from pywasm_build.context import Context
from pywasm_build.errors import UsageError, WheelError
from pywasm_build.host_wheel import host_wheel
from pywasm_build.lock import locked
from pywasm_build.sources import file_sha256
from pywasm_build.store import JSON, canonical
from pywasm_build.wheel_archive import open_wheel
from pywasm_build.wheels import Wheel

_API = "1.1"
_META: Mapping[str, JSON] = {"api-version": _API}
# A folder without this file is not ours to replace.
_MARK = ".pywasm-index"
# PEP 503's names. They become folders, and not every version of packaging holds wheels to ASCII.
_PROJECT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PAGE = """\
<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="{api}">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
{links}
</body>
</html>
"""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What the index says of one wheel."""

    wheel: Wheel
    size: int
    metadata: bytes
    requires_python: str

    @property
    def file(self) -> str:
        return self.wheel.path.name

    @property
    def url(self) -> str:
        """The wheel as seen from the page of its package."""
        return f"../../files/{quote(self.file)}"

    @property
    def metadata_sha256(self) -> str:
        return sha256(self.metadata).hexdigest()


def index_wheelhouse(context: Context, out: Path) -> list[Wheel]:
    """Write the wheels that this checkout has built, for its present toolchain, as an index at `out`; return them.

    The guest library is among them: functions import it, and every runtime root has it.
    """
    _check_replaceable(out.resolve())
    environment = context.workspace.build / "crossenv"
    folder = context.workspace.wheelhouse / environment.resolve().name
    wheels = sorted(folder.glob("*.whl")) if environment.exists() else []
    if not wheels:
        raise UsageError("no wheel has been built here; build some first: bin/inv libs.install --name X")
    with locked(context.workspace.cache / "index.lock", what="a package index"):
        return write_index([*wheels, host_wheel(context).path], out)


def write_index(paths: Iterable[Path], out: Path) -> list[Wheel]:
    """Write wheels as an index at `out`, which takes the place of an older index as a whole; return them in order.

    Raises UsageError for a folder that is no index, ArchiveError and WheelError for a wheel that pip could not
    install from it; then `out` stays as it was.
    """
    # A link stays what it is, and shows the new index.
    out = out.resolve()
    _check_replaceable(out)
    entries = sorted((_read(path) for path in paths), key=lambda one: (one.wheel.name, one.wheel.version, one.file))
    _check_unique(entries)
    fresh, old = (out.with_name(f".{out.name}.{os.getpid()}.{kind}") for kind in ("new", "old"))
    try:
        fresh.mkdir(parents=True)
        _write(entries, fresh)
        _exchange(fresh, out, old)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return [entry.wheel for entry in entries]


def _check_replaceable(out: Path) -> None:
    if out.is_dir():
        if (out / _MARK).is_file() or not any(out.iterdir()):
            return
    elif not out.exists():
        return
    raise UsageError(f"{out} is there already and is no package index; name a folder that is new, empty or an index")


def _read(path: Path) -> _Entry:
    wheel = Wheel.read(path)
    if not _PROJECT.fullmatch(wheel.name):
        raise WheelError(f"{path} has a name that no index can have: {wheel.name!r}; build it again under another name")
    with open_wheel(path) as source:
        metadata = source.metadata("METADATA")
    try:
        requires_python = str(wheel.metadata.requires_python or "")
    except InvalidMetadata as error:
        raise WheelError(f"{path} has a Requires-Python that cannot be read: {error}") from error
    return _Entry(wheel=wheel, size=path.stat().st_size, metadata=metadata, requires_python=requires_python)


def _check_unique(entries: Sequence[_Entry]) -> None:
    paths: dict[str, Path] = {}
    for entry in entries:
        other = paths.setdefault(entry.file, entry.wheel.path)
        if other is not entry.wheel.path:
            raise WheelError(f"{other} and {entry.wheel.path} have the same name; an index has each name once")


def _write(entries: Sequence[_Entry], root: Path) -> None:
    files, simple = root / "files", root / "simple"
    files.mkdir()
    for entry in entries:
        _copy(entry.wheel, files / entry.file)
        (files / f"{entry.file}.metadata").write_bytes(entry.metadata)
    names = []
    for name, group in groupby(entries, key=lambda entry: entry.wheel.name):
        names.append(name)
        wheels = list(group)
        _write_page(simple / name, f"Links for {name}", map(_anchor, wheels), _project(name, wheels))
    links = (f'<a href="{name}/">{name}</a><br>' for name in names)
    projects: JSON = {"meta": _META, "projects": [{"name": name} for name in names]}
    _write_page(simple, "Packages", links, projects)
    (root / _MARK).write_text(f"{_API}\n", "utf-8")


def _copy(wheel: Wheel, target: Path) -> None:
    # No hard link: what becomes of the index must not reach into the cache.
    shutil.copyfile(wheel.path, target)
    if file_sha256(target) != wheel.sha256:
        raise WheelError(f"{wheel.path} was changed while it was copied into the index; run it again")


def _write_page(folder: Path, title: str, links: Iterable[str], data: JSON) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page = _PAGE.format(api=_API, title=escape(title), links="\n".join(links))
    (folder / "index.html").write_text(page, "utf-8")
    (folder / "index.json").write_text(canonical(data, indent=1) + "\n", "utf-8")


def _anchor(entry: _Entry) -> str:
    metadata = f"sha256={entry.metadata_sha256}"
    # Both names: pip knows the first only since 23.2.1.
    attributes = {"href": f"{entry.url}#sha256={entry.wheel.sha256}", "data-core-metadata": metadata}
    attributes["data-dist-info-metadata"] = metadata
    if entry.requires_python:
        attributes["data-requires-python"] = entry.requires_python
    text = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {text}>{escape(entry.file)}</a><br>"


def _project(name: str, entries: Sequence[_Entry]) -> JSON:
    versions = list(dict.fromkeys(str(entry.wheel.version) for entry in entries))
    return {"meta": _META, "name": name, "versions": versions, "files": [_file(entry) for entry in entries]}


def _file(entry: _Entry) -> JSON:
    """Describe a wheel, not by the older name of core-metadata too: old versions of pip stumble over it in JSON."""
    return {
        "filename": entry.file,
        "url": entry.url,
        "size": entry.size,
        "hashes": {"sha256": entry.wheel.sha256},
        "core-metadata": {"sha256": entry.metadata_sha256},
        **({"requires-python": entry.requires_python} if entry.requires_python else {}),
    }


def _exchange(fresh: Path, out: Path, old: Path) -> None:
    """Put `fresh` in the place of `out` by renaming; for an instant there is neither, but never half an index."""
    if not out.exists():
        fresh.rename(out)
        return
    out.rename(old)
    try:
        fresh.rename(out)
    except BaseException:
        # Ctrl-C may come before or after it was done.
        if not out.exists():
            old.rename(out)
        raise
    shutil.rmtree(old)
