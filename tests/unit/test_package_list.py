"""The list of packages, and which of them are tested quickly."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pywasm_build.installed import state_path
from pywasm_build.package_list import all_packages, list_packages, quick_packages
from pywasm_build.package_record import WheelFacts
from pywasm_build.recipes import read_registry
from tests.unit.checkout import Checkout, make_checkout
from tests.unit.recorded import counts, recorded

A = "a" * 64


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path, os.environ)


def install(checkout: Checkout, **versions: str) -> None:
    path = state_path(checkout.context)
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"name": name, "version": version, "file": "x", "sha256": A} for name, version in versions.items()]
    path.write_text(json.dumps(entries))


def test_each_package_with_its_state(checkout: Checkout) -> None:
    checkout.recipe("numpy", A, version="2.5.5")
    checkout.recipe("PyYAML", A, version="6.0.3", more="experimental = true\n")
    checkout.recipe("six", A)
    recorded(checkout, "good")
    recorded(checkout, "older", version="0.9")
    library = checkout.workspace.patches / "libyaml"
    library.mkdir()
    (library / "recipe.toml").write_text('[library]\nname = "libyaml"\n')
    install(checkout, numpy="2.5.5", pyyaml="6.0.2", markdown="3.0")
    reports = checkout.workspace.reports
    reports.mkdir(parents=True)
    run = {"counts": {"passed": 90, "failed": 1}, "seconds": 75.0}
    (reports / "numpy.json").write_text(json.dumps(run))
    (reports / "six.json").write_text("{}")
    assert list_packages(checkout.context) == [
        ("good", "1.0", "not installed", "0", "not run here; recorded: tests pass"),
        ("numpy", "2.5.5", "installed", "0", "90 passed, 1 failed (1 min 15 s)"),
        ("older", "1.0", "not installed", "0", "not run here; recorded: the record is of 0.9"),
        ("PyYAML", "6.0.3", "6.0.2 installed, experimental", "0", "not run"),
        ("six", "1.0", "not installed", "0", "not run"),
        ("markdown", "3.0", "installed, no recipe", "-", "-"),
    ]


def test_quick_packages_by_their_records(checkout: Checkout) -> None:
    long = WheelFacts(file="x.whl", size=1, modules=(), build_seconds=61)
    recorded(checkout, "slow", suite=counts(100, seconds=19))
    recorded(checkout, "slow-to-build", wheel=long)
    recorded(checkout, "failing", own=counts(0, 1))
    recorded(checkout, "with-failures", failures=(("t", "why"),))
    recorded(checkout, "enough", suite=counts(100, seconds=18))
    recorded(checkout, "alone", suite=None)
    checkout.recipe("untried", A)
    chosen = quick_packages(read_registry(checkout.workspace.patches))
    assert [recipe.name for recipe in chosen] == ["alone", "enough"]


def test_quick_packages_fit_into_minutes_the_quickest_first(checkout: Checkout) -> None:
    for number in range(16):
        recorded(checkout, f"p{number:02}", suite=counts(100, seconds=18 if number else 1))
    chosen = [recipe.name for recipe in quick_packages(read_registry(checkout.workspace.patches))]
    assert chosen == [f"p{number:02}" for number in range(12)]


def test_all_packages(checkout: Checkout) -> None:
    checkout.recipe("six", A)
    checkout.recipe("big", A, more="experimental = true\n")
    registry = read_registry(checkout.workspace.patches)
    assert [one.name for one in all_packages(registry, experimental=False)] == ["six"]
    assert [one.name for one in all_packages(registry, experimental=True)] == ["big", "six"]
