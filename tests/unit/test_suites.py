"""The runner of package test suites, with a guest that is this Python: real pytest, no wasm."""

from __future__ import annotations

import io
import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pywasm_build.context import Context
from pywasm_build.errors import RecipeError, UsageError
from pywasm_build.recipes import ExpectedFailure, Recipe, Suite, read_recipe
from pywasm_build.store import Store
from pywasm_build.suite_packages import INNER, suite_packages
from pywasm_build.suite_pytest import GuestPython
from pywasm_build.suite_report import Pattern, SuiteResult, judge, known_seconds, summary, write_reports
from pywasm_build.suite_results import FAILED, NOT_RUN, PASSED, SKIPPED, EventLog, TestResult
from pywasm_build.suite_run import PLUGINS
from pywasm_build.suite_shares import divide, find_test_files, select
from pywasm_build.suites import run_suite
from pywasm_build.workspace import Workspace
from tests.unit.native_guest import SITE_PACKAGES, NativeGuest


@dataclass(kw_only=True)
class World:
    """A checkout with one installed package `demo`, whose test files the tests write."""

    context: Context
    guest: GuestPython
    runner: NativeGuest

    def file(self, name: str, content: str) -> None:
        path = self.guest.root / SITE_PACKAGES / "demo" / "tests" / name
        path.write_text(content, "utf-8")

    def run(self, *expected: ExpectedFailure, selection: Sequence[str] = (), jobs: int = 1) -> SuiteResult:
        recipe = Recipe(folder=Path(), name="demo", kind="package", version="1.0", suite=suite(*expected))
        return run_suite(self.context, recipe, jobs=jobs, selection=selection, guest=self.guest)


def suite(*expected: ExpectedFailure) -> Suite:
    return Suite(
        requires=(),
        packages=("demo",),
        arguments=(),
        environment={"DEMO": "yes"},
        timeout=60,
        expected_failures=expected,
    )


def failure(*ids: str, run: bool = True) -> ExpectedFailure:
    return ExpectedFailure(ids=ids, reason="because", run=run)


@pytest.fixture
def world(tmp_path: Path) -> World:
    root = tmp_path / "runtime"
    tests = root / SITE_PACKAGES / "demo" / "tests"
    tests.mkdir(parents=True)
    for folder in (tests.parent, tests):
        (folder / "__init__.py").touch()
    packages = tmp_path / "packages"
    (packages / INNER).mkdir(parents=True)
    runner = NativeGuest(root=root)
    context = Context(
        workspace=Workspace(root=tmp_path / "checkout", cache=tmp_path / "cache"),
        store=Store(tmp_path / "store"),
        runner=runner,
        environ={},
        jobs=1,
    )
    guest = GuestPython(program=Path("python-wasm"), root=root, packages=packages)
    return World(context=context, guest=guest, runner=runner)


def outcomes(result: SuiteResult) -> dict[str, str]:
    return {test.id.removeprefix("demo/tests/"): test.outcome for test in result.results}


def test_each_outcome_is_recorded(world: World) -> None:
    world.file(
        "test_all.py",
        """
import os, pytest

def test_good(): assert os.environ["DEMO"] == "yes"
def test_bad(): assert 1 == 2, "one is not two"
def test_skip(): pytest.skip("not today")
@pytest.mark.xfail(reason="known")
def test_xfail(): assert False
@pytest.mark.xfail(reason="known")
def test_xpass(): pass
@pytest.fixture
def broken(): raise OSError("no fixture")
def test_setup(broken): pass
@pytest.fixture
def leaky():
    yield
    raise OSError("no teardown")
def test_teardown(leaky): pass
def test_temporary(tmp_path): assert tmp_path.is_dir()
""",
    )
    result = world.run()
    assert outcomes(result) == {
        "test_all.py::test_good": "passed",
        "test_all.py::test_bad": "failed",
        "test_all.py::test_skip": "skipped",
        "test_all.py::test_xfail": "xfailed",
        "test_all.py::test_xpass": "xpassed",
        "test_all.py::test_setup": "failed",
        "test_all.py::test_teardown": "failed",
        "test_all.py::test_temporary": "passed",
    }
    reasons = {test.id.rpartition("::")[2]: test.reason for test in result.results}
    assert reasons["test_bad"] == "AssertionError: one is not two"
    assert reasons["test_skip"] == "Skipped: not today"
    assert reasons["test_setup"] == "OSError: no fixture"
    assert "assert 1 == 2" in next(test.detail for test in result.failed if test.id.endswith("bad"))
    assert not result.ok
    assert result.pass_rate == pytest.approx(3 / 6)


def test_a_trap_costs_only_its_test(world: World) -> None:
    world.file(
        "test_trap.py",
        """
import os
def test_before(): pass
def test_trap(): os._exit(134)
def test_after(): pass
def test_second_trap(): os._exit(134)
def test_last(): pass
""",
    )
    world.file("test_zzz.py", "def test_other(): pass")
    result = world.run()
    assert outcomes(result) == {
        "test_trap.py::test_before": "passed",
        "test_trap.py::test_trap": "failed",
        "test_trap.py::test_after": "passed",
        "test_trap.py::test_second_trap": "failed",
        "test_trap.py::test_last": "passed",
        "test_zzz.py::test_other": "passed",
    }
    assert {test.reason for test in result.failed} == {"trapped: out of bounds memory access"}
    assert len(world.runner.calls) == 4  # the two traps, the rest of their file, the other file


def test_a_file_that_traps_for_ever_is_given_up_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pywasm_build.suite_run._MOST_ENDINGS", 2)
    world.file(
        "test_a.py",
        """
import os, pytest
@pytest.mark.parametrize("x", range(100))
def test_trap(x): os._exit(134)
""",
    )
    world.file("test_b.py", "def test_b(): pass")
    result = world.run()
    assert outcomes(result)["test_b.py::test_b"] == "passed"
    assert len(result.failed) == 4
    assert result.failed[0].id == "demo/tests/test_a.py"
    assert result.failed[0].reason == "not finished: trapped: out of bounds memory access"


def test_a_hang_costs_only_its_test(world: World) -> None:
    world.file("test_hang.py", "import os\ndef test_hang(): os._exit(99)\ndef test_after(): pass")
    result = world.run()
    assert outcomes(result) == {"test_hang.py::test_hang": "failed", "test_hang.py::test_after": "passed"}
    assert result.failed[0].reason == "timed out after 60 s"


def test_a_file_that_traps_when_it_is_imported_does_not_hide_others(world: World) -> None:
    world.file("test_a.py", "import os\nos._exit(134)")
    world.file("test_b.py", "def test_b(): pass")
    assert outcomes(world.run()) == {"test_a.py": "failed", "test_b.py::test_b": "passed"}


def test_a_process_that_ends_without_a_culprit_is_not_repeated_for_ever(world: World) -> None:
    world.file("conftest.py", "import os\nos._exit(3)")
    world.file("test_a.py", "def test_a(): pass")
    result = world.run()
    assert outcomes(result) == {"test_a.py": "failed"}
    assert result.failed[0].reason == "not finished: ended its process with status 3"
    assert len(world.runner.calls) == 1


def test_a_trap_after_the_last_test_is_a_failure(world: World) -> None:
    world.file("test_a.py", "import atexit, os\natexit.register(os._exit, 134)\ndef test_a(): pass")
    result = world.run()
    assert outcomes(result) == {"test_a.py::test_a": "passed", "test_a.py": "failed"}
    assert result.failed[0].reason == "after the last test: trapped: out of bounds memory access"


def test_an_interrupt_does_not_pass_for_an_end(world: World) -> None:
    world.file("test_a.py", "def test_a(): raise KeyboardInterrupt\ndef test_b(): pass")
    assert outcomes(world.run()) == {"test_a.py::test_a": "failed", "test_a.py::test_b": "passed"}


def test_a_test_that_ends_the_process_orderly_has_failed(world: World) -> None:
    world.file("test_a.py", "import os\ndef test_a(): os._exit(0)\ndef test_b(): pass")
    result = world.run()
    assert outcomes(result) == {"test_a.py::test_a": "failed", "test_a.py::test_b": "passed"}
    assert result.failed[0].reason == "ended its process with status 0"


def test_files_that_cannot_be_imported_or_skip_themselves(world: World) -> None:
    world.file("test_a.py", "import no_such_module_anywhere\ndef test_a(): pass")
    world.file("test_b.py", "import pytest\npytest.skip('no', allow_module_level=True)")
    world.file("test_c.py", "def test_c(): pass")
    result = world.run()
    assert outcomes(result) == {"test_a.py": "failed", "test_b.py": "skipped", "test_c.py::test_c": "passed"}
    assert result.failed[0].reason == "ModuleNotFoundError: No module named 'no_such_module_anywhere'"


def test_expected_failures_and_what_must_not_run(world: World) -> None:
    world.file(
        "test_a.py",
        """
import os, pytest
@pytest.mark.parametrize("x", [1, 2])
def test_bad(x): assert False
def test_trap(): os._exit(134)
def test_good(): pass
""",
    )
    result = world.run(failure("demo/tests/test_a.py::test_bad*"), failure("*::test_trap", run=False))
    assert result.ok
    assert [(test.id.rpartition("::")[2], reason) for test, reason in result.expected] == [
        ("test_bad[1]", "because"),
        ("test_bad[2]", "because"),
    ]
    assert outcomes(result)["test_a.py::test_trap"] == NOT_RUN
    assert result.pass_rate == pytest.approx(1 / 3)
    assert len(world.runner.calls) == 1


def test_stale_patterns_fail_a_complete_run(world: World) -> None:
    world.file("test_a.py", "def test_good(): pass\ndef test_more(): pass")
    patterns = failure("*::test_good"), failure("*::test_gone")
    result = world.run(*patterns)
    assert [(stale.pattern, stale.why) for stale in result.stale] == [
        ("*::test_good", "the test passed"),
        ("*::test_gone", "it matches no test"),
    ]
    assert not result.ok
    assert world.run(*patterns, selection=["*"]).ok


def test_a_selection_of_files_or_tests(world: World) -> None:
    world.file("test_a.py", "def test_one(): pass\ndef test_two(): pass")
    world.file("test_b.py", "def test_one(): pass")
    result = world.run(selection=["demo/tests/test_a.py::test_t*"])
    assert outcomes(result) == {"test_a.py::test_two": "passed"}
    both = world.run(selection=["demo/tests/test_a.py::test_t*", "*/test_b.py"])
    assert outcomes(both) == {"test_a.py::test_two": "passed", "test_b.py::test_one": "passed"}
    assert result.report == world.context.workspace.reports / "selection" / "demo.json"
    assert not (world.context.workspace.reports / "demo.json").exists()
    with pytest.raises(UsageError, match=r"'\*/test_c.py' means none of the 2 test files"):
        world.run(selection=["*/test_c.py"])


def test_shares_run_side_by_side(world: World) -> None:
    for name in "abc":
        # 10 kB is the first guess for a second of tests, and ten seconds are a share.
        world.file(f"test_{name}.py", f"def test_{name}(): pass\n" + "#" * 99_000)
    result = world.run(jobs=2)
    assert result.ok and result.passed == 3
    assert len(world.runner.calls) == 3


def test_reports(world: World) -> None:
    world.file("test_a.py", "def test_good(): pass\ndef test_bad(): assert '\\x00<&' == 1")
    world.run()
    reports = world.context.workspace.reports
    report = json.loads((reports / "demo.json").read_text("utf-8"))
    assert report["counts"]["passed"] == 1 and report["ok"] is False and report["version"] == "1.0"
    assert list(report["files"]) == ["demo/tests/test_a.py"] == list(known_seconds(reports / "demo.json"))
    junit = ElementTree.parse(reports / "demo.junit.xml").getroot()
    assert (junit.get("tests"), junit.get("failures")) == ("2", "1")
    assert [case.get("name") for case in junit if case.find("failure") is not None] == ["test_bad"]
    assert not world.context.workspace.build.joinpath("suite-demo").exists()
    assert (world.context.workspace.logs / "test-demo" / "000-00.log").is_file()


def test_the_guest_sees_the_test_packages_read_only(world: World) -> None:
    world.file("test_a.py", "def test_a(): pass")
    world.run()
    (call,) = world.runner.calls
    mounts = [value for option, value in itertools.pairwise(call) if option == "--dir"]
    assert f"{world.guest.packages}:/test-packages:ro" in mounts
    assert f"{PLUGINS}:/test-plugins:ro" in mounts
    assert "no:cacheprovider" in call and call[-1].startswith(f"/{SITE_PACKAGES}/")


def test_what_is_not_there_is_named(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no test files of demo"):
        world.run()
    with pytest.raises(UsageError, match="the package other is not in"):
        find_test_files(world.guest.site_packages, ["other"])
    with pytest.raises(UsageError, match="has no site-packages"):
        _ = GuestPython(program=Path(), root=tmp_path / "nothing", packages=tmp_path).site_packages
    plain = Recipe(folder=Path(), name="demo", kind="package")
    with pytest.raises(RecipeError, match=r"has no \[test\]"):
        run_suite(world.context, plain, jobs=1, guest=world.guest)


def test_a_package_that_no_lock_pins_is_refused(world: World) -> None:
    lock = world.context.workspace.root / "third-party" / "test-packages.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("hypothesis==1.0 \\\n    --hash=sha256:00\npytest==9.0 \\\n", "utf-8")
    with pytest.raises(RecipeError, match="did you mean 'hypothesis'"):
        suite_packages(world.context, ["hypothesys"])


def test_the_lock_file_pins_hashes() -> None:
    text = (PLUGINS.parent.parent / "third-party" / "test-packages.lock").read_text("utf-8")
    pins = [entry for entry in text.split("\n") if "==" in entry]
    assert {"pytest", "hypothesis"} <= {pin.partition("==")[0] for pin in pins}
    assert text.count("--hash=sha256:") >= len(pins)


def test_events_are_read_as_they_grow(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.read()
    result = {
        "event": "result",
        "id": "t.py::a",
        "outcome": "passed",
        "seconds": 1,
        "reason": "",
        "detail": "",
    }
    line = json.dumps(result)
    with log.path.open("w") as file:
        file.write('{"event": "collect", "file": "t.py"}\n' + line[:20])
        file.flush()
        log.read()
        assert (log.current, log.results) == ("t.py", {})
        file.write(line[20:] + '\nnot json\n[]\n{"event": "result"}\n{"event": "start", "id": "t.py::b"}\n')
        file.flush()
        log.read()
    assert log.current == "t.py::b" and log.ended is None
    assert log.results == {"t.py::a": TestResult(id="t.py::a", outcome=PASSED, seconds=1.0)}


def test_patterns() -> None:
    assert Pattern("a.py::t[[]x]").matches("a.py::t[x]")
    assert Pattern("a.py::t[x]").matches("a.py::t[x]")
    assert not Pattern("a.py::t").matches("a.py::t[x]")
    assert Pattern("*::t*").matches("a/b.py::C::t[x]")


def test_shares_are_filled_longest_first() -> None:
    files = {"big": 1, "middle": 1, "a": 1, "b": 1, "new": 50_000}
    known = {"big": 100.0, "middle": 11.0, "a": 4.0, "b": 4.0}
    assert divide(files, known, jobs=1) == [("big",), ("new", "a", "b"), ("middle",)]
    assert divide({}, {}, jobs=2) == []


def test_a_selection_by_test_id_selects_its_file() -> None:
    files = {"a/test_x.py": 1, "a/test_y.py": 1}
    assert list(select(files, ["a/test_x.py::test_it"])) == ["a/test_x.py"]
    assert list(select(files, [])) == list(files)


def test_ten_thousands_of_results_are_judged_quickly_and_the_summary_stays_short(tmp_path: Path) -> None:
    tests = [TestResult(id=f"t/test_{n % 50}.py::t[{n}]", outcome=FAILED if n % 2 else PASSED) for n in range(40_000)]
    expected = [failure(*(f"t/test_{n}.py::other*" for n in range(100)))]
    started = time.monotonic()
    result = judge(tests, expected, name="x", version="1", complete=True, seconds=1, jobs=2)
    assert time.monotonic() - started < 10
    assert len(result.failed) == 20_000 and len(result.stale) == 100
    text = summary(result, "report.json")
    assert len(text.splitlines()) <= 30
    assert "... and 19992 more" in text and "pass rate" in text and "50.00%" in text
    assert write_reports(result, tmp_path) == tmp_path / "x.json"


def test_nothing_that_ran_is_no_success() -> None:
    idle = [TestResult(id="t.py::a", outcome=SKIPPED)]
    result = judge(idle, [], name="x", version="1", complete=True, seconds=1, jobs=1)
    assert not result.ok and result.pass_rate == 0


def recipe_with(tmp_path: Path, test: str) -> Recipe:
    path = tmp_path / "demo" / "recipe.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'[package]\nname = "demo"\nversion = "1"\nsha256 = "{"0" * 64}"\n{test}', "utf-8")
    return read_recipe(path)


def test_the_recipe_describes_the_suite(tmp_path: Path) -> None:
    recipe = recipe_with(
        tmp_path,
        """
[test]
requires = ["hypothesis"]
packages = ["demo"]
arguments = ["-W", "error"]
timeout = 5
[[test.expected-failure]]
ids = ["a::b", "c::*"]
reason = "no fork"
run = false
""",
    )
    assert recipe.suite is not None
    assert (recipe.suite.timeout, recipe.suite.arguments) == (5, ("-W", "error"))
    assert recipe.suite.expected_failures == (ExpectedFailure(ids=("a::b", "c::*"), reason="no fork", run=False),)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("[test]\npackages = []", "needs either packages = "),
        ('[test]\npackages = ["x"]\nsources = ["y"]', "needs either packages = "),
        ('[test]\nsources = ["."]', "'.', which is not the plain path of something in the sdist"),
        ('[test]\nsources = ["/tests"]', "'/tests', which is not the plain path"),
        ('[test]\nsources = ["../tests"]', "'../tests', which is not the plain path"),
        ('[test]\nsources = ["tests/"]', "'tests/', which is not the plain path"),
        ('[test]\nsources = ["tests", "tests/data"]', "'tests/data' twice"),
        ('[test]\nsources = ["tests", "tests"]', "'tests' twice"),
        ('[test]\npackages = ["x"]\ntimeout = true', "number of seconds"),
        ('[test]\npackages = ["x"]\npackage = []', "did you mean"),
        ('[test]\npackages = ["x"]\n[[test.expected-failure]]\nreason = "r"', "needs ids"),
        ('[test]\npackages = ["x"]\n[[test.expected-failure]]\nids = ["i"]', "needs reason"),
        (
            '[test]\npackages = ["x"]\n[[test.expected-failure]]\nids = ["i"]\nreason = "r"\nrun = 1',
            "true or false",
        ),
    ],
)
def test_mistakes_in_the_recipe(tmp_path: Path, test: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_with(tmp_path, test)


def test_progress_is_shown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.file("test_a.py", "def test_a(): pass")
    world.run()
    assert "test suite of demo ..." in capsys.readouterr().err
    assert isinstance(sys.stderr, io.TextIOBase)
