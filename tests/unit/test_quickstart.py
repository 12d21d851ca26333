"""The table that the main job ends with."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

from pywasm_build.index import Release
from pywasm_build.installed import Installation
from pywasm_build.outcomes import Outcome
from pywasm_build.packages import Job
from pywasm_build.progress import human_size
from pywasm_build.quickstart import DEMONSTRATION, closing_table
from pywasm_build.runtime_root import runtime_root
from pywasm_build.wheels import Wheel, normalise
from tests.unit.checkout import make_checkout, wheel_bytes


def test_the_table_says_what_was_made(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, os.environ)
    host = checkout.host
    host.toolchain.root.mkdir(parents=True)
    (host.toolchain.root / "stamp.json").write_text(json.dumps({"llvm": "ziglang 0.17.0", "seconds": 61.5}))
    (tmp_path / "numpy-2.5.5-py3-none-any.whl").write_bytes(wheel_bytes("numpy", "2.5.5"))
    wheel = Wheel.read(normalise(tmp_path / "numpy-2.5.5-py3-none-any.whl", tmp_path / "made", {}))
    (wheel.path.parent / "stamp.json").write_text(json.dumps({"seconds": 120}))
    release = Release(name="numpy", version="2.5.5", file=wheel.path.name, sha256=wheel.sha256)
    outcome = Outcome(job=Job(release=release, recipe=None), wheel=wheel, built=True, seconds=1.0)
    root = runtime_root(checkout.context, host, [wheel])
    table = closing_table(host, Installation(outcomes=(outcome,), root=root)).splitlines()
    made = [line.split() for line in table[2:-1]]
    assert made == [
        ["toolchain", "ziglang", "0.17.0", "-", "1", "min", "02", "s"],
        ["native", "Python", "3.13.5", "-", "-"],
        ["CPython", "for", "wasm", "3.13.5", "8", "B", "-"],
        ["numpy", "2.5.5", *human_size(wheel.path.stat().st_size).split(), "2", "min", "00", "s"],
    ]
    assert table[-1] == f"runtime root: {root.files} files, {human_size(root.size)}, 1 packages"


def test_the_demonstration_is_a_program() -> None:
    ast.parse(DEMONSTRATION)
