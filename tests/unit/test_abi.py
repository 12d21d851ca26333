"""The table of host calls: what every part is derived from."""

from __future__ import annotations

import keyword
from pathlib import Path

import pytest

from pywasm_host.abi import HOST_FUNCTIONS, ErrorCode, HostFunction, Kind, Result
from pywasm_host.abi_page import page
from pywasm_host.errors import HostError, HostUnavailable, error_for

ROOT = Path(__file__).resolve().parents[2]


def test_names_are_unique_and_speakable() -> None:
    names = [function.name for function in HOST_FUNCTIONS]
    assert len(names) == len(set(names))
    spelt = {*names, *(parameter.name for function in HOST_FUNCTIONS for parameter in function.parameters)}
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in spelt)


@pytest.mark.parametrize("function", HOST_FUNCTIONS, ids=lambda function: function.name)
def test_each_is_described(function: HostFunction) -> None:
    assert function.meaning.endswith(".")
    assert function.symbol == f"pywasm_host_{function.name}"
    texts = sum(parameter.kind is not Kind.U32 for parameter in function.parameters)
    assert function.wasm_parameters == len(function.parameters) + texts


def test_what_the_protocol_itself_needs_is_there() -> None:
    by_name = {function.name: function for function in HOST_FUNCTIONS}
    assert (by_name["take"].wasm_parameters, by_name["take"].result) == (2, Result.NOTHING)
    assert (by_name["error"].wasm_parameters, by_name["error"].result) == (0, Result.DATA)


def test_codes_never_change() -> None:
    """A guest in an old image has them compiled in."""
    codes = ["INVALID", "NOT_FOUND", "LIMIT", "DENIED", "BUSY", "CALL_FAILED", "INTERNAL", "UNAVAILABLE"]
    assert [(code.name, code.value) for code in ErrorCode] == [(name, at) for at, name in enumerate(codes, 1)]


def test_each_code_has_an_exception() -> None:
    kinds = {type(error_for(code, "why")) for code in ErrorCode}
    assert len(kinds) == len(ErrorCode)
    assert all(issubclass(kind, HostError) for kind in kinds)
    assert type(error_for(ErrorCode.INTERNAL, "why")) is type(error_for(99, "why")) is HostError
    assert isinstance(error_for(ErrorCode.UNAVAILABLE, "why"), HostUnavailable)
    assert str(error_for(ErrorCode.LIMIT, "why")) == "why"


def test_the_page_is_current() -> None:
    written = (ROOT / "docs" / "host-interface.md").read_text("utf-8")
    assert written == page(), "renew it: python -m pywasm_host.abi_page > docs/host-interface.md"
