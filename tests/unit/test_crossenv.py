"""The programs that a build finds first."""

from __future__ import annotations

from pathlib import Path

from pywasm_build.crossenv import link_programs


def test_pinned_tools_come_without_their_python(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in (
        "Activate.ps1",
        "activate",
        "cmake",
        "cython",
        "meson",
        "ninja",
        "pip",
        "pip3.13",
        "python",
        "python3.13",
    ):
        (tools / name).touch()
    link_programs(tools, tmp_path / "programs")
    assert sorted(path.name for path in (tmp_path / "programs").iterdir()) == ["cmake", "cython", "meson", "ninja"]
    assert (tmp_path / "programs" / "meson").resolve() == tools / "meson"
