"""What a source tree says of its build."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_build.build_system import read_build_system
from pywasm_build.errors import BuildError


@pytest.mark.parametrize(
    ("text", "backend", "requires"),
    [
        (None, "setuptools.build_meta", ["setuptools"]),
        ("[project]\n", "setuptools.build_meta", ["setuptools"]),
        (
            '[build-system]\nrequires = ["meson-python >= 0.1"]\nbuild-backend = "mesonpy"\n',
            "mesonpy",
            ["meson-python>=0.1"],
        ),
    ],
)
def test_the_build_system_is_read(tmp_path: Path, text: str | None, backend: str, requires: list[str]) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    assert read_build_system(tmp_path) == (backend, requires)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[", "cannot be read"),
        ("build-system = 1", "build-system is no table"),
        ("[build-system]\nrequires = 'x'", "is no list"),
        ("[build-system]\nrequires = ['six 1']", "what is no requirement"),
        ("[build-system]\nrequires = [1]", "what is no requirement"),
        (
            "[build-system]\nrequires = ['six @ https://x.invalid/six.zip']",
            "requires six from https://x.invalid/six.zip",
        ),
    ],
)
def test_a_build_system_that_makes_no_sense(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(BuildError, match=f"pyproject.toml.*{reason}"):
        read_build_system(tmp_path)
