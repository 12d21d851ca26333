"""Tests of packages: what has none, what fails alone, what is recorded. The guest is this Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pywasm_build.command import Argument, Completed, Runner
from pywasm_build.errors import RecipeError, UsageError
from pywasm_build.package_record import read_record, staleness
from pywasm_build.package_tests import PackageResult, choose_packages, result_rows, test_packages
from pywasm_build.recipes import read_registry
from pywasm_build.suite_packages import INNER
from pywasm_build.suite_pytest import GuestPython
from tests.unit.checkout import Checkout, make_checkout, sdist_bytes, wheel_bytes
from tests.unit.native_guest import NativeGuest

A = "a" * 64


@dataclass(kw_only=True)
class GuestRunner:
    """Run python-wasm natively, everything else as the checkout does."""

    checkout: Runner
    guest: NativeGuest

    def run(self, args: Sequence[Argument], **options: Any) -> Completed:
        runner: Runner = self.guest if Path(args[0]).name == "python-wasm" else self.checkout
        return runner.run(args, **options)

    def terminate(self) -> None:
        raise AssertionError("no process may be ended")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = make_checkout(tmp_path, os.environ)
    guest = NativeGuest(root=made.workspace.runtime)
    return replace(made, runner=GuestRunner(checkout=made.runner, guest=guest))


def offer(checkout: Checkout, name: str, *, own: str, test: str = "", fails: bool = False) -> None:
    """Write a recipe with its test, and with the test of upstream's suite; its sdist, in the cache, gives a wheel."""
    wheel = wheel_bytes(name, files={f"{name}.py": b"x = 1\n"})
    files = {f"prebuilt/{name}-1.0-py3-none-any.whl": wheel, "tests/test_it.py": test.encode()}
    content = sdist_bytes(name, {**files, **({"fail": b"error: no compiler\n"} if fails else {})})
    place = checkout.workspace.downloads / sha256(content).hexdigest() / f"{name}-1.0.tar.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    site = checkout.workspace.runtime / "usr" / "lib" / "python3.13" / "site-packages"
    environment = f'environment = {{ PYTHONPATH = "/test-packages/{INNER}:/test-plugins:{site}" }}\n'
    suite = f'[test]\nsources = ["tests"]\n{environment}' if test else ""
    folder = checkout.recipe(name, sha256(content).hexdigest(), more=suite)
    if own:
        (folder / f"test_{name}.py").write_text(own)


def run(
    checkout: Checkout, *names: str, record: bool = False, selection: Sequence[str] = ()
) -> dict[str, PackageResult]:
    root = checkout.workspace.runtime
    packages = checkout.workspace.cache / "test-packages"
    (packages / INNER).mkdir(parents=True, exist_ok=True)
    tested = test_packages(
        checkout.context,
        choose_packages(read_registry(checkout.workspace.patches), names),
        jobs=1,
        record=record,
        selection=selection,
        builder=checkout.builder,
        guest=GuestPython(program=Path("bin/python-wasm"), root=root, packages=packages),
    )
    return {one.recipe.name: one for one in tested}


PASSES = "def test_own(): pass\n"
UPSTREAM = "import good\ndef test_a(): assert good.x == 1\ndef test_b(): pass\n"


def test_one_package_after_the_other(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    offer(checkout, "good", own=PASSES, test=UPSTREAM)
    offer(checkout, "plain", own=PASSES)
    offer(checkout, "broken", own="def test_own(): assert 1 == 2, 'one is not two'\n")
    offer(checkout, "worse", own=PASSES, test="def test_a(): pass\ndef test_b(): assert False\n")
    offer(checkout, "unbuilt", own=PASSES, fails=True)
    offer(checkout, "untested", own="")
    tested = run(checkout, "unbuilt", "broken", "good", "plain", "untested", "worse")
    assert {name: one.ok for name, one in tested.items()} == {
        "unbuilt": False,
        "broken": False,
        "good": True,
        "plain": True,
        "untested": False,
        "worse": False,
    }
    rows = {row[0]: row for row in result_rows(list(tested.values()))}
    assert rows["good"][2:8] == ("1 passed", "2", "0", "0", "0", "0")
    assert rows["good"][9] == "tests pass"
    assert rows["plain"][2:8] == ("1 passed", "-", "-", "-", "-", "-")
    assert rows["broken"][2] == "1 failed" and rows["broken"][9] == "the recipe's test fails"
    assert rows["worse"][9] == "50.0% of upstream's tests pass; 1 unexpected failures"
    assert rows["unbuilt"][9] == "not built: error: no compiler"
    assert "the recipe of untested has no test: write " in rows["untested"][9]
    printed = capsys.readouterr().out
    assert "test_broken.py::test_own: AssertionError: one is not two" in printed
    assert "good 1.0: tests pass\n" in printed


def test_results_are_recorded_beside_the_recipes(checkout: Checkout) -> None:
    offer(checkout, "good", own=PASSES, test=UPSTREAM)
    offer(checkout, "unbuilt", own=PASSES, fails=True)
    run(checkout, "good", "unbuilt", record=True)
    registry = read_registry(checkout.workspace.patches)
    good, unbuilt = (registry.find(name) for name in ("good", "unbuilt"))
    assert good and unbuilt
    record = read_record(good)
    assert record and record.suite
    assert (record.version, record.python, record.own.passed, record.suite.passed) == ("1.0", "3.13.5", 1, 2)
    assert (record.wheel.file, record.wheel.modules) == ("good-1.0-py3-none-any.whl", ())
    assert staleness(record, good) == ""
    assert read_record(unbuilt) is None


def test_a_selection_of_upstream_s_tests(checkout: Checkout) -> None:
    offer(checkout, "good", own=PASSES, test=UPSTREAM)
    suite = run(checkout, "good", selection=["*::test_b"])["good"].suite
    assert suite and [test.id for test in suite.results] == ["tests/test_it.py::test_b"]
    wrong = run(checkout, "good", selection=["tests/test_other.py"])["good"]
    assert not wrong.ok
    assert wrong.problem.startswith("not tested: 'tests/test_other.py' means none of the 1 test files")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nunpy", r"nunpy has no recipe, and so no test \(did you mean 'numpy'\?\)"),
        ("libyaml", "libyaml has no recipe, and so no test"),
        ("numpy==1.26", r"numpy==1.26 cannot be tested: the recipe of numpy is for 2.5.5"),
    ],
)
def test_what_has_no_test(checkout: Checkout, name: str, reason: str) -> None:
    checkout.recipe("numpy", A, version="2.5.5")
    library = checkout.workspace.patches / "libyaml"
    library.mkdir()
    (library / "recipe.toml").write_text('[library]\nname = "libyaml"\n')
    registry = read_registry(checkout.workspace.patches)
    with pytest.raises(RecipeError, match=reason):
        choose_packages(registry, [name])
    with pytest.raises(UsageError, match="is not a package name"):
        choose_packages(registry, ["num py"])
