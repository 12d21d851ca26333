from __future__ import annotations

import re

from pywasm_build import errors
from pywasm_build.errors import PywasmError, did_you_mean


def tree(kind: type[PywasmError]) -> list[type[PywasmError]]:
    return [kind, *(item for child in kind.__subclasses__() for item in tree(child))]


def test_every_class_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in tree(PywasmError) if kind.__module__ == errors.__name__]
    assert len(codes) == len(set(codes))
    assert all(0 < code < 126 for code in codes)


def test_the_docstring_draws_the_real_tree() -> None:
    drawn = dict(re.findall(r"(\w+) +(\d+) +[a-z]", errors.__doc__ or ""))
    real = {kind.__name__: str(kind.exit_code) for kind in tree(PywasmError) if kind.__module__ == errors.__name__}
    assert drawn == real


def test_did_you_mean() -> None:
    assert did_you_mean("nunpy", ["numpy", "yaml"]) == " (did you mean 'numpy'?)"
    assert did_you_mean("zzz", ["numpy", "yaml"]) == ""
