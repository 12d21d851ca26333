"""The list of packages, and what can be wrong before a package is tested."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pywasm_build.errors import RecipeError, UsageError
from pywasm_build.installed import state_path
from pywasm_build.package_tests import list_packages, test_package
from tests.unit.checkout import Checkout, make_checkout

A = "a" * 64


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = make_checkout(tmp_path, os.environ)
    made.recipe("numpy", A, version="2.5.5")
    made.recipe("PyYAML", A, version="6.0.3", more="experimental = true\n")
    made.recipe("six", A)
    library = made.workspace.patches / "libyaml"
    library.mkdir()
    (library / "recipe.toml").write_text('[library]\nname = "libyaml"\n')
    return made


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nunpy", r"nunpy has no recipe, and so no test \(did you mean 'numpy'\?\)"),
        ("libyaml", "libyaml has no recipe, and so no test"),
        ("numpy==1.26", r"numpy==1.26 cannot be tested: the recipe of numpy is for 2.5.5"),
    ],
)
def test_what_has_no_test(checkout: Checkout, name: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        test_package(checkout.context, name, jobs=1)


def test_what_is_no_name(checkout: Checkout) -> None:
    with pytest.raises(UsageError, match="is not a package name"):
        test_package(checkout.context, "num py", jobs=1)


def test_a_recipe_without_a_test_file(checkout: Checkout) -> None:
    install(checkout, six="1.0")
    with pytest.raises(RecipeError, match=r"the recipe of six has no test: write .*patches/six/test_six.py"):
        test_package(checkout.context, "six", jobs=1)


def install(checkout: Checkout, **versions: str) -> None:
    path = state_path(checkout.context)
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"name": name, "version": version, "file": "x", "sha256": A} for name, version in versions.items()]
    path.write_text(json.dumps(entries))


def test_each_package_with_its_state(checkout: Checkout) -> None:
    install(checkout, numpy="2.5.5", pyyaml="6.0.2", markdown="3.0")
    reports = checkout.workspace.reports
    reports.mkdir(parents=True)
    counts = {"counts": {"passed": 90, "failed": 1}, "seconds": 75.0}
    (reports / "numpy.json").write_text(json.dumps(counts))
    (reports / "six.json").write_text("{}")
    assert list_packages(checkout.context) == [
        ("numpy", "2.5.5", "installed", "0", "90 passed, 1 failed (1 min 15 s)"),
        ("PyYAML", "6.0.3", "6.0.2 installed, experimental", "0", "not run"),
        ("six", "1.0", "not installed", "0", "not run"),
        ("markdown", "3.0", "installed, no recipe", "-", "-"),
    ]
