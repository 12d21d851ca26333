"""The runner of CPython's regression test suite, with a guest that is this Python and a small package `test`."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from pywasm_build.context import Context
from pywasm_build.cpython import HostPython
from pywasm_build.errors import RecipeError, UsageError
from pywasm_build.recipes import ExpectedFailure
from pywasm_build.regression_files import find_regression_tests, select_regression_tests
from pywasm_build.regression_page import compatibility_page
from pywasm_build.regression_root import regression_root, test_folder
from pywasm_build.regression_settings import read_regression_settings
from pywasm_build.regression_tests import PAGE, SETTINGS, run_regression_tests
from pywasm_build.regression_tests import test_cpython as run_and_print
from pywasm_build.store import read_stamp
from pywasm_build.suite_report import SuiteResult
from pywasm_build.suite_results import NOT_RUN
from pywasm_build.workspace import Workspace
from tests.unit.checkout import VERSION, Checkout, make_checkout
from tests.unit.native_guest import NativeGuest

# What the runner in the guest takes from the package `test`.
PACKAGE = {
    "__init__.py": "",
    "support/__init__.py": """
import contextlib, gc
verbose = use_resources = has_subprocess_support = has_socket_support = False
gc_collect = gc.collect
@contextlib.contextmanager
def swap_attr(owner, name, value):
    old = getattr(owner, name)
    setattr(owner, name, value)
    yield
    setattr(owner, name, old)
""",
    "support/os_helper.py": """
import contextlib, os, tempfile
from shutil import rmtree
TESTFN = "@test"
@contextlib.contextmanager
def temp_cwd(path):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        yield
        os.chdir("/")
""",
    "libregrtest/__init__.py": "",
    "libregrtest/setup.py": "def setup_process(): pass",
    "test_tools/__init__.py": """
import unittest
from test import support
if not support.has_subprocess_support: raise unittest.SkipTest("needs subprocess")
""",
}
OUTCOMES = """
import doctest, sys, unittest

def documented():
    '''
    >>> 1 + 1
    2
    '''

class Each(unittest.TestCase):
    def test_good(self): print("not shown")
    def test_bad(self): self.assertEqual(1, 2)
    def test_error(self): raise OSError("broken")
    def test_skip(self): self.skipTest("not today")
    @unittest.expectedFailure
    def test_xfail(self): self.fail()
    @unittest.expectedFailure
    def test_xpass(self): pass
    def test_cleanup(self): self.addCleanup(1 .__truediv__, 0)
    def test_parts(self):
        for n in (1, 2, 3):
            with self.subTest(n=n): self.assertNotEqual(n, 2)
    def test_parts_skip(self):
        with self.subTest(n=1): self.skipTest("no")
    def test_some_parts_skip(self):
        with self.subTest(n=1): self.skipTest("no")
        with self.subTest(n=2): pass
    def test_repr(self):
        class Odd:
            def __repr__(self): raise ValueError
        with self.subTest(odd=Odd()): pass

class Fixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no fixture")
    def test_a(self): pass

class Skipped(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("no such thing")
    def test_a(self): pass

class Down(unittest.TestCase):
    @classmethod
    def tearDownClass(cls): raise OSError("no end")
    def test_a(self): pass

def load_tests(loader, tests, pattern):
    tests.addTest(doctest.DocTestSuite(sys.modules[__name__]))
    tests.addTest(Each("test_good"))
    return tests
"""
TRAP = """
import os, unittest
class T(unittest.TestCase):
    def test_1(self): pass
    def test_2(self): os._exit(134)
    def test_3(self): pass
"""
GOOD = "import unittest\nclass T(unittest.TestCase):\n    def test_good(self): pass\n"


class RegressionGuest(NativeGuest):
    """Run natively, with the runtime root's package `test`."""

    def _options(self, words: Sequence[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
        mounts, environment, rest = super()._options(words)
        environment["PYTHONPATH"] += f":{self.root / 'usr/lib/python3.13'}"
        return mounts, environment, rest


@dataclass(kw_only=True)
class World:
    """A checkout with a runtime root, whose test files and settings the tests write."""

    context: Context
    host: HostPython
    root: Path
    guest: RegressionGuest

    def file(self, name: str, content: str) -> None:
        path = test_folder(self.root, self.host) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")

    def settings(self, text: str = "", *, split: str = "[]") -> Path:
        path = self.context.workspace.root / SETTINGS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'resources = ["cpu"]\ntimeout = 50\nsplit = {split}\n{text}', "utf-8")
        return path

    def run(self, *names: str) -> SuiteResult:
        settings = read_regression_settings(self.context.workspace.root / SETTINGS)
        return run_regression_tests(self.context, self.host, settings, self.root, names, jobs=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    checkout = make_checkout(tmp_path, os.environ)
    guest = RegressionGuest(root=tmp_path / "root")
    context = dataclasses.replace(checkout.context, runner=guest)
    world = World(context=context, host=checkout.host, root=guest.root, guest=guest)
    for name, content in PACKAGE.items():
        world.file(name, content)
    world.settings()
    return world


def outcomes(result: SuiteResult) -> Mapping[str, str]:
    return {test.id: test.outcome for test in result.results if test.file != "test_tools"}


def reasons(result: SuiteResult) -> Mapping[str, str]:
    return {test.id: test.reason for test in result.results}


def test_each_outcome_is_recorded(world: World) -> None:
    world.file("test_all.py", OUTCOMES)
    result = world.run("test_all")
    assert outcomes(result) == {
        "test_all::Each.test_bad": "failed",
        "test_all::Each.test_cleanup": "failed",
        "test_all::Each.test_error": "failed",
        "test_all::Each.test_good": "passed",
        "test_all::Each.test_good (2)": "passed",
        "test_all::Each.test_parts": "failed",
        "test_all::Each.test_parts_skip": "skipped",
        "test_all::Each.test_repr": "passed",
        "test_all::Each.test_skip": "skipped",
        "test_all::Each.test_some_parts_skip": "passed",
        "test_all::Each.test_xfail": "xfailed",
        "test_all::Each.test_xpass": "failed",
        "test_all::Fixture.test_a": "failed",
        "test_all::Skipped.test_a": "skipped",
        "test_all::Down.test_a": "passed",
        "test_all::tearDownClass (test.test_all.Down)": "failed",
        "test_all::documented": "passed",
    }
    why = reasons(result)
    assert why["test_all::Each.test_bad"] == "AssertionError: 1 != 2"
    assert why["test_all::Each.test_parts"] == "(n=2) AssertionError: 2 == 2"
    assert why["test_all::Each.test_skip"] == "not today"
    assert why["test_all::Fixture.test_a"] == "setUpClass (test.test_all.Fixture): OSError: no fixture"
    assert why["test_all::Skipped.test_a"] == "setUpClass (test.test_all.Skipped): no such thing"
    assert "line" in next(test.detail for test in result.failed if test.id.endswith("test_bad"))
    assert not result.ok


def test_a_trap_costs_only_its_test(world: World) -> None:
    world.file("test_a.py", TRAP)
    result = world.run()
    assert outcomes(result) == {
        "test_a::T.test_1": "passed",
        "test_a::T.test_2": "failed",
        "test_a::T.test_3": "passed",
    }
    assert [test.reason for test in result.failed] == ["trapped: out of bounds memory access"]


def test_a_file_has_a_process_and_a_time_limit_of_its_own(world: World) -> None:
    world.settings("[timeouts]\ntest_a = 7\n")
    for name in "ab":
        world.file(f"test_{name}.py", TRAP.replace("134", "99"))
    result = world.run()
    assert [test.reason for test in result.failed] == ["timed out after 7 s", "timed out after 50 s"]
    assert all(len([word for word in call if word.startswith("test_")]) == 1 for call in world.guest.calls)


def test_files_that_cannot_be_imported_or_skip_themselves(world: World) -> None:
    world.file("test_a.py", "import no_such_module_anywhere")
    world.file("test_b.py", "import unittest\nraise unittest.SkipTest('not here')")
    world.file("test_c.py", GOOD)
    world.file("test_d.py", "# nothing")
    result = world.run()
    assert outcomes(result) == {
        "test_a": "failed",
        "test_b": "skipped",
        "test_c::T.test_good": "passed",
        "test_d": "skipped",
    }
    assert reasons(result)["test_d"] == "it has no tests here"
    assert reasons(result)["test_a"] == "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    assert reasons(result)["test_b"] == "not here"


def test_a_capability_for_the_import_of_one_module(world: World) -> None:
    body = "import test.test_tools\nfrom test import support\nassert not support.has_subprocess_support\n" + GOOD
    for name in "ab":
        world.file(f"test_{name}.py", body)
    world.settings(
        '[[capability]]\nname = "test.support.has_subprocess_support"\nimporting = "test.test_tools"\n'
        'reason = "x"\nfiles = ["test_a"]\n'
    )
    result = world.run()
    assert outcomes(result) == {"test_a::T.test_good": "passed", "test_b": "skipped"}
    assert reasons(result)["test_tools"] == reasons(result)["test_b"] == "needs subprocess"


def test_what_is_not_to_be_run(world: World) -> None:
    world.file("test_a.py", TRAP)
    world.file("test_gone_x.py", "import os\nos._exit(134)")
    world.settings(
        '[[expected-failure]]\nids = ["test_a::*.test_2", "test_gone*"]\nreason = "would trap"\nrun = false\n'
    )
    result = world.run()
    assert result.ok
    assert outcomes(result) == {
        "test_a::T.test_1": "passed",
        "test_a::T.test_2": NOT_RUN,
        "test_a::T.test_3": "passed",
        "test_gone_x": NOT_RUN,
    }
    assert not any("test_gone_x" in call for call in world.guest.calls)


def test_what_is_listed_in_vain_fails_the_whole_suite_only(world: World) -> None:
    world.file("test_a.py", GOOD)
    world.settings(
        '[[expected-failure]]\nids = ["test_a::*"]\nreason = "x"\n'
        '[[expected-failure]]\nids = ["test_gone"]\nreason = "x"\nrun = false\n'
    )
    result = world.run()
    assert {stale.pattern: stale.why for stale in result.stale} == {
        "test_a::*": "the test passed",
        "test_gone": "it matches no test",
    }
    assert not result.ok
    assert world.run("test_a").ok


def test_files_that_do_not_exist_any_more_are_named(world: World) -> None:
    world.file("test_abc.py", GOOD)
    world.settings("[timeouts]\ntest_abd = 7\n")
    with pytest.raises(RecipeError, match=r"'test_abd' means no test file.*did you mean 'test_abc'"):
        world.run()
    world.settings(split='["test_lost"]')
    with pytest.raises(RecipeError, match="test_lost cannot be split"):
        world.run()


def test_capabilities_hold_for_the_files_that_have_them(world: World) -> None:
    body = "from test import support\nassert support.has_socket_support\n" + GOOD
    for name in "ab":
        world.file(f"test_{name}.py", body)
    world.settings('[[capability]]\nname = "test.support.has_socket_support"\nreason = "x"\nfiles = ["test_b*"]\n')
    assert outcomes(world.run()) == {"test_a": "failed", "test_b::T.test_good": "passed"}


def test_a_capability_that_is_there_anyway_is_refused(world: World) -> None:
    world.file("test_a.py", GOOD)
    world.settings('[[capability]]\nname = "test.support.swap_attr"\nreason = "x"\nfiles = ["test_a"]\n')
    assert outcomes(world.run()) == {"test_a": "failed"}


def test_names_choose_files_and_tests(world: World) -> None:
    files = {"test_re": 1, "test_asyncio.test_a": 2, "test_asyncio.test_b": 3, "test_repr": 4}

    def chosen(*names: str) -> tuple[list[str], tuple[str, ...]]:
        selection = select_regression_tests(names, files)
        return list(selection.files), selection.tests

    assert chosen() == (list(files), ())
    assert chosen("test_asyncio") == (["test_asyncio.test_a", "test_asyncio.test_b"], ())
    assert chosen("test.test_re", "test_repr") == (["test_re", "test_repr"], ())
    assert chosen("test_re*")[0] == ["test_re", "test_repr"]
    assert chosen("test_re.T.test_x") == (["test_re"], ("test_re::T.test_x",))
    assert chosen("test_asyncio.test_a::T", "test_re") == (
        ["test_asyncio.test_a", "test_re"],
        ("test_asyncio.test_a::T", "test_re::*"),
    )
    with pytest.raises(UsageError, match=r"no test file 'test_er' .did you mean 'test_re'"):
        chosen("test_er")


def test_a_selection_runs_no_more_than_it_names(world: World) -> None:
    world.file("test_a.py", TRAP)
    world.file("test_b.py", GOOD)
    assert outcomes(world.run("test_a.T.test_1", "test_b")) == {
        "test_a::T.test_1": "passed",
        "test_b::T.test_good": "passed",
    }
    assert not (world.context.workspace.reports / "cpython.json").exists()
    with pytest.raises(UsageError, match=r"test_b has no test 'T.test_goood' .did you mean 'T.test_good'"):
        world.run("test_b.T.test_goood")


def test_packages_are_one_file_or_many(world: World, tmp_path: Path) -> None:
    folder = test_folder(world.root, world.host)
    for name in (
        "test_split/__init__.py",
        "test_split/test_a.py",
        "test_whole/__init__.py",
        "test_whole/test_b.py",
        "test_c.py",
        "x.py",
    ):
        world.file(name, "#")
    assert list(find_regression_tests(folder, ["test_split"])) == [
        "test_c",
        "test_split.test_a",
        "test_tools",
        "test_whole",
    ]
    assert "test_split" in find_regression_tests(folder, [])


def test_the_page_says_what_does_not_pass(world: World) -> None:
    world.file("test_all.py", OUTCOMES)
    world.file("test_good.py", GOOD)
    world.file("test_none.py", "import unittest\nraise unittest.SkipTest('not | here')")
    world.file("test_trap.py", "import os\nos._exit(134)")
    path = world.settings(
        '[[expected-failure]]\nids = ["test_all::Each.test_b*"]\nreason = "one is not two"\n'
        '[[expected-failure]]\nids = ["test_trap"]\nreason = "ends everything"\nrun = false\n'
    )
    page = compatibility_page(world.run(), read_regression_settings(path).expected_failures)
    (row,) = [line for line in page.splitlines() if line.startswith("| test\\_all |")]
    assert row.startswith("| test\\_all | 6 | 6 | 1 | 0 | 3 | ") and "one is not two (1)" in row
    assert "| ends everything | test\\_trap |" in page
    assert "| not \\| here | test\\_none |" in page
    assert "| not today | 1 |" in page
    assert f"CPython {VERSION}" in page and "| failed | 6 |" in page
    assert "test\\_good" not in page


def test_write_is_for_the_whole_suite(world: World) -> None:
    with pytest.raises(UsageError, match="--write needs the whole suite"):
        run_and_print(world.context, world.host, ["test_a"], jobs=1, write=True)
    assert not (world.context.workspace.root / PAGE).exists()


SETUP = b"# modules\n@MODULE__TESTCAPI_TRUE@_testcapi _testcapimodule.c _testcapi/mem.c\n#@MODULE_X_TRUE@x x.c\n"


def tarball(tmp_path: Path) -> Path:
    path = tmp_path / "Python.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name in ("Lib/test/test_a.py", "Lib/test/data/x.txt", "Lib/os.py", "Modules/Setup.stdlib.in"):
            content = SETUP if name.startswith("Modules/") else b"x=1\n"
            info = tarfile.TarInfo(f"Python/{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def write_pins(checkout: Checkout, folder: Path) -> None:
    """Pin CPython's sources, a file in `folder`."""
    source = tarball(folder)
    checkout.workspace.sources_toml.write_text(
        f'[[source]]\nname = "cpython"\nversion = "{VERSION}"\nfile = "{source.name}"\n[[source.location]]\n'
        f'kind = "upstream"\nurl = "http://127.0.0.1:1/{source.name}"\n'
        f'sha256 = "{sha256(source.read_bytes()).hexdigest()}"\n'
    )


def test_the_runtime_root_has_the_complete_library_and_the_tests(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, os.environ)
    checkout.environ["PYWASM_SOURCES"] = str(tmp_path)
    write_pins(checkout, tmp_path)
    clang = checkout.host.toolchain.driver("clang")
    clang.parent.mkdir(parents=True)
    clang.write_text('#!/bin/sh\nfor target do :; done\necho "$@" > "$target"\n')
    clang.chmod(0o755)
    (checkout.host.root / "usr" / "include").mkdir()
    root = regression_root(checkout.context, checkout.host, ["_testcapi"])
    library = root / "usr" / "lib" / "python3.13"
    names = ("test/test_a.py", "test/data/x.txt", "turtle.py", "json/__init__.py")
    assert [name for name in names if not (library / name).is_file()] == []
    assert list((library / "test" / "__pycache__").glob("test_a.*.pyc"))
    assert not (library / "test" / "test_os.py").exists()
    assert not (root / "source").exists()
    assert "nonexistent" in (library / "_sysconfigdata__wasi_.py").read_text()
    stamp = json.loads(json.dumps(read_stamp(root)))
    assert stamp["python"]["main"] == "usr/bin/python3.13.wasm"
    command = (library / "lib-dynload" / "_testcapi.cpython-313-wasm32-wasi.so").read_text().split()
    sources = [Path(word).name for word in command if word.endswith(".c")]
    assert sources == ["_testcapimodule.c", "mem.c"] and "-shared" in command
    assert regression_root(checkout.context, checkout.host, ["_testcapi"]) == root
    with pytest.raises(RecipeError, match=r"no extension module '_testcap' .*did you mean '_testcapi'"):
        regression_root(checkout.context, checkout.host, ["_testcap"])


def test_the_settings_of_this_project_can_be_read() -> None:
    settings = read_regression_settings(Workspace.discover({}).root / SETTINGS)
    assert "cpu" in settings.resources and "network" not in settings.resources


CAPABILITY = '[[capability]]\nname = "test.support.x"\nreason = "r"\nfiles = ["a"]\n'
FAILURE = '[[expected-failure]]\nids = ["a::b"]\nreason = "r"\n'
MISTAKES = {
    r"unknown key 'timeuot' in the top level .did you mean 'timeout'": "timeuot = 1",
    "modules must be a list of texts": "modules = 1",
    "timeouts must be a table": "timeouts = 1",
    "test_a = 0 must be a number of seconds": "[timeouts]\ntest_a = 0",
    "test_b = True must be a number of seconds": "[timeouts]\ntest_b = true",
    r"expected-failure must be written as \[\[...\]\] tables": FAILURE.replace("[[", "[", 1).replace("]]", "]", 1),
    r"unknown key 'id' in \[expected-failure\] .did you mean 'ids'": FAILURE.replace("ids", "id"),
    "an expected-failure needs ids": FAILURE.replace('"a::b"', ""),
    'expected-failure needs reason = "..."': FAILURE.replace('"r"', '" "'),
    "run = 1 must be true or false": FAILURE + "run = 1",
    "'a' means a whole file, which can only have run = false": FAILURE.replace("a::b", "a"),
    r"capability must be written as \[\[...\]\] tables": "capability = [1]",
    r"unknown key 'file' in \[capability\] .did you mean 'files'": CAPABILITY.replace("files", "file"),
    'a capability needs name = "..."': CAPABILITY.replace("name", "#"),
    "the capability os.x must be one of test.support": CAPABILITY.replace("test.support", "os"),
    "the capability test.support.x needs files": CAPABILITY.replace('"a"', ""),
    'the capability test.support.x needs reason = "..."': CAPABILITY.replace("reason", "#"),
    'the capability test.support.x needs importing = "..."': CAPABILITY + 'importing = ""',
    "value = 'no' must be true or false": CAPABILITY + 'value = "no"',
    "cannot read .*cpython-tests.toml": "[",
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_in_the_settings(world: World, message: str) -> None:
    path = world.settings(MISTAKES[message])
    with pytest.raises(RecipeError, match=message) as caught:
        read_regression_settings(path)
    assert str(path) in str(caught.value)


def test_settings_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "cpython-tests.toml"
    with pytest.raises(RecipeError, match="cannot read"):
        read_regression_settings(path)
    path.write_bytes(b"\xff")
    with pytest.raises(RecipeError, match="cannot read"):
        read_regression_settings(path)
    path.write_text("", "utf-8")
    with pytest.raises(RecipeError, match="timeout = None must be a number of seconds"):
        read_regression_settings(path)


def test_expected_failures_are_those_of_recipes(world: World) -> None:
    path = world.settings(FAILURE)
    assert read_regression_settings(path).expected_failures == (ExpectedFailure(ids=("a::b",), reason="r", run=True),)
