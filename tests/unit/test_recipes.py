"""Recipes and the registry: what is read, and that every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_build.errors import RecipeError
from pywasm_build.recipes import BuildSystem, Registry, read_recipe, read_registry

A = "a" * 64
PACKAGE = f'[package]\nname = "Pack-Age"\nversion = "1.0"\nsha256 = "{A}"\n'
PATCH = '[[patch]]\nfile = "0001-x.patch"\nreason = "why"\napplies-to = ">=1"\nupstream = "sent"\n'
FAILURE = '[[test.expected-failure]]\nids = ["t.py::x*"]\nreason = "why"\n'
TEST = '[test]\npackages = ["pack"]\n'
LIBRARY = '[library]\nname = "libx"\ncmake = ["-DX=1"]\n'


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0001-x.patch").write_text("--- a/x\n+++ b/x\n")
    (folder / "recipe.toml").write_text(text)
    return folder / "recipe.toml"


def test_all_that_a_package_can_say(tmp_path: Path) -> None:
    text = f"""{PACKAGE}requires = ["six>=1"]
without = ["heavy"]
experimental = true
[build]
requires = ["cython"]
libraries = ["libx"]
environment = {{ NAME = "value" }}
config-settings = {{ setup-args = ["-Da=b", "-Dc=d"] }}
{PATCH}needed-to = "run"
{TEST}requires = ["hypothesis"]
arguments = ["-W", "error"]
environment = {{ X = "y" }}
timeout = 60
{FAILURE}run = false
"""
    recipe = read_recipe(write(tmp_path / "pack-age", text))
    assert (recipe.kind, recipe.name, recipe.version, recipe.sha256) == ("package", "Pack-Age", "1.0", A)
    assert (recipe.requires, recipe.without, recipe.experimental) == (("six>=1",), ("heavy",), True)
    assert (recipe.build_requires, recipe.libraries) == (("cython",), ("libx",))
    assert recipe.environment == {"NAME": "value"}
    assert recipe.config_settings == {"setup-args": ("-Da=b", "-Dc=d")}
    (patch,) = recipe.patches
    assert patch.needed_to == "run"
    assert (patch.path, patch.reason, patch.upstream) == (tmp_path / "pack-age" / "0001-x.patch", "why", "sent")
    assert patch.applies_to.contains("1.5rc1")
    assert recipe.smoke_test == tmp_path / "pack-age" / "test_pack_age.py"
    suite = recipe.suite
    assert suite is not None
    assert (suite.packages, suite.requires, suite.timeout) == (("pack",), ("hypothesis",), 60)
    assert (suite.arguments, suite.environment) == (("-W", "error"), {"X": "y"})
    (failure,) = suite.expected_failures
    assert (failure.ids, failure.reason, failure.run) == (("t.py::x*",), "why", False)


def test_little_is_needed(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, PACKAGE))
    assert (recipe.requires, recipe.experimental, recipe.patches, recipe.suite) == ((), False, (), None)
    build = '[build]\nenvironment = { A = "b" }\nlibraries = ["liby"]\n'
    library = read_recipe(write(tmp_path, LIBRARY + build + PATCH))
    assert library.build_system == BuildSystem(kind="cmake", configure=("-DX=1",), install=("install",))
    assert (library.kind, library.environment, library.libraries) == ("library", {"A": "b"}, ("liby",))
    interpreter = read_recipe(write(tmp_path, '[interpreter]\nname = "cpython"\n' + PATCH))
    assert (interpreter.kind, len(interpreter.patches), interpreter.libraries) == ("interpreter", 1, ())
    assert interpreter.build_system is None


SYSTEMS = {
    "": BuildSystem(kind="cmake", install=("install",)),
    "cmake = []": BuildSystem(kind="cmake", install=("install",)),
    "autoconf = []": BuildSystem(kind="autoconf", install=("install",)),
    'autoconf = ["--disable-nls"]\nmake = ["-C", "src"]\ninstall = ["-C", "src", "install"]': BuildSystem(
        kind="autoconf", configure=("--disable-nls",), make=("-C", "src"), install=("-C", "src", "install")
    ),
    'configure = ["perl", "Configure"]': BuildSystem(
        kind="configure", configure=("perl", "Configure"), install=("install",)
    ),
    'make = ["libx.a"]\ninstall = ["x"]': BuildSystem(kind="make", make=("libx.a",), install=("x",)),
    "make = []": BuildSystem(kind="make", install=("install",)),
}


@pytest.mark.parametrize("text", SYSTEMS)
def test_a_library_names_its_build_system(tmp_path: Path, text: str) -> None:
    recipe = read_recipe(write(tmp_path, f'[library]\nname = "libx"\n{text}\n' + PATCH))
    assert recipe.build_system == SYSTEMS[text]


def test_the_interpreters_libraries_keep_their_order(tmp_path: Path) -> None:
    for name in ("zlib", "bzip2"):
        write(tmp_path / name, LIBRARY.replace("libx", name) + PATCH)
    write(tmp_path / "cpython", '[interpreter]\nname = "cpython"\nlibraries = ["zlib", "bzip2"]\n' + PATCH)
    registry = read_registry(tmp_path)
    interpreter = registry.find("cpython")
    assert interpreter is not None
    assert [library.name for library in registry.libraries_of(interpreter)] == ["zlib", "bzip2"]


def write_libraries(root: Path, **needs: str) -> Registry:
    """Write a recipe for each name, which needs the libraries of the text, and one of a package that needs libx."""
    for name, needed in needs.items():
        build = f"[build]\nlibraries = {needed.split()}\n"
        write(root / name, LIBRARY.replace("libx", name) + build + PATCH)
    write(root / "pack-age", PACKAGE + '[build]\nlibraries = ["libx"]\n' + PATCH)
    return read_registry(root)


def test_libraries_come_after_those_that_they_need(tmp_path: Path) -> None:
    registry = write_libraries(tmp_path, libx="liby liba", liby="libz", liba="liby", libz="")
    package = registry.find("pack-age")
    assert package is not None
    assert [library.name for library in registry.libraries_of(package)] == ["libz", "liby", "liba", "libx"]
    assert [library.name for library in registry.libraries_of(registry.library("liby"))] == ["libz"]


def test_libraries_that_need_each_other(tmp_path: Path) -> None:
    registry = write_libraries(tmp_path, libx="liby", liby="libz", libz="libx")
    with pytest.raises(RecipeError, match="in a circle: libx -> liby -> libz -> libx"):
        registry.libraries_of(registry.library("libx"))
    package = registry.find("pack-age")
    assert package is not None
    with pytest.raises(RecipeError, match="in a circle: Pack-Age -> libx -> liby -> libz -> libx"):
        registry.libraries_of(package)


def test_a_library_that_the_registry_lacks(tmp_path: Path) -> None:
    write(tmp_path / "cpython", '[interpreter]\nname = "cpython"\nlibraries = ["zlip"]\n' + PATCH)
    write(tmp_path / "zlib", LIBRARY.replace("libx", "zlib") + PATCH)
    registry = read_registry(tmp_path)
    interpreter = registry.find("cpython")
    assert interpreter is not None
    with pytest.raises(RecipeError, match=r"there is no native library 'zlip' in .*did you mean 'zlib'"):
        registry.libraries_of(interpreter)


UNKNOWN = {
    r"unknown key 'packages' in the top level .did you mean 'package'": PACKAGE + "[packages]\n",
    r"unknown key 'sha265' in \[package\] .did you mean 'sha256'": PACKAGE + 'sha265 = "x"\n',
    r"unknown key 'cmacke' in \[library\] .did you mean 'cmake'": '[library]\nname = "x"\ncmacke = []\n',
    r"unknown key 'version' in \[interpreter\]": '[interpreter]\nname = "x"\nversion = "1"\n',
    r"unknown key 'libs' in \[build\] .did you mean 'libraries'": PACKAGE + "[build]\nlibs = []\n",
    r"unknown key 'appliesto' in \[patch\] .did you mean 'applies-to'": PACKAGE + PATCH.replace("s-to", "sto"),
    r"unknown key 'argument' in \[test\] .did you mean 'arguments'": PACKAGE + TEST + "argument = []\n",
    r"unknown key 'reasons' in \[test.expected-failure\] .did you mean 'reason'": (
        PACKAGE + TEST + FAILURE + 'reasons = "x"\n'
    ),
}
WRONG = {
    "exactly one of": PACKAGE + '[library]\nname = "x"\n',
    "a recipe has exactly one": "",
    r'package needs sha256 = "..."': PACKAGE.replace("sha256", "#"),
    r'package needs version = "..."': PACKAGE.replace("version", "#"),
    r'package needs name = "..."': PACKAGE.replace('name = "Pack-Age"', 'name = ""'),
    "sha256 = 'aaaa' must be 64": PACKAGE.replace(A, "aaaa"),
    "must be 64 lower-case": PACKAGE.replace(A, A.upper()),
    "version = 'one' is not a version": PACKAGE.replace("1.0", "one"),
    "experimental = 'no' must be true or false": PACKAGE + 'experimental = "no"\n',
    "requires must be a list of texts": PACKAGE + 'requires = "six"\n',
    "requires has 'six 1', which is no requirement": PACKAGE + 'requires = ["six 1"]\n',
    "requires has '-x', which is no requirement": PACKAGE + '[build]\nrequires = ["-x"]\n',
    "build must be a table": "build = 1\n" + PACKAGE,
    "the values in environment must be texts": PACKAGE + "[build]\nenvironment = { A = 1 }\n",
    "setup-args must be a list": PACKAGE + '[build]\nconfig-settings = { setup-args = "x" }\n',
    r"patch must be written as \[\[...\]\]": PACKAGE + PATCH.replace("[[patch]]", "[patch]"),
    "the patch '../x.patch' is not a file": PACKAGE + PATCH.replace("0001-x", "../x"),
    "the patch '0002-x.patch' is not a file": PACKAGE + PATCH.replace("0001", "0002"),
    'patch 0001-x.patch needs reason = "..."': PACKAGE + PATCH.replace("why", " "),
    'patch 0001-x.patch needs upstream = "..."': PACKAGE + PATCH.replace("upstream", "#"),
    "applies-to = 'new' is not a version range": PACKAGE + PATCH.replace(">=1", "new"),
    "needed-to = 'test' must be one of build, run": PACKAGE + PATCH + 'needed-to = "test"\n',
    "patch.needed-to has no effect in a recipe with .library.": LIBRARY + PATCH + 'needed-to = "run"\n',
    r"\[test\] needs either packages": PACKAGE + "[test]\n",
    "timeout = 0 must be a number of seconds": PACKAGE + TEST + "timeout = 0\n",
    "timeout = True must be a number of seconds": PACKAGE + TEST + "timeout = true\n",
    "an expected-failure needs ids": PACKAGE + TEST + FAILURE.replace('"t.py::x*"', ""),
    'expected-failure needs reason = "..."': PACKAGE + TEST + FAILURE.replace("why", ""),
    "run = 'no' must be true or false": PACKAGE + TEST + FAILURE + 'run = "no"\n',
    "test has no effect in a recipe with .library.": LIBRARY + TEST,
    "build.requires has no effect in a recipe with .library.": LIBRARY + "[build]\nrequires = []\nlibraries = []\n",
    "has cmake and autoconf, of which only one can be": LIBRARY + "autoconf = []\n",
    "make, install has no effect beside cmake": LIBRARY + "make = []\ninstall = []\n",
    "install has no effect beside cmake": '[library]\nname = "x"\ninstall = []\n',
    "configure must name a command": '[library]\nname = "x"\nconfigure = []\n',
    "autoconf must be a list of texts": '[library]\nname = "x"\nautoconf = "--x"\n',
    "libraries must be a list of texts": '[interpreter]\nname = "x"\nlibraries = "zlib"\n',
    "build has no effect in a recipe with .interpreter.": '[interpreter]\nname = "x"\n[build]\n',
    "cannot read": "[[",
}


@pytest.mark.parametrize("message", [*UNKNOWN, *WRONG])
def test_mistakes_are_named_with_the_file(tmp_path: Path, message: str) -> None:
    path = write(tmp_path, {**UNKNOWN, **WRONG}[message])
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot read .*recipe.toml"):
        read_recipe(tmp_path / "recipe.toml")


def test_the_registry_finds_by_any_spelling(tmp_path: Path) -> None:
    write(tmp_path / "pack-age", PACKAGE + PATCH)
    write(tmp_path / "libx", LIBRARY + PATCH)
    registry = read_registry(tmp_path)
    for name in ("Pack-Age", "pack_age", "PACK.AGE"):
        found = registry.find(name)
        assert found is not None
        assert found.name == "Pack-Age"
    assert registry.find("other") is None
    assert [recipe.name for recipe in registry.packages] == ["Pack-Age"]
    assert registry.library("libx").kind == "library"


def test_a_recipe_in_a_wrong_folder(tmp_path: Path) -> None:
    write(tmp_path / "packages", PACKAGE + PATCH)
    with pytest.raises(RecipeError, match=r"is the recipe of Pack-Age, but lies in the folder packages"):
        read_registry(tmp_path)


def test_a_patch_that_no_recipe_names(tmp_path: Path) -> None:
    write(tmp_path / "pack-age", PACKAGE)
    with pytest.raises(RecipeError, match=r"no recipe names .*pack-age/0001-x.patch: add a \[\[patch\]\]"):
        read_registry(tmp_path)


def test_an_unknown_library_gets_a_hint(tmp_path: Path) -> None:
    write(tmp_path / "libx", LIBRARY + PATCH)
    registry = read_registry(tmp_path)
    with pytest.raises(RecipeError, match=r"there is no native library 'libxx' in .*did you mean 'libx'"):
        registry.library("libxx")
    write(tmp_path / "pack-age", PACKAGE + PATCH)
    with pytest.raises(RecipeError, match="there is no native library 'Pack-Age'"):
        read_registry(tmp_path).library("Pack-Age")
