"""Sdists that tests write themselves, in a folder that is the only place where pip looks for packages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.checkout import sdist_bytes


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
    stem = name.replace("-", "_")
    content = {file: text.encode() for file, text in {"PKG-INFO": metadata, **files}.items()}
    (shelf / f"{stem}-1.0.tar.gz").write_bytes(sdist_bytes(stem, content))
