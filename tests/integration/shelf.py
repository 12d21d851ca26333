"""Sdists that tests write themselves, in a folder that is the only place where pip looks for packages."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest


def make_shelf(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder, and let pip look there and nowhere else."""
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_sdist(shelf: Path, name: str, files: Mapping[str, str], *, requires: tuple[str, ...] = ()) -> None:
    """Write version 1.0 of a package; what it requires binds its build."""
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    metadata = f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n{needed}"
    top = f"{name.replace('-', '_')}-1.0"
    with tarfile.open(shelf / f"{top}.tar.gz", "w:gz") as archive:
        for file, text in {"PKG-INFO": metadata, **files}.items():
            info = tarfile.TarInfo(f"{top}/{file}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
