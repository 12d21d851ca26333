"""Tests that a package does not install: taken from its sdist, shown to the guest beside what it may write."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pywasm_build.context import Context
from pywasm_build.errors import PatchError, RecipeError
from pywasm_build.recipes import Recipe, read_registry
from pywasm_build.suite_packages import INNER
from pywasm_build.suite_pytest import GuestPython
from pywasm_build.suite_sources import sdist_tests
from pywasm_build.suites import run_suite
from tests.unit.checkout import Checkout, make_checkout, sdist_bytes
from tests.unit.native_guest import SITE_PACKAGES, NativeGuest

FILES = {
    "pyproject.toml": b'[tool.pytest.ini_options]\naddopts = "--no-such-option"\n',
    "demo/__init__.py": b"raise ImportError('the sources, which lack the compiled module')\n",
    "conftest.py": b"import pytest\n@pytest.fixture\ndef answer(): return 42\n",
    "tests/__init__.py": b"",
    "tests/tools.py": b"question = 'six times seven'\n",
    "tests/data/answer.txt": b"42",
    "tests/check.py": b"from tests.tools import question\ndef test_other(answer): assert question\n",
    "tests/test_demo.py": b"""
import demo
from pathlib import Path
from .tools import question

def test_installed(): assert demo.where == "installed"
def test_files(answer): assert int(Path("tests/data/answer.txt").read_text()) == answer and question
def test_writing():
    Path("beside.txt").write_text("x")
    assert sorted(path.name for path in Path().iterdir()) == ["beside.txt", "conftest.py", "tests"]
""",
}
PATCH = """\
--- a/tests/data/answer.txt
+++ b/tests/data/answer.txt
@@ -1 +1 @@
-{old}
\\ No newline at end of file
+42
\\ No newline at end of file
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path, os.environ)


def recipe_of(checkout: Checkout, test: str, **changes: bytes) -> Recipe:
    """Write the recipe of a package whose sdist is in the cache."""
    content = sdist_bytes("demo", {**FILES, **{name.replace("__", "/"): data for name, data in changes.items()}})
    digest = sha256(content).hexdigest()
    place = checkout.workspace.downloads / digest / "demo-1.0.tar.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    checkout.recipe("demo", digest, more=f"[test]\n{test}\n")
    recipe = read_registry(checkout.workspace.patches).find("demo")
    assert recipe
    return recipe


def guest_with_demo(folder: Path) -> tuple[GuestPython, NativeGuest]:
    root, packages = folder / "runtime", folder / "packages"
    package = root / SITE_PACKAGES / "demo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("where = 'installed'\n")
    (packages / INNER).mkdir(parents=True)
    return GuestPython(program=Path("python-wasm"), root=root, packages=packages), NativeGuest(root=root)


def outcomes(checkout: Checkout, recipe: Recipe, folder: Path) -> dict[str, str]:
    guest, runner = guest_with_demo(folder)
    context: Context = replace(checkout.context, runner=runner)
    path = str(guest.site_packages)
    assert recipe.suite
    environment = {"PYTHONPATH": f"/test-packages/{INNER}:/test-plugins:{path}", "PYTHONDONTWRITEBYTECODE": "1"}
    suite = replace(recipe.suite, environment=environment)
    recipe = replace(recipe, suite=suite)
    result = run_suite(context, recipe, jobs=1, guest=guest, builder=checkout.builder)
    return {test.id: test.reason or test.outcome for test in result.results}


def test_they_use_the_installed_package_and_their_own_files(checkout: Checkout, tmp_path: Path) -> None:
    recipe = recipe_of(checkout, 'sources = ["tests", "conftest.py"]')
    assert outcomes(checkout, recipe, tmp_path) == {
        "tests/test_demo.py::test_installed": "passed",
        "tests/test_demo.py::test_files": "passed",
        "tests/test_demo.py::test_writing": "passed",
    }


def test_only_what_is_named_is_taken_and_kept(checkout: Checkout) -> None:
    tests = sdist_tests(
        checkout.context, recipe_of(checkout, 'sources = ["tests/data", "conftest.py"]'), checkout.builder
    )
    assert tests
    found = sorted(str(path.relative_to(tests.root)) for path in tests.root.rglob("*") if path.is_file())
    assert found == ["conftest.py", "tests/data/answer.txt"]
    assert sorted(path.name for path in tests.root.parent.iterdir()) == ["stamp.json", "tests"]


def test_folders_are_shown_read_only_on_a_top_that_can_be_written(checkout: Checkout, tmp_path: Path) -> None:
    tests = sdist_tests(checkout.context, recipe_of(checkout, 'sources = ["tests", "conftest.py"]'), checkout.builder)
    assert tests
    top = tests.lay_out(tmp_path / "process")
    assert sorted(path.name for path in top.iterdir()) == ["conftest.py", "tests"]
    assert list(tests.mounts(tmp_path / "process")) == [
        *("--dir", f"{top}:/sources"),
        *("--dir", f"{tests.root / 'tests'}:/sources/tests:ro"),
    ]


def test_files_with_names_of_their_own(checkout: Checkout, tmp_path: Path) -> None:
    recipe = recipe_of(checkout, 'sources = ["tests", "conftest.py"]\nfiles = ["chec?.py"]')
    assert outcomes(checkout, recipe, tmp_path) == {"tests/check.py::test_other": "passed"}


def test_patches_are_applied_to_tests_too(checkout: Checkout) -> None:
    entry = '[[patch]]\nfile = "0001-x.patch"\nreason = "r"\napplies-to = "==1.0"\nupstream = "u"'
    for old, folder in (("41", "a"), ("43", "b")):
        made = make_checkout(checkout.workspace.root / folder, os.environ)
        (made.workspace.patches / "demo").mkdir()
        (made.workspace.patches / "demo" / "0001-x.patch").write_text(PATCH.format(old=old))
        recipe = recipe_of(
            made, f'sources = ["tests"]\n{entry}', tests__data__answer=b"", **{"tests__data__answer.txt": b"41"}
        )
        if old == "43":
            with pytest.raises(PatchError, match="no longer applies"):
                sdist_tests(made.context, recipe, made.builder)
            continue
        tests = sdist_tests(made.context, recipe, made.builder)
        assert tests and (tests.root / "tests" / "data" / "answer.txt").read_text() == "42"


def test_what_the_sdist_does_not_have(checkout: Checkout) -> None:
    recipe = recipe_of(checkout, 'sources = ["test"]')
    with pytest.raises(RecipeError, match=r"'test', which is not in the sdist of demo 1.0 \(did you mean 'tests'\?\)"):
        sdist_tests(checkout.context, recipe, checkout.builder)


def test_most_packages_need_none(checkout: Checkout) -> None:
    recipe = recipe_of(checkout, 'packages = ["demo"]')
    assert sdist_tests(checkout.context, recipe, checkout.builder) is None


def test_a_recipe_that_is_not_the_registry_s(checkout: Checkout) -> None:
    other = replace(recipe_of(checkout, 'sources = ["tests"]'), sha256="b" * 64)
    with pytest.raises(RecipeError, match="is not the recipe that the registry has for demo"):
        sdist_tests(checkout.context, other, checkout.builder)
