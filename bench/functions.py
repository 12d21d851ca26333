"""What a call of a function costs: the fresh sandbox, the way there through the executor and HTTP, idle memory."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.functions_http import calls_of_one_client, rate_of_clients, served
from bench.functions_sandbox import sandbox_times
from bench.process_memory import descriptors, own_memory
from bench.report import Row, Section
from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.functions.data_folder import open_data_folder
from pywasm_runtime.functions.model import CallRequest, FunctionSettings, FunctionVersion, Limits
from pywasm_runtime.functions.service import FunctionService
from pywasm_runtime.functions.service_settings import ServiceSettings
from pywasm_runtime.runtime_root import find_runtime_root

USER = "bench"
SOURCE = b"""
import time
import numpy as np
import pywasm_host as host
from pywasm_host.backend import host as backend

def faasm_main():
    host.log("the first line")

def callbacks():
    call, times = backend().error, []
    for _ in range(7):
        started = time.perf_counter()
        for _ in range(10_000):
            call()
        times.append((time.perf_counter() - started) / 10_000)
    host.write_output_json(times)
"""
_CALLS = 1000
_IN_A_ROW = 10_000
_RESIDENT = 200
_BATCH = 16


def run(root: Path) -> Section:
    """Measure everything on a data folder of its own, which goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="pywasm-bench-") as folder:
        Path(folder).chmod(0o700)
        rows = [*_sandbox_rows(root), *asyncio.run(_service_rows(root, Path(folder) / "data"))]
        rows += _http_rows(root, Path(folder) / "served")
    return Section(title="Functions", command="bin/inv bench --only functions", rows=rows)


def distribution(what: str, seconds: Sequence[float], *, median: str = "", ninety_ninth: str = "") -> list[Row]:
    """Make two rows in ms out of many times: the median with its spread by hundreds, and the 99th percentile."""
    milliseconds = [second * 1000 for second in seconds]
    groups = [milliseconds[start : start + 100] for start in range(0, len(milliseconds), 100)]
    return [
        Row(what=f"{what}: median", values=[statistics.median(group) for group in groups], unit="ms", limit=median),
        Row(what=f"{what}: 99th percentile", values=[_percentile(milliseconds, 0.99)], unit="ms", limit=ninety_ninth),
    ]


def _percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def _sandbox_rows(root: Path) -> list[Row]:
    times = sandbox_times(root, SOURCE, _CALLS)
    what = "fresh sandbox with numpy imported, to the first line of the function"
    return [
        *distribution(what, times.first_lines, median="1.5", ninety_ninth="6"),
        *distribution("the same, where a worker has prepared the sandbox ahead", times.from_prepared),
        Row(what="a callback from guest to host", values=[1e6 * one for one in times.callbacks], unit="µs", limit="2"),
    ]


async def _service_rows(root: Path, data: Path) -> list[Row]:
    settings = ServiceSettings(
        data=open_data_folder(data), root=find_runtime_root(root), slots=os.cpu_count() or 2, preload=("numpy",)
    )
    async with FunctionService(settings) as service:
        limits = Limits(instances=_RESIDENT + _BATCH)
        function = await service.upload(USER, "noop", pack_source(SOURCE, "noop"), FunctionSettings(limits=limits))
        alone = [await _call(service) for _ in range(_CALLS)]
        rows = distribution("no-op call through the local executor", alone, median="3")
        rows.append(await _throughput(service))
        rows += await _growth(service)
        rows.append(await _resident(service, function))
    return rows


def _http_rows(root: Path, data: Path) -> list[Row]:
    with served(root, data, SOURCE) as (port, token):
        alone = calls_of_one_client(port, token, _CALLS)
        rates = [rate_of_clients(port, token, 8, 125) for _ in range(5)]
    return [
        *distribution("no-op call over HTTP", alone, median="6"),
        Row(what="calls a second over HTTP, 8 clients", values=rates, unit="", limit="at least 300"),
    ]


async def _call(service: FunctionService) -> float:
    started = time.perf_counter()
    call = await service.invoke(CallRequest(user=USER, function="noop"))
    took = time.perf_counter() - started
    if call.outcome is None or call.outcome.failure:
        raise RuntimeError(f"the no-op call failed: {call}")
    return took


async def _throughput(service: FunctionService) -> Row:
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        await _many(service, _CALLS)
        rates.append(_CALLS / (time.perf_counter() - started))
    return Row(what=f"calls a second, {_BATCH} at a time", values=rates, unit="", limit="at least 300")


async def _many(service: FunctionService, count: int) -> None:
    async def some() -> None:
        for _ in range(count // _BATCH):
            await _call(service)

    await asyncio.gather(*[some() for _ in range(_BATCH)])


async def _growth(service: FunctionService) -> list[Row]:
    """Compare memory and descriptors of all our processes before and after many calls in a row."""
    before = own_memory(), descriptors()
    await _many(service, _IN_A_ROW)
    after = own_memory(), descriptors()
    return [
        Row(what=f"growth of memory over {_IN_A_ROW} calls", values=[(after[0] - before[0]) / 2**20], unit="MiB"),
        Row(what=f"growth of descriptors over {_IN_A_ROW} calls", values=[after[1] - before[1]], unit="", limit="0"),
    ]


async def _resident(service: FunctionService, function: FunctionVersion) -> Row:
    """Keep many sandboxes ready, and see what each adds to what is not shared."""
    before = own_memory()
    await service.keep_ready(function, _RESIDENT)
    each = (own_memory() - before) / _RESIDENT / 2**20
    if service.statistics().ready < _RESIDENT:
        raise RuntimeError(f"{service.statistics().ready} sandboxes are ready, not {_RESIDENT}")
    await service.keep_ready(function, 0)
    return Row(
        what=f"own memory of an idle instance with numpy, {_RESIDENT} at once", values=[each], unit="MiB", limit="4"
    )
