"""docs/functions.md says what is so: its example runs, its table has the limits, its commands exist."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

import function_tasks
from pywasm_runtime.functions.data_folder import DATA_VARIABLE
from pywasm_runtime.functions.limits import MAXIMUM, describe
from pywasm_runtime.functions.model import Limits
from pywasm_runtime.functions.service_settings import PRELOAD_VARIABLE, SLOTS_VARIABLE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "functions.md").read_text("utf-8")


def named(limits: Limits) -> dict[str, str]:
    return dict(part.split("=") for part in describe(limits).split(", "))


def test_the_table_of_limits() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \| .", PAGE, re.MULTILINE)
    assert {name: default for name, default, _ in rows} == named(Limits())
    assert {name: most for name, _, most in rows} == named(MAXIMUM)


def test_the_example_passes_its_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL)
    assert [name for name, _ in blocks] == ["words.py", "test_words.py"]
    for name, code in blocks:
        (tmp_path / name).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        importlib.import_module("test_words").test_words()
    finally:
        for name in ("words", "test_words"):
            sys.modules.pop(name, None)


def test_every_task_is_there_and_no_other() -> None:
    tasks = set(function_tasks.func.task_names)
    assert set(re.findall(r"\bfunc\.([a-z-]+)", PAGE)) == tasks


def test_the_variables() -> None:
    rows = set(re.findall(r"^\| `(PYWASM_\w+)` \|", PAGE, re.MULTILINE))
    assert rows >= {DATA_VARIABLE, PRELOAD_VARIABLE, SLOTS_VARIABLE, "PYWASM_USER"}
