"""After an installation: what is installed and cannot be imported is told, and tried once for each runtime root."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pywasm_build.command import Argument, Completed, SubprocessRunner
from pywasm_build.context import Context
from pywasm_build.index import Release
from pywasm_build.install_check import import_notes
from pywasm_build.outcomes import Outcome
from pywasm_build.packages import Job
from pywasm_build.plan_report import closing_text
from pywasm_build.recipes import Recipe
from pywasm_build.wheels import Wheel
from tests.unit.checkout import make_checkout, wheel_bytes
from tests.unit.import_guest import EXTENSION, SUFFIX, NativeGuest, an_extension_module

GOOD = an_extension_module()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return replace(make_checkout(tmp_path, os.environ).context, runner=NativeGuest(os.environ))


def outcome(folder: Path, name: str, *modules: str, recipe: Recipe | None = None) -> Outcome:
    path = folder / f"{name}-1.0-cp313-cp313-wasi_wasm32.whl"
    path.write_bytes(wheel_bytes(name, files={f"{module}{SUFFIX}": EXTENSION for module in modules}))
    job = Job(release=Release(name=name, version="1.0", file=f"{name}-1.0.tar.gz", sha256=""), recipe=recipe)
    return Outcome(job=job, wheel=Wheel.read(path), built=True, seconds=0.0)


def root_with(folder: Path, name: str, modules: Mapping[str, str]) -> Path:
    root = folder / name
    root.mkdir()
    for module, text in modules.items():
        (root / f"{module}.py").write_text(text)
    return root


def test_what_cannot_be_imported_is_told(context: Context, tmp_path: Path) -> None:
    root = root_with(tmp_path, "1", {"starts": "raise RuntimeError('no threads')", "leaves": "import os; os._exit(3)"})
    recipe = Recipe(folder=tmp_path, name="known", kind="package")
    outcomes = [
        outcome(tmp_path, "fine", GOOD),
        outcome(tmp_path, "bad", "starts"),
        outcome(tmp_path, "worse", "leaves", GOOD, "absent"),
        outcome(tmp_path, "pure"),
        outcome(tmp_path, "known", "starts", recipe=recipe),
    ]
    printed = "(what it printed is in build/logs/imports.log)"
    missing = "importing absent fails: ModuleNotFoundError: No module named 'absent'"
    notes = import_notes(context, root, outcomes)
    assert notes == {
        "bad": f"importing starts fails: RuntimeError: no threads {printed}",
        "worse": f"{missing} (2 of 3 modules fail) {printed}",
    }
    lines = [line.split("  ")[-1] for line in closing_text(outcomes, [], notes=notes).splitlines()[2:-1]]
    assert lines[1:3] == [f" {notes['bad']}".strip(), notes["worse"]]


def test_it_is_tried_once_in_each_root(context: Context, tmp_path: Path) -> None:
    package = [outcome(tmp_path, "bad", "starts")]
    roots = [root_with(tmp_path, name, {"starts": "raise RuntimeError('no')"}) for name in ("1", "2")]
    first = import_notes(context, roots[0], package)
    log = context.workspace.log("imports")
    log.unlink()
    assert import_notes(context, roots[0], package) == first
    assert not log.exists()
    import_notes(context, roots[1], package)
    assert log.exists()


def test_a_guest_that_does_not_start_is_no_finding(context: Context, tmp_path: Path) -> None:
    package = [outcome(tmp_path, "pack", GOOD)]
    root = root_with(tmp_path, "1", {})
    broken = replace(context, runner=BrokenGuest(os.environ))
    assert list(import_notes(broken, root, package)) == ["pack"]
    assert import_notes(context, root, package) == {}


class BrokenGuest(NativeGuest):
    """A guest that ends before it has imported anything."""

    def run(self, args: Sequence[Argument], **options: Any) -> Completed:
        options["timeout"] = 10
        del options["env"]
        return SubprocessRunner.run(self, [sys.executable, "-c", "raise SystemExit(3)"], **options)
