"""Read values from our TOML data; one of another type, one that is missing and an unknown key raise RecipeError.

`where` names the table in messages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pywasm_build.errors import RecipeError, did_you_mean

Table = Mapping[str, Any]
_T = TypeVar("_T")


def read_data_file(path: Path, parse: Callable[[Table], _T]) -> _T:
    """Return what `parse` makes of a data file; raises RecipeError that names it."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"cannot read {path}: {error}") from error
    try:
        return parse(data)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def check_keys(table: Table, known: Sequence[str], where: str) -> None:
    """Refuse keys that have no meaning."""
    for key in table:
        if key not in known:
            raise RecipeError(f"unknown key {key!r} in {where}{did_you_mean(key, known)}")


def text_of(table: Table, key: str, where: str) -> str:
    """Return a text that must be there and not be blank."""
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RecipeError(f'{where} needs {key} = "..."')
    return value


def texts_of(table: Table, key: str) -> tuple[str, ...]:
    """Return a list of texts, empty if it is not there."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RecipeError(f"{key} must be a list of texts")
    return tuple(value)


def flag_of(table: Table, key: str, *, default: bool) -> bool:
    """Return a boolean."""
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise RecipeError(f"{key} = {value!r} must be true or false")
    return value


def seconds_of(table: Table, key: str, *, default: int | None = None) -> int:
    """Return a number of seconds; without a default it must be there."""
    value = table.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise RecipeError(f"{key} = {value!r} must be a number of seconds")
    return value


def table_of(table: Table, key: str) -> Table:
    """Return an inner table, empty if it is not there."""
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise RecipeError(f"{key} must be a table")
    return value


def tables_of(table: Table, key: str) -> list[Table]:
    """Return the tables of an array, in its order."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RecipeError(f"{key} must be written as [[...]] tables")
    return value


def strings_of(table: Table, key: str) -> Mapping[str, str]:
    """Return an inner table whose values are texts."""
    value = table_of(table, key)
    if not all(isinstance(item, str) for item in value.values()):
        raise RecipeError(f"the values in {key} must be texts")
    return value
