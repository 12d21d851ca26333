"""bin/sanity_check.py: what it shows, and what it calls a problem."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

SHORT = sysconfig.get_python_version()
TAG = f"cp{SHORT.replace('.', '')}"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "bin" / "sanity_check.py"
    spec = importlib.util.spec_from_file_location("sanity_check", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def good(tmp_path: Path) -> dict[str, str]:
    include = tmp_path / "root" / "include"
    include.mkdir(parents=True)
    for header in ("Python.h", "pyconfig.h"):
        (include / header).touch()
    compiler = tmp_path / "toolchain" / "bin"
    return {
        "platform": "wasi",
        "machine": "wasm32",
        "sysconfig platform": "wasi-wasm32",
        "wheel tag": f"{TAG}-{TAG}-wasi_wasm32",
        "SIZEOF_VOID_P": "4",
        "EXT_SUFFIX": f".cpython-{SHORT.replace('.', '')}-wasm32-wasi.so",
        "CC": f"{compiler}/wasm32-wasip1-clang -O2",
        "CXX": f"{compiler}/wasm32-wasip1-clang++",
        "AR": f"{compiler}/wasm32-wasip1-ar",
        "LDSHARED": f"{compiler}/wasm32-wasip1-clang -shared",
        "include": str(include),
        "platinclude": str(include),
    }


def problems(script: ModuleType, tmp_path: Path, changed: dict[str, str]) -> list[str]:
    found: list[str] = script.problems({**good(tmp_path), **changed}, tmp_path / "root", tmp_path / "toolchain")
    return found


def test_a_good_environment_has_no_problems(script: ModuleType, tmp_path: Path) -> None:
    assert problems(script, tmp_path, {}) == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("platform", "linux", "platform is 'linux', not 'wasi'"),
        ("SIZEOF_VOID_P", "8", "SIZEOF_VOID_P is '8', not '4'"),
        ("wheel tag", f"{TAG}-{TAG}-linux_x86_64", "wheel tag is"),
        ("CC", "gcc", "CC is 'gcc', which is not in the toolchain"),
        ("LDSHARED", "", "LDSHARED is '', which is not in the toolchain"),
        ("include", "/usr/include/python", "include is '/usr/include/python', which is not in host-python's tree"),
    ],
)
def test_what_points_to_the_build_machine_is_a_problem(
    script: ModuleType, tmp_path: Path, name: str, value: str, problem: str
) -> None:
    (found,) = problems(script, tmp_path, {name: value})
    assert found.startswith(problem)


def test_headers_must_be_there(script: ModuleType, tmp_path: Path) -> None:
    seen = good(tmp_path)
    (tmp_path / "root" / "include" / "pyconfig.h").unlink()
    (found,) = script.problems(seen, tmp_path / "root", tmp_path / "toolchain")
    assert found.startswith("platinclude is")
    assert found.endswith("which has no headers")


def test_the_python_of_these_tests_is_the_build_machines(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main([str(tmp_path), str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["executable", sys.executable] for line in lines)
    assert f"PROBLEM: platform is '{sys.platform}', not 'wasi'" in lines
    assert lines[-1] == "a build in here is for the build machine"
