"""The Python of the build machine that PYWASM_BUILD_PYTHON names, and how one is built."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pywasm_build.command import Completed, SubprocessRunner
from pywasm_build.context import Context
from pywasm_build.errors import BuildError, UsageError
from pywasm_build.native import check_modules, native_python, short_version
from pywasm_build.store import Store
from pywasm_build.workspace import Workspace
from tests.unit.fakes import FakeRunner, completed

PINNED = "3.13.5"
SOURCES = f"""[[source]]
name = "cpython"
version = "{PINNED}"
file = "x.tar.xz"
[[source.location]]
kind = "upstream"
url = "http://127.0.0.1:1/x.tar.xz"
sha256 = "{"a" * 64}"
"""


def context(tmp_path: Path, named: Path | str) -> Context:
    workspace = Workspace(root=tmp_path / "root", cache=tmp_path / "cache")
    workspace.sources_toml.parent.mkdir(parents=True, exist_ok=True)
    workspace.sources_toml.write_text(SOURCES)
    environ = {**os.environ, "PYWASM_BUILD_PYTHON": str(named)}
    runner = SubprocessRunner(environ, stream=io.StringIO())
    return Context(workspace=workspace, store=Store(workspace.store), runner=runner, environ=environ, jobs=1)


def program(tmp_path: Path, text: str, *, mode: int = 0o755) -> Path:
    path = tmp_path / "prefix" / "bin" / "python x"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def python(tmp_path: Path, version: str, implementation: str = "CPython", lacking: str = "") -> Path:
    """Make something that answers as a Python of that version does, and has pip's wheel."""
    bundled = tmp_path / "prefix" / "lib" / f"python{short_version(version)}" / "ensurepip" / "_bundled"
    bundled.mkdir(parents=True)
    (bundled / "pip-25.0-py3-none-any.whl").touch()
    answer = f'["{implementation}", "{version}"]'
    return program(tmp_path, f"case $3 in *platform*) echo '{answer}' ;; *) echo '{lacking}' ;; esac")


def test_the_right_one_is_taken(tmp_path: Path) -> None:
    path = python(tmp_path, PINNED)
    found = native_python(context(tmp_path, path))
    assert (found.executable, found.version) == (path, PINNED)
    assert found.identity == f"{path} {PINNED}"
    assert not (tmp_path / "cache").exists()


def test_another_version_is_refused_with_both_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        native_python(context(tmp_path, python(tmp_path, "3.13.4")))
    assert "which is CPython 3.13.4; the pinned version is CPython 3.13.5" in str(caught.value)


def test_another_implementation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"which is PyPy 3.13.5; the pinned version is CPython 3.13.5"):
        native_python(context(tmp_path, python(tmp_path, PINNED, "PyPy")))


def test_the_python_of_these_tests_is_probed_for_real(tmp_path: Path) -> None:
    workspace = context(tmp_path, sys.executable)
    version = ".".join(map(str, sys.version_info[:3]))
    workspace.workspace.sources_toml.write_text(SOURCES.replace(PINNED, "3.0.0"))
    with pytest.raises(UsageError, match=rf"which is CPython {version}.*is\s+CPython 3.0.0"):
        native_python(workspace)


def test_a_path_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"PYWASM_BUILD_PYTHON names .*gone, which is no file"):
        native_python(context(tmp_path, tmp_path / "gone"))
    with pytest.raises(UsageError, match="which is no file"):
        native_python(context(tmp_path, tmp_path))


@pytest.mark.parametrize(
    "text", ["exit 0", "exit 1", "echo hello", "echo 5", "echo '[1]'", "echo null", 'echo \'["a", "b", "c"]\'']
)
def test_what_is_no_python_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="which does not run as a Python"):
        native_python(context(tmp_path, program(tmp_path, text)))


def test_what_cannot_be_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which does not run as a Python"):
        native_python(context(tmp_path, program(tmp_path, "", mode=0o644)))


def test_one_that_lacks_modules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"lacks the modules ssl, bz2: headers were missing"):
        native_python(context(tmp_path, python(tmp_path, PINNED, lacking="ssl bz2")))


def test_one_without_pips_wheel_is_refused(tmp_path: Path) -> None:
    path = python(tmp_path, PINNED)
    next(tmp_path.rglob("pip-*.whl")).unlink()
    with pytest.raises(UsageError, match=r"whose ensurepip has no wheel of pip in .*prefix, as distributions"):
        native_python(context(tmp_path, path))


def test_the_probe_for_modules_works(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []

    def answer(words: Sequence[str]) -> Completed:
        asked.append(words)
        return completed("")

    fake = context(tmp_path, "")
    runner = FakeRunner(answers={"python": answer})
    check_modules(Context(**{**vars(fake), "runner": runner}), Path("/x/python"))
    (words,) = asked
    code = words[words.index("-c") + 1]
    real = SubprocessRunner(os.environ).run(
        [sys.executable, "-I", "-c", code, "json", "no_such_module", "zlib"], cwd=tmp_path, capture=True
    )
    assert real.stdout.split() == ["no_such_module"]


def test_a_short_version() -> None:
    assert short_version("3.13.5") == "3.13"
    assert short_version("3.14.0rc1") == "3.14"
