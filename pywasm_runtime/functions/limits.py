"""Read and check the limits of a function: from a command line, an HTTP query, JSON.

    parse_limits("memory=64MiB, wall=5, cpu=2.5s, output=1MB")

Sizes take KiB, MiB, GiB (also K, M, G) and KB, MB, GB; times ms, s, min, h. A name is the short one of `NAMES` or the
field's own.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from enum import Enum

from pywasm_runtime.functions.errors import FunctionError, InvalidName
from pywasm_runtime.functions.model import Limits
from pywasm_runtime.functions.names import did_you_mean, quote

NAMES: Mapping[str, str] = {
    "memory": "memory_bytes",
    "wall": "wall_seconds",
    "cpu": "cpu_seconds",
    "output": "output_bytes",
    "log": "log_bytes",
    "state": "state_bytes",
    "tmp": "tmp_bytes",
    "tmp_files": "tmp_files",
    "depth": "chain_depth",
    "children": "children",
    "instances": "instances",
}
"""The field of each short name."""

MINIMUM = Limits(
    memory_bytes=16 << 20,  # Python itself takes nearly as much
    wall_seconds=0.001,
    cpu_seconds=0.001,
    output_bytes=1,
    log_bytes=256,  # the line that says that the log was cut must fit
    state_bytes=1,
    tmp_bytes=4096,
    tmp_files=1,
    chain_depth=0,
    children=0,
    instances=1,
)

MAXIMUM = Limits(
    memory_bytes=4 << 30,  # what 32 bits address
    wall_seconds=86400.0,
    cpu_seconds=86400.0,
    output_bytes=512 << 20,  # a value in SQLite has less than 10^9 bytes
    log_bytes=256 << 20,
    state_bytes=64 << 30,
    tmp_bytes=16 << 30,
    tmp_files=1_000_000,
    chain_depth=64,
    children=100_000,
    instances=10_000,
)
"""What no server allows more of; an operator may set less."""


class _Unit(Enum):
    """Say what a limit counts, and what may follow its number."""

    BYTES = "64MiB"
    SECONDS = "2.5s"
    COUNT = "16"


_SIZES = {
    "": 1,
    "b": 1,
    **{f"{letter}{end}": 1024**power for power, letter in enumerate("kmg", 1) for end in ("", "ib")},
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmg", 1)},
}
_TIMES = {"": 1.0, "s": 1.0, "ms": 0.001, "min": 60.0, "h": 3600.0}
_FACTORS: Mapping[_Unit, Mapping[str, float]] = {_Unit.BYTES: _SIZES, _Unit.SECONDS: _TIMES, _Unit.COUNT: {"": 1}}
_QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,3})")
_FIELDS = tuple(item.name for item in fields(Limits))
_SHORT = {field: short for short, field in NAMES.items()}


def parse_limits(text: str | Mapping[str, str], *, base: Limits | None = None, maximum: Limits = MAXIMUM) -> Limits:
    """Read `name=value` pairs; what is not named stays as in `base`.

    Raises InvalidName for an unknown limit, FunctionError for a value that cannot be read or is out of range.
    """
    pairs = _split(text) if isinstance(text, str) else text
    values: dict[str, int | float] = {}
    for name, value in pairs.items():
        field = _field(name)
        if field in values:
            raise InvalidName(f"limit {_SHORT[field]} is given twice")
        values[field] = _quantity(field, value)
    return _checked(values, base or Limits(), maximum)


def limits_to_json(limits: Limits) -> dict[str, int | float]:
    """Give the limits by their field names."""
    return asdict(limits)


def limits_from_json(value: object, *, base: Limits | None = None, maximum: Limits = MAXIMUM) -> Limits:
    """Read what `limits_to_json` gave, or a part of it, with numbers or such texts as `parse_limits` reads.

    A field that is missing stays as in `base`. Errors as above.
    """
    if not isinstance(value, Mapping):
        raise FunctionError(f"limits must be a JSON object, not {type(value).__name__}")
    values: dict[str, object] = {}
    for name, number in value.items():
        field = _field(name)
        if field in values:
            raise InvalidName(f"limit {_SHORT[field]} is given twice")
        values[field] = _quantity(field, number) if isinstance(number, str) else number
    return _checked(values, base or Limits(), maximum)


def describe(limits: Limits) -> str:
    """Give the limits on one line, in a form that `parse_limits` reads."""
    return ", ".join(f"{short}={_show(field, getattr(limits, field))}" for short, field in NAMES.items())


def _split(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not value:
            raise FunctionError(f"{quote(item)} is no limit; write name=value, such as memory=64MiB")
        if name in pairs:
            raise InvalidName(f"limit {quote(name)} is given twice")
        pairs[name] = value
    return pairs


def _field(name: object) -> str:
    field = NAMES.get(name, name) if isinstance(name, str) else name
    if isinstance(field, str) and field in _FIELDS:
        return field
    known = ", ".join(NAMES)
    raise InvalidName(f"no limit is named {quote(str(name))}{did_you_mean(str(name), NAMES)}; there are: {known}")


def _unit(field: str) -> _Unit:
    if field.endswith("_bytes"):
        return _Unit.BYTES
    return _Unit.SECONDS if field.endswith("_seconds") else _Unit.COUNT


def _quantity(field: str, text: str) -> int | float:
    unit = _unit(field)
    match = _QUANTITY.fullmatch(text.strip())
    factor = _FACTORS[unit].get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise FunctionError(f"limit {_SHORT[field]} cannot be {quote(text)}; write a number such as {unit.value}")
    if unit is _Unit.SECONDS:
        return float(match[1]) * factor
    number = float(match[1]) * factor if "." in match[1] else int(match[1]) * int(factor)
    if number != int(number):
        raise FunctionError(f"limit {_SHORT[field]} cannot be {quote(text)}; it counts whole numbers")
    return int(number)


def _checked(values: Mapping[str, object], base: Limits, maximum: Limits) -> Limits:
    changes: dict[str, int | float] = {}
    for field, value in values.items():
        changes[field] = number = _number(field, value)
        if not getattr(MINIMUM, field) <= number <= getattr(maximum, field):
            low, high = (_show(field, getattr(bound, field)) for bound in (MINIMUM, maximum))
            raise FunctionError(f"limit {_SHORT[field]} is {_show(field, number)[:40]}; it may be {low} to {high}")
    # The values' types were checked against the fields, which the type checker cannot follow.
    return replace(base, **changes)  # type: ignore[arg-type]


def _number(field: str, value: object) -> int | float:
    """Accept what JSON may hold: true is no number, and Infinity and NaN are none either."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if _unit(field) is _Unit.SECONDS and abs(value) < 1 << 53 else value
    if isinstance(value, float) and math.isfinite(value) and _unit(field) is _Unit.SECONDS:
        return value
    kind = "number" if _unit(field) is _Unit.SECONDS else "whole number"
    raise FunctionError(f"limit {_SHORT[field]} must be a {kind}, not {quote(json.dumps(value, default=repr))}")


def _show(field: str, number: int | float) -> str:
    unit = _unit(field)
    if unit is _Unit.SECONDS:
        return f"{number:.9f}".rstrip("0").rstrip(".") + "s" if isinstance(number, float) else f"{number}s"
    if unit is _Unit.BYTES and isinstance(number, int):
        for factor, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
            if number >= factor and number % factor == 0:
                return f"{number // factor}{name}"
        return f"{number}B"
    return str(number)
