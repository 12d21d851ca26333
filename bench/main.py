"""Run benchmarks by name and keep their figures: docs/benchmarks.md, build/reports/bench.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench import build, ctypes_calls, functions, packages, startup
from bench.report import Section, replace_section, save
from pywasm_build.errors import UsageError, did_you_mean

BENCHMARKS: dict[str, Callable[[Path], Section]] = {
    "build": build.run,
    "ctypes": ctypes_calls.run,
    "functions": functions.run,
    "packages": packages.run,
    "startup": startup.run,
}


def run(names: Sequence[str], *, root: Path, write: bool) -> None:
    """Run the named benchmarks, or all; `write` puts their figures into docs/benchmarks.md."""
    for name in names:
        if name not in BENCHMARKS:
            known = ", ".join(BENCHMARKS)
            raise UsageError(f"there is no benchmark {name!r}{did_you_mean(name, BENCHMARKS)}; there are {known}")
    for name in names or BENCHMARKS:
        # Kept at once: the next one may fail after a quarter of an hour.
        section = BENCHMARKS[name](root)
        print(section.markdown(), flush=True)
        save([section], root / "build" / "reports")
        if write:
            replace_section(root / "docs" / "benchmarks.md", section)
