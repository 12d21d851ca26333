"""Keep what the tests of a package came to as data beside its recipe, patches/<name>/result.json.

    {"version": "2.5.5", "python": "3.13.5",
     "inputs": {"sdist": "<sha256>", "build": "<hash>", "patches": ..., "test": ..., "suite": ...},
     "wheel": {"file": "...whl", "size": 123, "modules": ["numpy/_core/_umath.so"], "build-seconds": 80},
     "own": {"passed": 5, "failed": 0, ..., "seconds": 2},     the recipe's own test
     "suite": {...} or null,                                   upstream's
     "failures": [{"id": "...", "reason": "..."}]}             those that the recipe does not expect

`inputs` are those of the recipe: where one of them has another hash now, the record is stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pywasm_build.errors import RecipeError
from pywasm_build.patching import patch_inputs
from pywasm_build.recipes import Recipe
from pywasm_build.store import JSON, canonical, read_stamp
from pywasm_build.suite_report import SuiteResult
from pywasm_build.suite_results import NOT_RUN, SKIPPED, XFAILED
from pywasm_build.wheel_archive import is_library, open_wheel

RECORD = "result.json"
TESTS_PASS = "tests pass"
# Of upstream's tests that run.
PASS_RATE = 0.98
_MOST_FAILURES = 50
_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many tests of a suite had each outcome, and how long they took together."""

    passed: int
    failed: int
    expected: int
    xfailed: int
    skipped: int
    not_run: int
    seconds: int

    @property
    def pass_rate(self) -> float:
        """The share of the tests that passed among those that ran, 0 to 1; an expected failure did not pass."""
        ran = self.passed + self.failed + self.expected
        return self.passed / ran if ran else 0.0


@dataclass(frozen=True, kw_only=True)
class WheelFacts:
    """A wheel as it was built: the names of its side modules, its size in bytes, the seconds that it took."""

    file: str
    size: int
    modules: tuple[str, ...]
    build_seconds: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """A recorded run of a package's tests; `failures` are ids and reasons."""

    version: str
    python: str
    inputs: Mapping[str, str]
    wheel: WheelFacts
    own: Counts
    suite: Counts | None
    failures: tuple[tuple[str, str], ...]

    @property
    def status(self) -> str:
        """What the tests say, as `status` does."""
        return status(self.own, self.suite)

    @property
    def seconds(self) -> int:
        """How long all tests took."""
        return self.own.seconds + (self.suite.seconds if self.suite else 0)


def counts_of(result: SuiteResult) -> Counts:
    """Count the outcomes of a run."""
    counts = result.counts
    return Counts(
        passed=result.passed,
        failed=len(result.failed),
        expected=len(result.expected),
        xfailed=counts.get(XFAILED, 0),
        skipped=counts.get(SKIPPED, 0),
        not_run=counts.get(NOT_RUN, 0),
        seconds=max(round(result.seconds), 1),
    )


def status(own: Counts, suite: Counts | None) -> str:
    """Return `TESTS_PASS` if the recipe's tests pass, and at least `PASS_RATE` of upstream's, else what is wrong."""
    if own.failed or not own.passed:
        return "the recipe's test fails"
    if suite and suite.pass_rate < PASS_RATE:
        return f"{suite.pass_rate:.1%} of upstream's tests pass"
    return TESTS_PASS


def wheel_facts(wheel: Path) -> WheelFacts:
    """Read what a record says of a wheel in the store."""
    with open_wheel(wheel) as opened:
        modules = tuple(name for name in opened.names if is_library(name))
    seconds = float((read_stamp(wheel.parent) or {}).get("seconds", 0))
    return WheelFacts(file=wheel.name, size=wheel.stat().st_size, modules=modules, build_seconds=max(round(seconds), 1))


def make_record(recipe: Recipe, python: str, wheel: Path, own: SuiteResult, suite: SuiteResult | None) -> Record:
    """Return the record of a complete run; `python` is the guest's version."""
    failed = [*own.failed, *(suite.failed if suite else ())]
    return Record(
        version=recipe.version,
        python=python,
        inputs=recipe_inputs(recipe),
        wheel=wheel_facts(wheel),
        own=counts_of(own),
        suite=counts_of(suite) if suite else None,
        failures=tuple((test.id, test.reason) for test in failed[:_MOST_FAILURES]),
    )


def recipe_inputs(recipe: Recipe) -> Mapping[str, str]:
    """Return hashes of what the tests of a package depend on, as far as its recipe says; reasons do not count."""
    suite = recipe.suite and replace(
        recipe.suite, expected_failures=tuple(replace(one, reason="") for one in recipe.suite.expected_failures)
    )
    build: JSON = [recipe.build_requires, recipe.libraries, recipe.environment, recipe.config_settings]
    test = recipe.smoke_test.read_text("utf-8") if recipe.smoke_test.is_file() else ""
    return {
        "sdist": recipe.sha256,
        "build": _digest(build),
        "patches": _digest(
            patch_inputs(patch for patch in recipe.patches if patch.applies_to.contains(recipe.version))
        ),
        "test": _digest(test),
        "suite": _digest(asdict(suite) if suite else None),
    }


def staleness(record: Record, recipe: Recipe) -> str:
    """Return what has changed since a record was made, nothing if nothing has."""
    if record.version != recipe.version:
        return f"the record is of {record.version}"
    now = recipe_inputs(recipe)
    changed = [name for name in now if record.inputs.get(name) != now[name]]
    return f"changed since: {', '.join(changed)}" if changed else ""


def read_record(recipe: Recipe) -> Record | None:
    """Return the record of a recipe, None if it has none; raises RecipeError for one that is damaged."""
    path = recipe.folder / RECORD
    if not path.is_file():
        return None
    try:
        return _parse(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(
            f"{path} is damaged ({type(error).__name__}: {error}); make it again with:"
            f" bin/inv libs.test --name {recipe.name} --record"
        ) from error


def write_record(record: Record, recipe: Recipe) -> Path:
    """Write a record beside its recipe; return its path."""
    path = recipe.folder / RECORD
    path.write_text(canonical(_as_json(record), indent=1) + "\n", "utf-8")
    return path


def _as_json(record: Record) -> Mapping[str, JSON]:
    wheel = record.wheel
    return {
        "version": record.version,
        "python": record.python,
        "inputs": record.inputs,
        "wheel": {
            "file": wheel.file,
            "size": wheel.size,
            "modules": wheel.modules,
            "build-seconds": wheel.build_seconds,
        },
        "own": asdict(record.own),
        "suite": asdict(record.suite) if record.suite else None,
        "failures": [{"id": id_, "reason": reason} for id_, reason in record.failures],
    }


def _parse(data: Mapping[str, Any]) -> Record:
    wheel = data["wheel"]
    return Record(
        version=str(data["version"]),
        python=str(data["python"]),
        inputs={str(name): str(value) for name, value in data["inputs"].items()},
        wheel=WheelFacts(
            file=str(wheel["file"]),
            size=int(wheel["size"]),
            modules=tuple(map(str, wheel["modules"])),
            build_seconds=int(wheel["build-seconds"]),
        ),
        own=_counts(data["own"]),
        suite=_counts(data["suite"]) if data["suite"] else None,
        failures=tuple((str(one["id"]), str(one["reason"])) for one in data["failures"]),
    )


def _counts(data: Mapping[str, Any]) -> Counts:
    return Counts(**{name: int(value) for name, value in data.items()})


def _digest(value: JSON) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:_DIGITS]
