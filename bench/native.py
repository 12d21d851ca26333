"""Give the native Python with numpy that benchmarks compare with."""

from __future__ import annotations

import os
from pathlib import Path

from pywasm_build.command import Argument
from pywasm_build.context import Context
from pywasm_build.native import native_python
from pywasm_build.store import Stage

_LOCK = Path("third-party") / "bench.lock"


def native_with_numpy() -> Path:
    """Return the native Python of the pinned version in an environment with the wheels of third-party/bench.lock."""
    context = Context.discover(os.environ)
    python, lock = native_python(context), context.workspace.root / _LOCK

    def make(folder: Path) -> None:
        run, log = context.runner.run, context.workspace.log("bench-native")
        run([python.executable, "-m", "venv", folder], cwd=folder, env={"PIP_NO_INDEX": "1"}, log=log)
        pip: list[Argument] = [folder / "bin" / "python", "-m", "pip", "install"]
        run(
            [*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock],
            cwd=folder,
            log=log,
            title="native packages to compare with",
        )

    stage = Stage("bench-native", {"native": python.identity, "lock": lock.read_text("utf-8")})
    return context.store.build(stage, make) / "bin" / "python"
