"""Do the main job: from nothing to numpy's result in a sandbox."""

from __future__ import annotations

import time

from packaging.requirements import Requirement

from pywasm_build import doctor
from pywasm_build.context import Context
from pywasm_build.cpython import HostPython
from pywasm_build.installed import Installation, install_packages, package_builder
from pywasm_build.progress import human_size, summary
from pywasm_build.store import read_stamp

_PACKAGE = "numpy"
DEMONSTRATION = """\
import sys
import numpy as np
a = np.array([[4.0, 1.0], [2.0, 3.0]])
print(f"Python {sys.version.split()[0]} on {sys.platform}, numpy {np.__version__}, in a WebAssembly sandbox")
print("the inverse of", a.tolist(), "is", np.linalg.inv(a).round(3).tolist())
"""


def quickstart(context: Context) -> None:
    """Make what is missing, run numpy in a sandbox, print its result and a table of what was made."""
    started = time.monotonic()
    doctor.require(context.runner, mend_it=True)
    builder = package_builder(context)
    done = install_packages(context, [Requirement(_PACKAGE)], builder=builder)
    print(closing_table(builder.environment.host, done))
    print("\n$ bin/python-wasm -c '...'", flush=True)
    print(_demonstrate(context), end="")
    print(f"\nready after {time.monotonic() - started:.1f} s; now try: bin/python-wasm --help")


def _demonstrate(context: Context) -> str:
    python = context.workspace.root / "bin" / "python-wasm"
    return context.runner.run(
        [python, "-c", DEMONSTRATION],
        cwd=context.workspace.root,
        log=context.workspace.log("quickstart"),
        capture=True,
        timeout=300,
    ).stdout


def closing_table(host: HostPython, done: Installation) -> str:
    """Return the table of what was made: version, size and the seconds that its build took, now or earlier."""

    def seconds(stamp: dict[str, object] | None) -> float | None:
        value = (stamp or {}).get("seconds")
        return float(value) if isinstance(value, int | float) else None

    compiler = read_stamp(host.toolchain.root) or {}
    rows: list[tuple[str, str, int | None, float | None]] = [
        ("toolchain", str(compiler.get("llvm", "")), None, seconds(compiler)),
        ("native Python", host.native.version, None, seconds(read_stamp(host.native.executable.parents[1]))),
        (
            "CPython for wasm",
            host.version,
            host.main_module.stat().st_size,
            seconds(read_stamp(host.product)),
        ),
    ]
    for outcome in done.outcomes:
        wheel = outcome.wheel
        stamp = read_stamp(wheel.path.parent)
        rows.append((wheel.name, str(wheel.version), wheel.path.stat().st_size, seconds(stamp)))
    table = summary(rows)
    size, count = human_size(done.root.size), len(done.root.wheels)
    return f"{table}\nruntime root: {done.root.files} files, {size}, {count} packages"
