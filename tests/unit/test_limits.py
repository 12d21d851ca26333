"""Limits and settings are read from text and JSON, within their ranges, and nothing else is let through."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_runtime.functions.errors import FunctionError, InvalidName
from pywasm_runtime.functions.limits import (
    MAXIMUM,
    MINIMUM,
    NAMES,
    describe,
    limits_from_json,
    limits_to_json,
    parse_limits,
)
from pywasm_runtime.functions.model import FunctionSettings, Limits
from pywasm_runtime.functions.settings import (
    MAX_PAIRS,
    settings_from_json,
    settings_from_text,
    settings_to_json,
    settings_to_text,
)


def test_each_limit_has_a_short_name_and_a_range() -> None:
    names = [field.name for field in fields(Limits)]
    assert list(NAMES.values()) == names
    for name in names:
        assert getattr(MINIMUM, name) <= getattr(Limits(), name) <= getattr(MAXIMUM, name)


def test_text_is_read() -> None:
    limits = parse_limits("memory=64MiB, wall=5, cpu = 2.5s,output=1MB, depth=0,, tmp_files=10")
    assert limits == Limits(
        memory_bytes=64 << 20,
        wall_seconds=5.0,
        cpu_seconds=2.5,
        output_bytes=1_000_000,
        chain_depth=0,
        tmp_files=10,
    )
    assert parse_limits("") == Limits()
    assert parse_limits({"wall": "1h"}, base=limits) == replace(limits, wall_seconds=3600.0)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4096", 4096), ("4096b", 4096), ("64K", 64 << 10), ("64kib", 64 << 10), ("64KB", 64_000), ("1.5 MiB", 3 << 19)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_limits({"tmp": text}).tmp_bytes == size


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("2min", 120.0), ("1.5", 1.5), ("1H", 3600.0)])
def test_times(text: str, seconds: float) -> None:
    assert parse_limits({"wall": text}).wall_seconds == seconds


@pytest.mark.parametrize(
    "text",
    [
        "memory",
        "memory=",
        "memory=x",
        "memory=-1",
        "memory=1e9",
        "memory=64XB",
        "memory=64s",
        "memory=1.5B",
        "wall=inf",
        "wall=nan",
        "wall=5KiB",
        "wall=0x5",
        "wall=" + "9" * 5000,
        "children=1.5",
        "children=10K",
        "children=\u0663",
        "children=1_000",
    ],
)
def test_wrong_values_are_refused(text: str) -> None:
    with pytest.raises(FunctionError) as caught:
        parse_limits(text)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "text",
    ["memory=1", "memory=5GiB", "wall=0", "wall=25h", "children=100001", "instances=0", "output=999999999999999G"],
)
def test_out_of_range(text: str) -> None:
    with pytest.raises(FunctionError, match="it may be"):
        parse_limits(text)


def test_a_server_may_allow_less() -> None:
    with pytest.raises(FunctionError, match=r"limit memory is 1GiB; it may be 16MiB to 512MiB"):
        parse_limits("memory=1GiB", maximum=Limits())


def test_unknown_and_double_names() -> None:
    with pytest.raises(InvalidName, match="did you mean 'memory'"):
        parse_limits("memry=1")
    with pytest.raises(InvalidName, match="twice"):
        parse_limits("wall=1,wall=2")
    with pytest.raises(InvalidName, match="twice"):
        parse_limits("wall=1,wall_seconds=2")


@st.composite
def some_limits(draw: st.DrawFn) -> Limits:
    values: dict[str, int | float] = {}
    for name in NAMES.values():
        low, high = getattr(MINIMUM, name), getattr(MAXIMUM, name)
        if name.endswith("_seconds"):
            values[name] = draw(st.integers(1, 86_400_000)) / 1000
        else:
            values[name] = draw(st.integers(low, high))
    return Limits(**values)  # type: ignore[arg-type]


@given(limits=some_limits())
def test_what_is_shown_can_be_read(limits: Limits) -> None:
    assert parse_limits(describe(limits)) == limits
    assert limits_from_json(json.loads(json.dumps(limits_to_json(limits)))) == limits


def test_the_defaults_are_shown() -> None:
    assert describe(Limits()).startswith("memory=512MiB, wall=60s, cpu=30s, output=16MiB")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"memory_bytes": True},
        {"memory_bytes": 1.5},
        {"memory_bytes": "64XB"},
        {"memory": 1 << 30, "memory_bytes": 1 << 30},
        {"memory_bytes": 10**4000},
        {"wall_seconds": float("nan")},
        {"wall_seconds": float("inf")},
        {"wall_seconds": -1},
        {"wall_seconds": False},
        {"wall_seconds": 10**400},
        {"children": None},
        {"memorybytes": 1},
        {7: 1},
    ],
)
def test_wrong_json_is_refused(value: object) -> None:
    with pytest.raises(FunctionError) as caught:
        limits_from_json(value)
    assert len(str(caught.value)) < 250


def test_json_may_have_units() -> None:
    limits = limits_from_json({"memory": "64MiB", "wall": "500ms", "cpu_seconds": 2, "depth": "3"})
    assert limits == Limits(memory_bytes=64 << 20, wall_seconds=0.5, cpu_seconds=2.0, chain_depth=3)
    with pytest.raises(FunctionError, match="limit memory must be a whole number, not 'true'"):
        limits_from_json({"memory": True})


def test_settings_survive_as_text() -> None:
    settings = FunctionSettings(
        entry="go", limits=Limits(wall_seconds=1.0), environment={"A_1": "ü\n"}, config={"a/b c": ""}
    )
    assert settings_from_text(settings_to_text(settings)) == settings
    assert settings_from_json(settings_to_json(settings)) == settings
    assert settings_from_json({}) == FunctionSettings()


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"entyr": "a"},
        {"entry": "a b"},
        {"entry": None},
        {"limits": {"memory": 1}},
        {"environment": []},
        {"environment": {"A": 1}},
        {"environment": {"A=B": "x"}},
        {"environment": {"A\n": "x"}},
        {"environment": {"": "x"}},
        {"environment": {"A": "\0"}},
        {"environment": {"A": "\ud800"}},
        {"config": {"": "x"}},
        {"config": {"a\0": "x"}},
        {"config": {"a": "x" * 70_000}},
        {"config": {str(number): "" for number in range(MAX_PAIRS + 1)}},
    ],
)
def test_wrong_settings_are_refused(value: object) -> None:
    with pytest.raises(FunctionError):
        settings_from_json(value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, b"\xff", "1", '{"limits": {"wall": Infinity}}'])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(FunctionError):
        settings_from_text(text)


def test_a_mistyped_setting_is_named() -> None:
    with pytest.raises(InvalidName, match="did you mean 'config'"):
        settings_from_json({"confg": {}})
