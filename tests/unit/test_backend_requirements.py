"""Asking build backends what they require besides, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pywasm_build.backend_requirements import question

PYPROJECT = """
[build-system]
requires = []
build-backend = "{backend}"
backend-path = ["."]
"""
BACKEND = """
from pathlib import Path

import helper

def get_requires_for_build_wheel(config_settings=None):
    return [helper.NAME, str(Path("PKG-INFO").exists())]

class Inner:
    @staticmethod
    def get_requires_for_build_wheel(config_settings=None):
        return ["inner"]

class Silent:
    pass
"""


def asked(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in question(Path(sys.executable), tree, tree / "answer.json")]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("backend", "answer"),
    [("own", ["helper", "True"]), ("own:Inner", ["inner"]), ("own:Silent", []), ("own.sub:object.deep", ["deep"])],
)
def test_a_backend_in_the_tree(tmp_path: Path, backend: str, answer: list[str]) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "__init__.py").write_text(BACKEND)
    (folder / "sub.py").write_text(
        "class object:\n    class deep:\n        get_requires_for_build_wheel = lambda: ['deep']\n"
    )
    (tmp_path / "helper.py").write_text("NAME = 'helper'\n")
    (tmp_path / "PKG-INFO").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format(backend=backend))
    ended = asked(tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads((tmp_path / "answer.json").read_text()) == answer


def test_setup_requires(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NEEDS = ['not-there >= 1']\n")
    (tmp_path / "setup.py").write_text(
        "import beside\nfrom setuptools import setup\nsetup(name='one', version='1.0', setup_requires=beside.NEEDS)\n"
    )
    ended = asked(tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "not-there>=1" in [text.replace(" ", "") for text in json.loads((tmp_path / "answer.json").read_text())]


def test_modules_of_ours_are_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import importlib.util\n"
        "def get_requires_for_build_wheel(config_settings=None):\n"
        "    return [str(importlib.util.find_spec('wheel_archive'))]\n"
    )
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format(backend="own"))
    assert asked(tmp_path).returncode == 0
    assert json.loads((tmp_path / "answer.json").read_text()) == ["None"]


def test_a_backend_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format(backend="absent"))
    ended = asked(tmp_path)
    assert ended.returncode != 0
    assert "No module named 'absent'" in ended.stderr
