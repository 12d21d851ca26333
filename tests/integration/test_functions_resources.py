"""What calls leave behind in the processes that run them, and what waiting sandboxes cost."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from bench.process_memory import descriptors, own_memory
from pywasm_runtime.functions.model import CallRequest
from tests.integration.functions import USER, Functions, running_functions

pytestmark = [
    pytest.mark.usefixtures("chain"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
NUMPY = """
import numpy as np
import pywasm_host as host
def faasm_main():
    print(np.arange(1000).sum())
    host.write_output(bytes(1000))
"""
_MIB = 1 << 20


def many(functions: Functions, count: int) -> None:
    async def all_of_them() -> None:
        request = CallRequest(user=USER, function="counted")
        for _ in range(count // 10):
            calls = await asyncio.gather(*[functions.service.invoke(request) for _ in range(10)])
            assert all(call.outcome is not None and call.outcome.error == "" for call in calls)

    functions.wait(all_of_them())


def test_nothing_grows_with_the_number_of_calls(tmp_path: Path) -> None:
    with running_functions(tmp_path) as functions:
        functions.upload("counted", NUMPY)
        many(functions, 200)
        before = own_memory(), descriptors()
        many(functions, 600)
        grown = own_memory() - before[0]
        assert descriptors() == before[1]
        assert grown < 16 * _MIB, "less than what 600 calls would leave if each left a thirtieth of its memory"


def test_waiting_sandboxes_share_what_they_have_not_written(tmp_path: Path) -> None:
    with running_functions(tmp_path) as functions:
        version = functions.upload("counted", NUMPY)
        many(functions, 20)
        before = own_memory()
        functions.wait(functions.service.keep_ready(version, 40))
        assert functions.service.statistics().ready >= 40
        each = (own_memory() - before) / 40
        assert each < 4 * _MIB
        many(functions, 100)
        functions.wait(functions.service.keep_ready(version, 0))
