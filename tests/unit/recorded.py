"""Recipes with records of their tests, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from pywasm_build.package_record import Counts, Record, WheelFacts, recipe_inputs, write_record
from pywasm_build.recipes import Recipe, read_registry
from tests.unit.checkout import Checkout

MODULES = ("demo/_core.cpython-313-wasm32-wasi.so", "demo/a.so", "demo/b.so", "demo/c.so")


def counts(passed: int, failed: int = 0, expected: int = 0, *, seconds: int = 2, **more: int) -> Counts:
    others: dict[str, int] = {"xfailed": 0, "skipped": 0, "not_run": 0, **more}
    return Counts(passed=passed, failed=failed, expected=expected, seconds=seconds, **others)


def record(recipe: Recipe, **changes: Any) -> Record:
    """Record five tests of the recipe and a hundred of upstream, which all pass."""
    values: dict[str, Any] = {
        "version": recipe.version,
        "python": "3.13.5",
        "inputs": recipe_inputs(recipe),
        "wheel": WheelFacts(file="demo.whl", size=1500, modules=MODULES[:1], build_seconds=30),
        "own": counts(5),
        "suite": counts(100),
        "failures": (),
    }
    return Record(**{**values, **changes})


def recorded(checkout: Checkout, name: str, *, more: str = "", **changes: Any) -> Recipe:
    """Write a recipe and its record."""
    checkout.recipe(name, "a" * 64, more=more)
    recipe = read_registry(checkout.workspace.patches).find(name)
    assert recipe
    write_record(record(recipe, **changes), recipe)
    return recipe
