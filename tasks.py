"""What `bin/inv` can do. A task parses its arguments, calls one function, prints; the work is elsewhere.

Imports of the build and the runtime are inside the tasks, so that `inv --list` stays quick.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

import function_tasks
from task_errors import pywasm_iterable_task, pywasm_task

if TYPE_CHECKING:
    from pywasm_build.command import SubprocessRunner
    from pywasm_build.context import Context as BuildContext
    from pywasm_build.runtime_root import RuntimeRoot
    from pywasm_build.sources import Sources

ROOT = Path(__file__).resolve().parent


def _context() -> BuildContext:
    from pywasm_build.context import Context

    return Context.discover(os.environ)


def _runner() -> SubprocessRunner:
    from pywasm_build.command import SubprocessRunner

    return SubprocessRunner(os.environ)


def _sources() -> Sources:
    from pywasm_build.sources import Sources
    from pywasm_build.workspace import Workspace

    return Sources(Workspace.discover(os.environ), _runner(), os.environ)


def _tool(*args: str) -> None:
    """Run a development tool of this environment with the terminal, and end with its exit code."""
    from pywasm_build.command import run_attached

    if code := run_attached([sys.executable, "-m", *args], cwd=ROOT):
        raise Exit(code=code)


@pywasm_task
def doctor(context: Context) -> None:
    """Show what this machine lacks for a build, and the command that mends it."""
    from pywasm_build.doctor import report, require

    print(report(require(_runner())))
    print("this machine has all that a build needs")


@pywasm_task
def sources(context: Context, verify: bool = False) -> None:
    """List every pinned download and its state; --verify hashes the files that are here."""
    from pywasm_build.progress import human_size, table

    pinned = _sources()
    rows = pinned.verify() if verify else pinned.listing()
    print(
        table(
            ("name", "version", "file", "state", "size"),
            [
                (
                    row.name,
                    row.version + ("" if row.used else " (not used)"),
                    row.file,
                    row.state,
                    "-" if row.size is None else human_size(row.size),
                )
                for row in rows
            ],
        )
    )


@pywasm_task
def toolchain(context: Context, clean: bool = False) -> None:
    """Make the compiler for wasm32-wasip1, its sysroot and the drivers in bin/; try it on real programs."""
    from pywasm_build.toolchain import toolchain as make

    build = _context()
    made = make(build, clean=clean)
    print(f"toolchain: {build.display(build.workspace.build / 'toolchain')} ({made.key})")
    print(f"compiler: {build.display(made.driver('clang'))}")


@pywasm_task
def cpython_native(context: Context, clean: bool = False) -> None:
    """Build the native Python of the pinned version, or take the one that PYWASM_BUILD_PYTHON names."""
    from pywasm_build.native import native_python

    python = native_python(_context(), clean=clean)
    print(f"native Python {python.version}: {python.executable}")


@pywasm_task
def cpython_build(context: Context, clean: bool = False) -> None:
    """Build CPython for wasm, and show which standard modules it has."""
    from pywasm_build.cpython import host_python
    from pywasm_build.progress import human_size, table

    host = host_python(_context(), clean=clean)
    print(table(("module", "state", "reason"), [(m.name, m.state, m.reason) for m in host.modules]))
    counts = Counter(module.state for module in host.modules)
    print(", ".join(f"{number} {state}" for state, number in counts.items()))
    size = human_size(host.main_module.stat().st_size)
    print(f"CPython {host.version} for wasm: {host.main_module} ({size})")


@pywasm_iterable_task("name")
def cpython_test(context: Context, name: Sequence[str], jobs: int = 0, write: bool = False) -> None:
    """Run CPython's own tests in the sandbox; --name picks files or tests, --write renews docs/compatibility.md."""
    from pywasm_build.cpython import host_python
    from pywasm_build.regression_tests import test_cpython

    build = _context()
    if not test_cpython(build, host_python(build), name, jobs=jobs or build.jobs, write=write):
        raise Exit(code=1)


@pywasm_task
def crossenv(context: Context, clean: bool = False) -> None:
    """Make the environment in which packages are built, and show what a build inside it sees."""
    from pywasm_build.cpython import host_python
    from pywasm_build.crossenv import cross_environment

    build = _context()
    environment = cross_environment(build, host_python(build), clean=clean)
    print(build.runner.run([environment.python, ROOT / "bin" / "sanity_check.py"], cwd=ROOT, capture=True).stdout)
    print(f"activate it with: . {build.display(build.workspace.build / 'crossenv')}/bin/activate")


@pywasm_task
def runtime(context: Context) -> None:
    """Make the runtime root, the tree that the guest sees as /, with the packages that are installed."""
    from pywasm_build.installed import refresh_runtime

    _show_root(refresh_runtime(_context()))


@pywasm_iterable_task("name")
def libs_install(
    context: Context, name: Sequence[str], experimental: bool = False, clean: bool = False, plan: bool = False
) -> None:
    """Build packages for wasm and install them, without --name all of the registry; --plan only shows the plan."""
    from pywasm_build.install_check import import_notes
    from pywasm_build.installed import install_packages, parse_names, plan_packages
    from pywasm_build.package_list import all_packages
    from pywasm_build.plan_report import closing_text, plan_text
    from pywasm_build.recipes import read_registry

    build = _context()
    listed = all_packages(read_registry(build.workspace.patches), experimental=experimental)
    wanted = parse_names(name or [recipe.name for recipe in listed])
    if plan:
        made = plan_packages(build, wanted, experimental=experimental)
        print(plan_text(made))
        if any(step.problem for step in made.steps):
            raise Exit(code=1)
        return
    done = install_packages(
        build,
        wanted,
        experimental=experimental,
        clean=clean,
        keep_going=True,
        show=lambda made: print(f"{plan_text(made)}\n", flush=True),
    )
    notes = import_notes(build, done.root.path, done.outcomes)
    print(closing_text(done.outcomes, done.failures, build.display, notes))
    _show_root(done.root)
    if done.failures:
        raise Exit(code=1)


@pywasm_task
def libs_show(context: Context) -> None:
    """List the packages of the registry and those that are installed, with their state."""
    from pywasm_build.package_list import list_packages
    from pywasm_build.progress import table

    print(table(("package", "version", "state", "patches", "tests"), list_packages(_context())))


@pywasm_iterable_task("name")
def libs_test(
    context: Context,
    name: Sequence[str],
    all: bool = False,
    quick: bool = False,
    experimental: bool = False,
    only: str = "",
    jobs: int = 0,
    record: bool = False,
) -> None:
    """Test packages in the sandbox: the recipe's own test, then upstream's suite; --record keeps the results."""
    from pywasm_build.package_list import all_packages, quick_packages
    from pywasm_build.package_page import write_packages_page
    from pywasm_build.package_tests import RESULT_HEAD, choose_packages, result_rows, test_packages
    from pywasm_build.progress import table
    from pywasm_build.recipes import read_registry

    build = _context()
    if [bool(name), all, quick].count(True) != 1:
        raise Exit("error: one of --name NAME, --quick and --all says whose tests to run", 2)
    if record and only:
        raise Exit("error: --record keeps results of whole suites: leave --only out", 2)
    registry = read_registry(build.workspace.patches)
    listed = quick_packages(registry) if quick else all_packages(registry, experimental=experimental)
    recipes = choose_packages(registry, name) if name else listed
    if not recipes:
        raise Exit("error: no package is recorded as quick; record some: bin/inv libs.test --all --record", 2)
    selection = [pattern for pattern in only.split(",") if pattern]
    tested = test_packages(build, recipes, jobs=jobs or build.jobs, selection=selection, record=record)
    print(table(RESULT_HEAD, result_rows(tested)))
    if record:
        print(f"wrote {build.display(write_packages_page(ROOT, build.workspace.patches))}")
    if [one for one in tested if not one.ok]:
        raise Exit(code=1)


@pywasm_task
def libs_page(context: Context) -> None:
    """Write docs/packages.md from the recipes and the recorded results of their tests."""
    from pywasm_build.package_page import write_packages_page

    build = _context()
    print(f"wrote {build.display(write_packages_page(ROOT, build.workspace.patches))}")


@pywasm_task
def libs_index(context: Context, out: str = "") -> None:
    """Write the wheels that were built as a package index, from which pip can install, into the folder --out."""
    from pywasm_build.progress import human_size, table
    from pywasm_build.wheel_index import index_wheelhouse

    if not out:
        raise Exit("error: --out DIR says where the index shall be", 2)
    wheels = index_wheelhouse(_context(), Path(out))
    rows = [(wheel.name, str(wheel.version), human_size(wheel.path.stat().st_size), wheel.sha256) for wheel in wheels]
    print(table(("package", "version", "size", "sha256"), rows))
    print(f"the index is {(Path(out) / 'simple').resolve().as_uri()}")


@pywasm_iterable_task("name")
def libs_check(context: Context, name: Sequence[str], build: bool = False) -> None:
    """Try the patches of the registry on upstream's newest versions; --build tells which are unnecessary."""
    from pywasm_build.progress import table
    from pywasm_build.registry_check import check_registry, exit_code, rows

    findings = check_registry(_context(), name, build=build)
    lines = rows(findings)
    print(table(("recipe", "version", "newest", "patch", "result", "state"), lines))
    print(", ".join(f"{number} {result}" for result, number in Counter(line[4] for line in lines).items()))
    if code := exit_code(findings):
        raise Exit(code=code)


@pywasm_iterable_task("name")
def libs_survey(context: Context, name: Sequence[str], minutes: int = 15, again: bool = False) -> None:
    """Try the packages of third-party/unaided.toml without their recipes; the results go to docs/unaided.md."""
    from pywasm_build.progress import table
    from pywasm_build.unaided_survey import exit_code, rows, survey_unaided

    done = survey_unaided(_context(), name, seconds=60 * minutes, again=again)
    lines = rows(done)
    print(table(("package", "version", "result", "modules", "why"), lines))
    print(", ".join(f"{number} {result}" for result, number in Counter(line[2] for line in lines).items()))
    if code := exit_code(done):
        raise Exit(code=code)


@pywasm_task
def quickstart(context: Context) -> None:
    """Make everything from sources, then run numpy in a sandbox and print its result."""
    from pywasm_build.quickstart import quickstart as run

    run(_context())


@pywasm_task
def bench(context: Context, only: str = "", write: bool = False) -> None:
    """Measure; --only names parts, such as build,startup; --write puts the figures into docs/benchmarks.md."""
    from bench.main import run

    run([part for part in only.split(",") if part], root=ROOT, write=write)


def _show_root(root: RuntimeRoot) -> None:
    """Print what a runtime root holds, and compile its modules for this machine, so that no guest waits for it."""
    from pywasm_build.progress import human_size
    from pywasm_runtime.precompile import precompile, wasm_files

    count = precompile(wasm_files(root.path), lambda line: print(line, file=sys.stderr))
    size = human_size(root.size)
    print(f"runtime root: build/runtime, {root.files} files, {size}, {count} modules compiled for this machine")


@pywasm_task
def test(context: Context, only: str = "") -> None:
    """Run all tests; --only names a part: unit, runtime or integration."""
    from pywasm_build.doctor import require, want

    parts = [only] if only else ["unit", "runtime", "integration"]
    folders = [folder for part in parts if (folder := ROOT / "tests" / part).is_dir()]
    if "integration" in parts:
        require(_runner(), mend_it=True)
        want(_runner())
    if not folders:
        raise Exit(f"error: there is no tests/{only}; --only takes unit, runtime or integration", 2)
    _tool("pytest", *map(str, folders))


@pywasm_task
def lint(context: Context) -> None:
    """Check format, style and types: ruff and mypy --strict."""
    for command in _LINTERS:
        _tool(*command)


_LINTERS: Sequence[Sequence[str]] = (("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy",))

namespace = Collection(
    doctor, sources, toolchain, crossenv, runtime, quickstart, test, lint, bench, function_tasks.serve
)
namespace.add_collection(function_tasks.func)

_cpython = Collection("cpython")
_cpython.add_task(cpython_build, name="build", default=True)
_cpython.add_task(cpython_native, name="native")
_cpython.add_task(cpython_test, name="test")
namespace.add_collection(_cpython)

_libs = Collection("libs")
_libs.add_task(libs_install, name="install")
_libs.add_task(libs_show, name="show")
_libs.add_task(libs_test, name="test")
_libs.add_task(libs_page, name="page")
_libs.add_task(libs_index, name="index")
_libs.add_task(libs_check, name="check")
_libs.add_task(libs_survey, name="survey")
namespace.add_collection(_libs)
