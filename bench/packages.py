"""How long it takes to install packages that are built already, and to build several at once."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.report import Row, Section, in_turn, seconds

# Small ones in C and Cython whose build systems run one compiler at a time.
_NAMES = ("MarkupSafe", "frozenlist", "multidict", "propcache", "websockets", "wrapt")
_RUNS = 3


def run(root: Path) -> Section:
    """Install into a clone of the committed state, which shares the cache."""
    with tempfile.TemporaryDirectory(prefix="pywasm-bench-", dir=os.environ.get("TMPDIR")) as temporary:
        clone = Path(temporary) / "clone"
        seconds(["git", "clone", "--quiet", "--no-hardlinks", root, clone])
        seconds(_install(clone, _NAMES))
        again = [seconds(_install(clone, _NAMES)) / len(_NAMES) for _ in range(_RUNS)]
        added = [value for _ in range(_RUNS) for value in _one_by_one(clone)]
        builds = in_turn(
            {str(jobs): _install(clone, _NAMES, "--clean", jobs=jobs) for jobs in (1, os.cpu_count() or 1)}, runs=2
        )
    rows = [
        Row(what=f"{len(_NAMES)} packages that are installed, each", values=again, unit="s", limit="1 s"),
        Row(what="a package from the cache into a new runtime root", values=added, unit="s", limit="1 s"),
        *(
            Row(what=f"build {len(_NAMES)} packages, PYWASM_JOBS={jobs}", values=values, unit="s")
            for jobs, values in builds.items()
        ),
    ]
    return Section(title="Packages", command="bin/inv bench --only packages", rows=rows)


def _install(clone: Path, names: Sequence[str], *options: str, jobs: int | None = None) -> list[str | Path]:
    wanted = [word for name in names for word in ("--name", name)]
    settings = [f"PYTHONPATH={clone}", *([f"PYWASM_JOBS={jobs}"] if jobs else [])]
    inv: list[str | Path] = [sys.executable, "-P", "-m", "invoke", "--search-root", clone]
    return ["env", *settings, *inv, "libs.install", *wanted, *options]


def _one_by_one(clone: Path) -> Iterator[float]:
    """Yield the seconds of each package that is added; in an order in which nobody did it before."""
    (clone / "build" / "installed.json").unlink()
    for name in random.sample(_NAMES, len(_NAMES)):
        with _removed_again(clone):
            yield seconds(_install(clone, [name]))


@contextmanager
def _removed_again(clone: Path) -> Iterator[None]:
    """Remove the runtime root that an installation makes: nobody else has any use for it."""
    roots = (clone / "build" / "runtime").resolve().parent
    before = set(roots.iterdir())
    yield
    made = (clone / "build" / "runtime").resolve()
    if made not in before:
        shutil.rmtree(made)
