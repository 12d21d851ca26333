"""Records of test runs beside recipes: what they say, and when they are stale."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pywasm_build.errors import RecipeError
from pywasm_build.package_record import RECORD, Counts, read_record, staleness, status, wheel_facts, write_record
from pywasm_build.recipes import Recipe, read_recipe, read_registry
from pywasm_build.store import STAMP
from tests.unit.checkout import Checkout, make_checkout, wheel_bytes
from tests.unit.recorded import MODULES, counts, record, recorded

SUITE = '[test]\nsources = ["tests"]\n[[test.expected-failure]]\nids = ["a"]\nreason = "one"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path, os.environ)


@pytest.mark.parametrize(
    ("own", "suite", "said"),
    [
        (counts(1), None, "tests pass"),
        (counts(1), counts(98, 2), "tests pass"),
        (counts(1), counts(98, 1, 1), "tests pass"),
        (counts(1), counts(97, 0, 3), "97.0% of upstream's tests pass"),
        (counts(1), counts(97, 3, not_run=900, skipped=900, xfailed=900), "97.0% of upstream's tests pass"),
        (counts(1), counts(0, skipped=9), "0.0% of upstream's tests pass"),
        (counts(0, skipped=1), counts(100), "the recipe's test fails"),
        (counts(99, 1), counts(100), "the recipe's test fails"),
    ],
)
def test_when_tests_pass(own: Counts, suite: Counts | None, said: str) -> None:
    assert status(own, suite) == said


def test_a_record_is_read_as_it_was_written(checkout: Checkout) -> None:
    recipe = recorded(checkout, "demo")
    for made in (
        record(recipe, failures=(("t.py::x", "ä | why"),), suite=counts(90, 1, 2, xfailed=3, skipped=4, not_run=5)),
        record(recipe, suite=None),
    ):
        path = write_record(made, recipe)
        assert read_record(recipe) == made
        before = path.read_bytes()
        write_record(made, recipe)
        assert path.read_bytes() == before
    (recipe.folder / RECORD).unlink()
    assert read_record(recipe) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"wheel": []}'])
def test_a_damaged_record_is_named(checkout: Checkout, text: str) -> None:
    recipe = recorded(checkout, "demo")
    (recipe.folder / RECORD).write_text(text)
    with pytest.raises(RecipeError, match=r"demo/result.json is damaged .*bin/inv libs.test --name demo --record"):
        read_record(recipe)


def change_patch(recipe: Recipe) -> None:
    recipe.patches[0].path.write_text("another patch\n")


def change_test(recipe: Recipe) -> None:
    recipe.smoke_test.write_text("def test_more(): pass\n")


def change_suite(recipe: Recipe) -> None:
    path = recipe.folder / "recipe.toml"
    path.write_text(path.read_text().replace('ids = ["a"]', 'ids = ["a", "b"]'))


def change_build(recipe: Recipe) -> None:
    path = recipe.folder / "recipe.toml"
    path.write_text(path.read_text().replace("X = ", "Y = "))


def change_nothing_that_counts(recipe: Recipe) -> None:
    path = recipe.folder / "recipe.toml"
    path.write_text("# why\n" + path.read_text().replace('reason = "one"', 'reason = "better"'))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_patch, "changed since: patches"),
        (change_test, "changed since: test"),
        (change_suite, "changed since: suite"),
        (change_build, "changed since: build"),
        (change_nothing_that_counts, ""),
    ],
)
def test_a_record_is_stale_when_its_recipe_changes(checkout: Checkout, change: object, said: str) -> None:
    assert callable(change)
    patch = '[[patch]]\nfile = "0001-x.patch"\nreason = "r"\napplies-to = "==1.0"\nupstream = "u"\n'
    folder = checkout.recipe("demo", "a" * 64)
    (folder / "0001-x.patch").write_text("a patch\n")
    recipe = recorded(checkout, "demo", more=f'[build]\nenvironment = {{ X = "1" }}\n{patch}{SUITE}')
    made = read_record(recipe)
    assert made and staleness(made, recipe) == ""
    change(recipe)
    assert staleness(made, read_recipe(recipe.folder / "recipe.toml")) == said


def test_a_record_of_another_version_or_sdist_is_stale(checkout: Checkout) -> None:
    recipe = recorded(checkout, "demo")
    made = record(recipe)
    assert staleness(made, replace(recipe, version="1.1")) == "the record is of 1.0"
    assert staleness(made, replace(recipe, sha256="b" * 64)) == "changed since: sdist"


def test_what_a_wheel_tells(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-cp313-cp313-wasi_wasm32.whl"
    wheel.write_bytes(wheel_bytes("demo", files=dict.fromkeys([*MODULES, "demo/x.py"], b"")))
    (tmp_path / STAMP).write_text('{"seconds": 12.6}')
    facts = wheel_facts(wheel)
    assert (facts.file, facts.modules, facts.build_seconds) == (wheel.name, MODULES, 13)
    assert facts.size == wheel.stat().st_size


def test_a_registry_takes_records_for_no_recipes(checkout: Checkout) -> None:
    recorded(checkout, "demo")
    assert [recipe.name for recipe in read_registry(checkout.workspace.patches).packages] == ["demo"]
