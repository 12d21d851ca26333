"""Install pure Python packages that a lock file pins, each file by its hash, into a folder."""

from __future__ import annotations

from pathlib import Path

from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.native import BuildPython


def install_pure_packages(context: Context, python: BuildPython, lock: Path, target: Path, *, title: str) -> None:
    """Let pip install all that `lock` pins into `target`; the wheels must be pure."""
    # "any" and "none": a wheel with compiled code would be the build machine's.
    wheels = ["--only-binary", ":all:", "--implementation", "py", "--abi", "none", "--platform", "any"]
    command: list[Argument] = [python.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", *wheels]
    log = context.workspace.log(lock.stem)
    context.runner.run([*command, "--target", target, "-r", lock], cwd=lock.parent, log=log, title=title)
