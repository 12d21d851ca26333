"""Read third-party/cpython-tests.toml: how CPython's regression test suite is run, and what of it is known to fail.

    resources = ["cpu"]             what test.support.requires() may allow
    modules = ["_testcapi"]         extension modules that only tests import
    split = ["test_asyncio"]        packages whose modules are test files of their own
    timeout = 300                   seconds for a test file

    [timeouts]
    test_x = 600                    seconds for this one

    [[capability]]                  something that test.support says of each WASI, and that is not true of this one
    name = "test.support.has_socket_support"
    value = true                    the truth; true if left out
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

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywasm_build.errors import RecipeError
from pywasm_build.recipes import ExpectedFailure, expected_failures
from pywasm_build.toml_values import (
    check_keys,
    flag_of,
    read_data_file,
    seconds_of,
    table_of,
    tables_of,
    text_of,
    texts_of,
)

_KEYS = ("resources", "modules", "split", "timeout", "timeouts", "capability", "expected-failure")
_CAPABILITY_KEYS = ("name", "value", "importing", "files", "reason")


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
    return read_data_file(path, _settings)


def _settings(data: Mapping[str, Any]) -> RegressionSettings:
    check_keys(data, _KEYS, "the top level")
    timeouts = table_of(data, "timeouts")
    failures = expected_failures(data, "expected-failure")
    for failure in failures:
        if failure.run and (files := [one for one in failure.ids if "::" not in one]):
            raise RecipeError(f"{files[0]!r} means a whole file, which can only have run = false")
    return RegressionSettings(
        resources=texts_of(data, "resources"),
        modules=texts_of(data, "modules"),
        split=texts_of(data, "split"),
        timeout=seconds_of(data, "timeout"),
        timeouts={file: seconds_of(timeouts, file) for file in timeouts},
        capabilities=tuple(_capability(entry) for entry in tables_of(data, "capability")),
        expected_failures=failures,
    )


def _capability(entry: Mapping[str, Any]) -> Capability:
    check_keys(entry, _CAPABILITY_KEYS, "[capability]")
    name = text_of(entry, "name", "a capability")
    where = f"the capability {name}"
    if not name.startswith("test.support."):
        raise RecipeError(f"{where} must be one of test.support")
    if not (files := texts_of(entry, "files")):
        raise RecipeError(f"{where} needs files = [...]")
    return Capability(
        name=name,
        value=flag_of(entry, "value", default=True),
        importing=text_of(entry, "importing", where) if "importing" in entry else "",
        files=files,
        reason=text_of(entry, "reason", where),
    )
