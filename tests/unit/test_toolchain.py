"""Which compiler is taken: the wheel's, or that of a wasi-sdk, if it is one."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pywasm_build.command import SubprocessRunner
from pywasm_build.context import Context
from pywasm_build.errors import DownloadError, UsageError
from pywasm_build.store import Store
from pywasm_build.toolchain import toolchain
from pywasm_build.workspace import Workspace
from tests.unit.wasm_objects import defining

NEW = "clang version 21.1.4-wasi-sdk (https://example.invalid/llvm abc)"
CHECKOUT = Workspace.discover({}).root
TOOLS = ("clang", "wasm-ld", "llvm-ar", "llvm-ranlib")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A checkout with the real pins and no way to download them."""
    workspace = Workspace(root=tmp_path / "root", cache=tmp_path / "cache")
    (workspace.root / "third-party").mkdir(parents=True)
    for name in ("toolchain.toml", "sources.toml"):
        shutil.copy(CHECKOUT / "third-party" / name, workspace.root / "third-party")
    environ = {**os.environ, "PYWASM_DEBIAN_MIRROR": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}
    environ.pop("PYWASM_SOURCES", None)
    runner = SubprocessRunner(environ, stream=io.StringIO())
    return Context(workspace=workspace, store=Store(workspace.store), runner=runner, environ=environ, jobs=1)


@pytest.fixture
def sdk(tmp_path: Path, context: Context) -> Callable[[str], Path]:
    """Make a wasi-sdk whose clang says what it is told to, and name it in WASI_SDK_PATH."""

    def make(says: str) -> Path:
        folder = tmp_path / "wasi sdk"
        (folder / "bin").mkdir(parents=True)
        (folder / "lib" / "clang" / "21" / "include").mkdir(parents=True)
        resource = folder / "lib" / "clang" / "21"
        for tool in TOOLS:
            text = f"#!/bin/sh\ncase $1 in -print*) echo '{resource}' ;; *) echo '{says}' ;; esac\n"
            (folder / "bin" / tool).write_text(text)
            (folder / "bin" / tool).chmod(0o755)
        assert isinstance(context.environ, dict)
        context.environ["WASI_SDK_PATH"] = str(folder)
        return folder

    return make


@pytest.mark.parametrize("tool", TOOLS)
def test_an_sdk_without_a_tool_is_refused(context: Context, sdk: Callable[[str], Path], tool: str) -> None:
    missing = sdk(NEW) / "bin" / tool
    missing.unlink()
    with pytest.raises(UsageError) as caught:
        toolchain(context)
    assert str(caught.value) == f"WASI_SDK_PATH is {missing.parent.parent}, but {missing} does not exist"


@pytest.mark.parametrize(
    ("says", "version"), [("clang version 19.1.5-wasi-sdk (x)", "19"), ("Ubuntu clang version 9.0.1", "9")]
)
def test_a_clang_that_is_too_old_is_refused(
    context: Context, sdk: Callable[[str], Path], says: str, version: str
) -> None:
    sdk(says)
    with pytest.raises(UsageError, match=rf"WASI_SDK_PATH is .* with clang {version}; .* need clang 20 or newer"):
        toolchain(context)


def test_what_is_no_clang_is_refused(context: Context, sdk: Callable[[str], Path]) -> None:
    sdk("gcc (Debian) 14.2.0")
    with pytest.raises(UsageError, match=r"with what calls itself 'gcc \(Debian\) 14.2.0'; .* need clang 20 or newer"):
        toolchain(context)


def test_an_sdk_is_used_where_it_is(context: Context, sdk: Callable[[str], Path], tmp_path: Path) -> None:
    folder = sdk(NEW)
    # As far as the sources of the sysroot, which cannot be had here.
    with pytest.raises(DownloadError, match=r"wasi-libc"):
        toolchain(context)
    (product,) = (path for path in (context.workspace.store / "toolchain").iterdir() if path.is_dir())
    assert (product / "resource" / "include").readlink() == folder / "lib" / "clang" / "21" / "include"
    assert not (product / "llvm").exists()
    # The programs behind the nm and strip drivers need nothing of this checkout.
    (tmp_path / "x.o").write_bytes(defining("run"))
    nm = [str(Path(sys.executable).resolve()), "-I", str(product / "lib" / "run.py"), "nm", str(tmp_path / "x.o")]
    assert subprocess.run(nm, capture_output=True, text=True, check=True, cwd="/").stdout == "00000000 T run\n"
