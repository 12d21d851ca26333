"""Read third-party/cpython-tests.toml: how CPython's regression test suite is run, and what of it is known to fail.

    resources = ["cpu"]             what test.support.requires() may allow
    modules = ["_testcapi"]         extension modules that only tests import
    split = ["test_asyncio"]        packages whose modules are test files of their own
    timeout = 300                   seconds for a test file

    [timeouts]
    test_x = 600                    seconds for this one

    [[capability]]                  something that test.support says of each WASI, and that is not true of this one
    name = "test.support.has_socket_support"
    value = true                    the truth
    importing = "test.test_tools"   only while this module is imported, which happens first
    files = ["test_httplib"]        patterns of the test files for which it holds
    reason = "why these"

    [[expected-failure]]
    ids = ["test_x::Class.test_y"]  patterns of test ids as in fnmatch
    reason = "why"
    run = false                     because it would hang or trap; then a pattern without `::` means whole files

A key that has no meaning is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywasm_build.errors import RecipeError, did_you_mean
from pywasm_build.recipes import ExpectedFailure

_KEYS = ("resources", "modules", "split", "timeout", "timeouts", "capability", "expected-failure")
_CAPABILITY_KEYS = ("name", "value", "importing", "files", "reason")
_FAILURE_KEYS = ("ids", "reason", "run")


@dataclass(frozen=True, kw_only=True)
class Capability:
    """A flag of test.support that has another value for some test files than on other WASI machines.

    importing: the module while whose import the value holds; "" if it holds for good.
    """

    name: str
    value: bool
    importing: str
    files: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class RegressionSettings:
    """What the data file says; times are in seconds."""

    resources: tuple[str, ...]
    modules: tuple[str, ...]
    split: tuple[str, ...]
    timeout: int
    timeouts: Mapping[str, int]
    capabilities: tuple[Capability, ...]
    expected_failures: tuple[ExpectedFailure, ...]


def read_regression_settings(path: Path) -> RegressionSettings:
    """Read the data file; raises RecipeError that names it."""
    try:
        return _settings(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise RecipeError(f"cannot read {path}: {error}") from error
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def _settings(data: Mapping[str, Any]) -> RegressionSettings:
    _check_keys(data, _KEYS)
    timeouts = data.get("timeouts", {})
    if not isinstance(timeouts, dict):
        raise RecipeError("timeouts must be a table")
    return RegressionSettings(
        resources=_texts(data, "resources"),
        modules=_texts(data, "modules"),
        split=_texts(data, "split"),
        timeout=_seconds(data, "timeout"),
        timeouts={file: _seconds(timeouts, file) for file in timeouts},
        capabilities=tuple(_capability(entry) for entry in data.get("capability", [])),
        expected_failures=tuple(_expected_failure(entry) for entry in data.get("expected-failure", [])),
    )


def _capability(entry: Mapping[str, Any]) -> Capability:
    _check_keys(entry, _CAPABILITY_KEYS)
    name, files = _text(entry, "name"), _texts(entry, "files")
    if not files or not name.startswith("test.support."):
        raise RecipeError(f"the capability {name!r} must be one of test.support, and needs files = [...]")
    return Capability(
        name=name,
        value=_flag(entry, "value"),
        importing=_text(entry, "importing") if "importing" in entry else "",
        files=files,
        reason=_text(entry, "reason"),
    )


def _expected_failure(entry: Mapping[str, Any]) -> ExpectedFailure:
    _check_keys(entry, _FAILURE_KEYS)
    ids, reason, run = _texts(entry, "ids"), _text(entry, "reason"), _flag(entry, "run")
    if not ids:
        raise RecipeError("an expected-failure needs ids = [...]")
    if run and (files := [one for one in ids if "::" not in one]):
        raise RecipeError(f"{files[0]!r} means a whole file, which can only have run = false")
    return ExpectedFailure(ids=ids, reason=reason, run=run)


def _check_keys(table: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            raise RecipeError(f"unknown key {key!r}{did_you_mean(key, known)}")


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RecipeError(f'{table} needs {key} = "..."')
    return value


def _flag(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, True)
    if not isinstance(value, bool):
        raise RecipeError(f"{key} = {value!r} must be true or false")
    return value


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RecipeError(f"{key} must be a list of texts")
    return tuple(value)


def _seconds(table: Mapping[str, Any], key: str) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise RecipeError(f"{key} = {value!r} must be a number of seconds")
    return value
