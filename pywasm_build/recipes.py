"""Read the patch registry: patches/<name>/recipe.toml, and the patches beside it.

    [package]                       # of a Python package
    name = "numpy"
    version = "2.5.5"
    sha256 = "<of the sdist>"
    requires = ["six"]              # wasm packages beyond those in its metadata
    experimental = false

    [library]                       # instead of [package]: a C library that CPython or packages link statically
    name = "libyaml"                # as in third-party/sources.toml, which has version and sha256
    cmake = ["-DBUILD_TESTING=OFF"] # its build system is CMake; instead of this:
    autoconf = ["--disable-nls"]    #   options for autoconf's ./configure, then make
    configure = ["./configure", "--prefix={prefix}"]    # another command that configures, then make
    make = ["libx.a"]               # arguments of make when it builds; all there is where nothing is configured
    install = ["install"]           # arguments of make when it installs into {prefix}

    [interpreter]                   # CPython itself: patches, and the libraries it is linked with
    name = "cpython"
    libraries = ["zlib"]            # in the order in which they are built

    [build]
    requires = ["cython"]           # build tools; their versions are in third-party/build-tools.lock
    libraries = ["libyaml"]         # recipes of native libraries
    environment = { NAME = "value" }
    config-settings = { setup-args = ["-Dallow-noblas=true"] }

    [[patch]]
    file = "0001-title.patch"
    reason = "why it is needed"
    applies-to = ">=2.5,<3"
    upstream = "where it was reported, or why not"

    [test]                          # the package's own test suite; pytest runs it in the guest
    requires = ["hypothesis"]       # pure packages besides pytest, pinned in third-party/test-packages.lock
    packages = ["numpy"]            # the installed packages whose test files are run
    arguments = ["-W", "error"]     # of pytest
    environment = { NAME = "value" }
    placeholders = ["ctypes"]       # modules that the guest may lack, whose import must not hide a whole file
    timeout = 900                   # seconds for the test files of one process
    [[test.expected-failure]]
    ids = ["package/tests/test_file.py::test_name*"]    # patterns as in fnmatch
    reason = "why"
    run = false                     # because it would hang or trap

A key that has no meaning is an error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pywasm_build.errors import RecipeError, did_you_mean

RECIPE = "recipe.toml"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADS = ("package", "library", "interpreter")
_KEYS: Mapping[str, Sequence[str]] = {
    "": ("package", "library", "interpreter", "build", "patch", "test"),
    "package": ("name", "version", "sha256", "requires", "experimental"),
    "library": ("name", "cmake", "autoconf", "configure", "make", "install"),
    "interpreter": ("name", "libraries"),
    "build": ("requires", "libraries", "environment", "config-settings"),
    "patch": ("file", "reason", "applies-to", "upstream"),
    "test": (
        "requires",
        "packages",
        "arguments",
        "environment",
        "placeholders",
        "timeout",
        "expected-failure",
    ),
    "test.expected-failure": ("ids", "reason", "run"),
}
# What has a meaning besides for a package, which may have all but the other heads.
_KEYS_OF_KIND: Mapping[str, Sequence[str]] = {
    "library": ("library", "build", "patch"),
    "interpreter": ("interpreter", "patch"),
}
_BUILD_KEYS_OF_LIBRARY = ("environment",)
_CONFIGURATIONS = ("cmake", "autoconf", "configure")


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A change to upstream's sources; `applies_to` says for which versions."""

    path: Path
    reason: str
    applies_to: SpecifierSet
    upstream: str


@dataclass(frozen=True, kw_only=True)
class ExpectedFailure:
    """Tests that are known to fail for one reason.

    ids: patterns of their ids as in fnmatch; without a wildcard's effect an id means itself.
    run: false for tests that would hang, trap or exhaust the memory.
    """

    ids: tuple[str, ...]
    reason: str
    run: bool


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A package's own test suite: which packages it is in, and what pytest is told.

    placeholders: modules whose absence in the guest shall fail the tests that use them, not the files that
        import them.
    timeout: seconds after which one test process is ended.
    """

    requires: tuple[str, ...]
    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    placeholders: tuple[str, ...]
    timeout: int
    expected_failures: tuple[ExpectedFailure, ...]


@dataclass(frozen=True, kw_only=True)
class BuildSystem:
    """How a native library is configured, built and installed.

    kind: "cmake", "autoconf", "configure" (a command of its own) or "make" (nothing is configured).
    configure: options, for kind "configure" the whole command.
    make, install: arguments of make when it builds and when it installs; "{prefix}" in them and in a command
        stands for the prefix.
    """

    kind: str
    configure: tuple[str, ...] = ()
    make: tuple[str, ...] = ()
    install: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one thing is built: `kind` is package, library or interpreter.

    Only a package has version and sha256, only a library a build system.
    """

    folder: Path
    name: str
    kind: str
    version: str = ""
    sha256: str = ""
    requires: tuple[str, ...] = ()
    experimental: bool = False
    build_system: BuildSystem | None = None
    build_requires: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    config_settings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    patches: tuple[Patch, ...] = ()
    suite: Suite | None = None

    @property
    def smoke_test(self) -> Path:
        """The Python file that tries the installed package in the guest; it may not exist."""
        return self.folder / f"test_{canonicalize_name(self.name).replace('-', '_')}.py"


@dataclass(frozen=True, kw_only=True)
class Registry:
    """All recipes, by canonical name."""

    root: Path
    recipes: Mapping[str, Recipe]

    def find(self, name: str) -> Recipe | None:
        """Return the recipe of a package or library, None if it has none."""
        return self.recipes.get(canonicalize_name(name))

    def library(self, name: str) -> Recipe:
        """Return the recipe of a native library; raise RecipeError if there is none."""
        recipe = self.find(name)
        if recipe is None or recipe.kind != "library":
            known = [r.name for r in self.recipes.values() if r.kind == "library"]
            raise RecipeError(f"there is no native library {name!r} in {self.root}{did_you_mean(name, known)}")
        return recipe

    def libraries_of(self, recipe: Recipe) -> list[Recipe]:
        """Return the recipes of the native libraries that a recipe names, in its order."""
        return [self.library(name) for name in recipe.libraries]

    @property
    def packages(self) -> list[Recipe]:
        """The recipes of Python packages, by name."""
        return sorted((r for r in self.recipes.values() if r.kind == "package"), key=lambda r: r.name.lower())


def read_registry(root: Path) -> Registry:
    """Read every recipe below `root`; raises RecipeError."""
    recipes: dict[str, Recipe] = {}
    for path in sorted(root.glob(f"*/{RECIPE}")):
        recipe = read_recipe(path)
        key = canonicalize_name(recipe.name)
        if key != canonicalize_name(path.parent.name):
            raise RecipeError(f"{path} is the recipe of {recipe.name}, but lies in the folder {path.parent.name}")
        recipes[key] = recipe
    used = {patch.path for recipe in recipes.values() for patch in recipe.patches}
    if strays := sorted(set(root.glob("*/*.patch")) - used):
        raise RecipeError(
            f"no recipe names {', '.join(map(str, strays))}: add a [[patch]] with its reason, or remove it"
        )
    return Registry(root=root, recipes=recipes)


def read_recipe(path: Path) -> Recipe:
    """Read one recipe; raises RecipeError that names the file."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"cannot read {path}: {error}") from error
    try:
        return _recipe(data, path.parent)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def _recipe(data: Mapping[str, Any], folder: Path) -> Recipe:
    _check_keys(data, "")
    heads = [head for head in _HEADS if head in data]
    if len(heads) != 1:
        raise RecipeError(f"a recipe has exactly one of {', '.join(f'[{head}]' for head in _HEADS)}")
    head = heads[0]
    table, build = _table(data, head), _table(data, "build")
    _check_kind(data, head)
    version = sha256 = ""
    if head == "package":
        version, sha256 = _version(_text(table, "version", head)), _text(table, "sha256", head)
        if not _SHA256.fullmatch(sha256):
            raise RecipeError(f"sha256 = {sha256!r} must be 64 lower-case hexadecimal digits")
    return Recipe(
        folder=folder,
        name=_text(table, "name", head),
        kind=head,
        version=version,
        sha256=sha256,
        requires=_requirements(table),
        experimental=_flag(table, "experimental", default=False),
        build_system=_build_system(table) if head == "library" else None,
        build_requires=_requirements(build),
        libraries=_texts(table if head == "interpreter" else build, "libraries"),
        environment=_strings(build, "environment"),
        config_settings={key: _texts(_sub(build, "config-settings"), key) for key in _sub(build, "config-settings")},
        patches=tuple(_patch(entry, folder) for entry in _tables(data, "patch")),
        suite=_suite(_table(data, "test")) if "test" in data else None,
    )


def _build_system(table: Mapping[str, Any]) -> BuildSystem:
    kinds = [kind for kind in _CONFIGURATIONS if kind in table]
    if len(kinds) > 1:
        raise RecipeError(f"[library] has {' and '.join(kinds)}, of which only one can be")
    kind = kinds[0] if kinds else "make" if "make" in table else "cmake"
    if kind == "configure" and not table[kind]:
        raise RecipeError("configure must name a command; for autoconf's ./configure write autoconf")
    unused = [key for key in ("make", "install") if kind == "cmake" and key in table]
    if unused:
        raise RecipeError(f"{', '.join(unused)} has no effect beside cmake: remove it")
    install = _texts(table, "install") if "install" in table else ("install",)
    configure = _texts(table, kind) if kinds else ()
    return BuildSystem(kind=kind, configure=configure, make=_texts(table, "make"), install=install)


def _patch(entry: Mapping[str, Any], folder: Path) -> Patch:
    _check_keys(entry, "patch")
    name = _text(entry, "file", "patch")
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise RecipeError(f"the patch {name!r} is not a file in {folder}")
    return Patch(
        path=path,
        reason=_text(entry, "reason", f"patch {name}"),
        applies_to=_specifier(_text(entry, "applies-to", f"patch {name}")),
        upstream=_text(entry, "upstream", f"patch {name}"),
    )


def _suite(table: Mapping[str, Any]) -> Suite:
    timeout = table.get("timeout", 900)
    if not isinstance(timeout, int) or isinstance(timeout, bool) or timeout <= 0:
        raise RecipeError(f"timeout = {timeout!r} must be a number of seconds")
    if not (packages := _texts(table, "packages")):
        raise RecipeError('[test] needs packages = ["..."]: where the test files are')
    return Suite(
        requires=_texts(table, "requires"),
        packages=packages,
        arguments=_texts(table, "arguments"),
        environment=_strings(table, "environment"),
        placeholders=_texts(table, "placeholders"),
        timeout=timeout,
        expected_failures=tuple(_expected_failure(entry) for entry in _tables(table, "expected-failure")),
    )


def _expected_failure(entry: Mapping[str, Any]) -> ExpectedFailure:
    _check_keys(entry, "test.expected-failure")
    if not (ids := _texts(entry, "ids")):
        raise RecipeError("an expected-failure needs ids = [...]")
    reason, run = _text(entry, "reason", "expected-failure"), _flag(entry, "run", default=True)
    return ExpectedFailure(ids=ids, reason=reason, run=run)


def _check_keys(table: Mapping[str, Any], where: str) -> None:
    for key in table:
        if key not in _KEYS[where]:
            place = f"[{where}]" if where else "the top level"
            raise RecipeError(f"unknown key {key!r} in {place}{did_you_mean(key, _KEYS[where])}")


def _check_kind(data: Mapping[str, Any], head: str) -> None:
    """Refuse what is right in itself but has no effect in a recipe of this kind."""
    unused = [key for key in data if key not in _KEYS_OF_KIND.get(head, data)]
    if head == "library":
        unused += [f"build.{key}" for key in data.get("build", {}) if key not in _BUILD_KEYS_OF_LIBRARY]
    if unused:
        raise RecipeError(f"{', '.join(unused)} has no effect in a recipe with [{head}]: remove it")


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = _sub(data, key)
    _check_keys(table, key)
    return table


def _sub(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        raise RecipeError(f"{key} must be a table")
    return table


def _tables(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    tables = data.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise RecipeError(f"{key} must be written as [[...]] tables")
    return tables


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RecipeError(f'{where} needs {key} = "..."')
    return value


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RecipeError(f"{key} must be a list of texts")
    return tuple(value)


def _flag(table: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise RecipeError(f"{key} = {value!r} must be true or false")
    return value


def _requirements(table: Mapping[str, Any]) -> tuple[str, ...]:
    for text in _texts(table, "requires"):
        try:
            Requirement(text)
        except InvalidRequirement as error:
            raise RecipeError(f"requires has {text!r}, which is no requirement: {error}") from None
    return _texts(table, "requires")


def _strings(table: Mapping[str, Any], key: str) -> Mapping[str, str]:
    value = _sub(table, key)
    if not all(isinstance(item, str) for item in value.values()):
        raise RecipeError(f"the values in {key} must be texts")
    return value


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        raise RecipeError(f"version = {text!r} is not a version") from None


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text, prereleases=True)
    except InvalidSpecifier:
        raise RecipeError(f"applies-to = {text!r} is not a version range such as '>=2.5,<3'") from None
