"""The page about packages: current, and what it says of recipes and records."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pywasm_build.package_page import PAGE, packages_page, write_packages_page
from pywasm_build.package_record import WheelFacts
from pywasm_build.recipes import read_registry
from tests.unit.checkout import Checkout, make_checkout
from tests.unit.recorded import MODULES, counts, recorded

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path, os.environ)


def page(checkout: Checkout) -> str:
    return packages_page(read_registry(checkout.workspace.patches))


def row(text: str, name: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} ") and line.count("|") == 14]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_page_in_the_repository_is_current() -> None:
    made = packages_page(read_registry(ROOT / "patches"))
    assert (ROOT / PAGE).read_text("utf-8") == made, "make it again with: bin/inv libs.page"


def test_a_package_with_all_facts(checkout: Checkout) -> None:
    wheel = WheelFacts(file="x.whl", size=2_500_000, modules=MODULES, build_seconds=75)
    suite = counts(1_490, 2, 8, xfailed=1, skipped=6, not_run=5, seconds=60)
    recorded(checkout, "demo", wheel=wheel, suite=suite, failures=(("tests/t.py::x[a|b]", "why *"),))
    text = page(checkout)
    assert row(text, "demo")[1:] == [
        "1.0",
        r"demo.\_core, demo.a, demo.b and 1 more",
        "5 passed",
        *("1,490", "2", "8", "7", "5"),
        *("1 min 02 s", "1 min 15 s", "2.5 MB"),
        "tests pass",
    ]
    assert r"| demo | tests/t.py::x[a\|b] | why \* |" in text
    assert '1 of 1 packages have the status "tests pass", 1 of them are compiled. 1,495 tests pass in them.' in text


def test_what_does_not_count(checkout: Checkout) -> None:
    pure = WheelFacts(file="x.whl", size=1, modules=(), build_seconds=1)
    recorded(checkout, "plain", wheel=pure, suite=None)
    recorded(checkout, "poor", suite=counts(9, 1))
    recorded(checkout, "broken", own=counts(4, 1))
    recorded(checkout, "older", version="0.9")
    checkout.recipe("untried", "a" * 64, more="experimental = true\n")
    text = page(checkout)
    statuses = {name: row(text, name)[-1] for name in ("plain", "poor", "broken", "older", "untried")}
    assert statuses == {
        "plain": "tests pass",
        "poor": "90.0% of upstream's tests pass",
        "broken": "the recipe's test fails",
        "older": "to be tested again: the record is of 0.9",
        "untried": "not tested",
    }
    assert "1 of 5 packages have" in text and " 0 of them are compiled. 5 tests pass" in text
    assert row(text, "plain")[2:5] == ["none", "5 passed", "-"]
    assert "| untried (experimental) | 1.0 | - |" in text


def test_patches_libraries_and_expected_failures_are_listed(checkout: Checkout) -> None:
    folder = checkout.recipe("demo", "a" * 64)
    (folder / "0001-x.patch").write_text("a patch\n")
    patch = '[[patch]]\nfile = "0001-x.patch"\nreason = "it traps"\napplies-to = "==1.0"\nupstream = "sent"\n'
    test = '[test]\nsources = ["tests"]\n'
    for reason, ids, run in (("no threads", ["a", "b"], "false"), ("no sockets", ["c"], "true")):
        test += f'[[test.expected-failure]]\nids = {ids}\nreason = "{reason}"\nrun = {run}\n'
    recorded(checkout, "demo", more=f'[build]\nlibraries = ["liby", "libz"]\n{patch}{test}')
    text = page(checkout)
    assert "| demo | 0001-x.patch | it traps | sent |" in text
    assert "| demo | liby, libz |" in text
    assert "| demo | no threads | 2 | no |\n| demo | no sockets | 1 | yes |" in text


def test_it_is_written_into_the_checkout(checkout: Checkout) -> None:
    recorded(checkout, "demo")
    root = checkout.workspace.root
    (root / "docs").mkdir()
    assert write_packages_page(root, checkout.workspace.patches) == root / PAGE
    assert (root / PAGE).read_text("utf-8") == page(checkout)
