"""Read the patch registry: patches/<name>/recipe.toml, and the patches beside it.

    [package]                       # of a Python package
    name = "numpy"
    version = "2.5.5"
    sha256 = "<of the sdist>"
    requires = ["six"]              # wasm packages beyond those in its metadata
    without = ["scipy"]             # packages in its sdist's metadata that a patch makes unnecessary
    build-files = ["numpy/_core/include"]   # folders of its wheel that the builds of other packages read
    experimental = false

    [library]                       # instead of [package]: a C library that CPython or packages link statically
    name = "libyaml"                # as in third-party/sources.toml, which has version and sha256
    headers = ["yaml.h"]            # a package without a recipe whose sources include one of these gets the library
    variables = { X_DIR = "{prefix}", X_VERSION = "{version}" }     # in the environment of packages that use it
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
    libraries = ["libyaml"]         # recipes of native libraries; a library may name others too
    environment = { NAME = "value" }
    config-settings = { setup-args = ["-Dallow-noblas=true"] }

    [[patch]]
    file = "0001-title.patch"
    reason = "why it is needed"
    applies-to = ">=2.5,<3"
    upstream = "where it was reported, or why not"
    needed-to = "build"             # or "run": the package builds without it, but does not work

    [test]                          # the package's own test suite; pytest runs it in the guest
    requires = ["hypothesis"]       # pure packages besides pytest, pinned in third-party/test-packages.lock
    packages = ["numpy"]            # the installed packages whose test files are run; instead of this:
    sources = ["tests"]             #   files and folders of the sdist with the tests and all that these read
    files = ["check*.py"]           # names of test files; test_*.py and *_test.py if left out
    arguments = ["-W", "error"]     # of pytest
    environment = { NAME = "value" }
    timeout = 900                   # seconds for the test files of one process
    [[test.expected-failure]]
    ids = ["package/tests/test_file.py::test_name*"]    # patterns as in fnmatch
    reason = "why"
    run = false                     # because it would hang or trap

A key that has no meaning is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pywasm_build.errors import RecipeError, did_you_mean
from pywasm_build.toml_values import (
    check_keys,
    flag_of,
    read_data_file,
    seconds_of,
    strings_of,
    table_of,
    tables_of,
    text_of,
    texts_of,
)

RECIPE = "recipe.toml"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADS = ("package", "library", "interpreter")
_KEYS: Mapping[str, Sequence[str]] = {
    "": ("package", "library", "interpreter", "build", "patch", "test"),
    "package": ("name", "version", "sha256", "requires", "without", "build-files", "experimental"),
    "library": ("name", "headers", "variables", "cmake", "autoconf", "configure", "make", "install"),
    "interpreter": ("name", "libraries"),
    "build": ("requires", "libraries", "environment", "config-settings"),
    "patch": ("file", "reason", "applies-to", "upstream", "needed-to"),
    "test": ("requires", "packages", "sources", "files", "arguments", "environment", "timeout", "expected-failure"),
}
_FAILURE_KEYS = ("ids", "reason", "run")
# What has a meaning besides for a package, which may have all but the other heads.
_KEYS_OF_KIND: Mapping[str, Sequence[str]] = {
    "library": ("library", "build", "patch"),
    "interpreter": ("interpreter", "patch"),
}
_BUILD_KEYS_OF_LIBRARY = ("libraries", "environment")
_NEEDED_TO = ("build", "run")
_CONFIGURATIONS = ("cmake", "autoconf", "configure")
_TIMEOUT_SECONDS = 900
# What pytest itself takes for a test file.
TEST_FILES = ("test_*.py", "*_test.py")


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A change to upstream's sources; `applies_to` says for which versions.

    needed_to: "build", or "run" for a patch without which the package builds, but does not work.
    """

    path: Path
    reason: str
    applies_to: SpecifierSet
    upstream: str
    needed_to: str = "build"


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
    """A package's own test suite: where it is, and what pytest is told.

    packages: installed packages that have their test files in them.
    sources: files and folders of the sdist, relative to its root, for a suite that is not installed; a suite has
        either these or packages.
    files: patterns of the names of test files.
    timeout: seconds after which one test process is ended.
    """

    requires: tuple[str, ...]
    packages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    files: tuple[str, ...] = TEST_FILES
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
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

    Only a package has version, sha256 and build files, only a library a build system, headers by which it is recognised
    in sources that include them, and variables of the builds that use it.
    """

    folder: Path
    name: str
    kind: str
    version: str = ""
    sha256: str = ""
    requires: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    build_files: tuple[str, ...] = ()
    experimental: bool = False
    headers: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
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
        """Return the recipes of the native libraries that a recipe names, each after those that itself names.

        Raises RecipeError for a library that there is not, and for libraries that name each other in a circle.
        """
        found: dict[str, Recipe] = {}
        for name in recipe.libraries:
            self._add_library(name, found, path=(recipe.name,))
        return list(found.values())

    def _add_library(self, name: str, found: dict[str, Recipe], path: tuple[str, ...]) -> None:
        library = self.library(name)
        if library.name in path:
            raise RecipeError(f"libraries name each other in a circle: {' -> '.join([*path, library.name])}")
        for needed in library.libraries:
            self._add_library(needed, found, (*path, library.name))
        found.setdefault(library.name, library)

    @property
    def libraries(self) -> list[Recipe]:
        """The recipes of native libraries, by name."""
        return sorted((r for r in self.recipes.values() if r.kind == "library"), key=lambda r: r.name.lower())

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
    return read_data_file(path, lambda data: _recipe(data, path.parent))


def _recipe(data: Mapping[str, Any], folder: Path) -> Recipe:
    check_keys(data, _KEYS[""], "the top level")
    heads = [head for head in _HEADS if head in data]
    if len(heads) != 1:
        raise RecipeError(f"a recipe has exactly one of {', '.join(f'[{head}]' for head in _HEADS)}")
    head = heads[0]
    table, build = _table(data, head), _table(data, "build")
    _check_kind(data, head)
    version = sha256 = ""
    if head == "package":
        version, sha256 = _version(text_of(table, "version", head)), text_of(table, "sha256", head)
        if not is_sha256(sha256):
            raise RecipeError(f"sha256 = {sha256!r} must be 64 lower-case hexadecimal digits")
    return Recipe(
        folder=folder,
        name=text_of(table, "name", head),
        kind=head,
        version=version,
        sha256=sha256,
        requires=_requirements(table),
        without=texts_of(table, "without"),
        build_files=texts_of(table, "build-files"),
        experimental=flag_of(table, "experimental", default=False),
        headers=texts_of(table, "headers"),
        variables=strings_of(table, "variables"),
        build_system=_build_system(table) if head == "library" else None,
        build_requires=_requirements(build),
        libraries=texts_of(table if head == "interpreter" else build, "libraries"),
        environment=strings_of(build, "environment"),
        config_settings={
            key: texts_of(table_of(build, "config-settings"), key) for key in table_of(build, "config-settings")
        },
        patches=tuple(_patch(entry, folder) for entry in tables_of(data, "patch")),
        suite=_suite(_table(data, "test")) if "test" in data else None,
    )


def is_sha256(text: str) -> bool:
    """Tell whether a text is a SHA-256 as our data files write it."""
    return _SHA256.fullmatch(text) is not None


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
    install = texts_of(table, "install") if "install" in table else ("install",)
    configure = texts_of(table, kind) if kinds else ()
    return BuildSystem(kind=kind, configure=configure, make=texts_of(table, "make"), install=install)


def _patch(entry: Mapping[str, Any], folder: Path) -> Patch:
    check_keys(entry, _KEYS["patch"], "[patch]")
    name = text_of(entry, "file", "patch")
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise RecipeError(f"the patch {name!r} is not a file in {folder}")
    needed_to = text_of(entry, "needed-to", f"patch {name}") if "needed-to" in entry else _NEEDED_TO[0]
    if needed_to not in _NEEDED_TO:
        raise RecipeError(f"needed-to = {needed_to!r} must be one of {', '.join(_NEEDED_TO)}")
    return Patch(
        path=path,
        reason=text_of(entry, "reason", f"patch {name}"),
        applies_to=_specifier(text_of(entry, "applies-to", f"patch {name}")),
        upstream=text_of(entry, "upstream", f"patch {name}"),
        needed_to=needed_to,
    )


def _suite(table: Mapping[str, Any]) -> Suite:
    packages, sources = texts_of(table, "packages"), texts_of(table, "sources")
    if bool(packages) == bool(sources):
        raise RecipeError(
            '[test] needs either packages = ["..."], the installed packages that have test files, or'
            ' sources = ["..."], the files and folders of the sdist that have them'
        )
    _check_sources(sources)
    return Suite(
        requires=texts_of(table, "requires"),
        packages=packages,
        sources=sources,
        files=texts_of(table, "files") or TEST_FILES,
        arguments=texts_of(table, "arguments"),
        environment=strings_of(table, "environment"),
        timeout=seconds_of(table, "timeout", default=_TIMEOUT_SECONDS),
        expected_failures=expected_failures(table, "test.expected-failure"),
    )


def _check_sources(sources: Sequence[str]) -> None:
    """Refuse what is no path within an sdist, all of an sdist, and what is named twice."""
    paths = [PurePosixPath(text) for text in sources]
    for text, path in zip(sources, paths, strict=True):
        if str(path) != text or path.is_absolute() or path.parts in ((), ("..",)) or ".." in path.parts:
            raise RecipeError(f"sources has {text!r}, which is not the plain path of something in the sdist")
        if any(other in path.parents for other in paths) or sources.count(text) > 1:
            raise RecipeError(f"sources has {text!r} twice, by itself or in a folder")


def expected_failures(table: Mapping[str, Any], where: str) -> tuple[ExpectedFailure, ...]:
    """Read the [[expected-failure]] tables in `table`; `where` is what the file calls them."""
    return tuple(_expected_failure(entry, where) for entry in tables_of(table, "expected-failure"))


def _expected_failure(entry: Mapping[str, Any], where: str) -> ExpectedFailure:
    check_keys(entry, _FAILURE_KEYS, f"[{where}]")
    if not (ids := texts_of(entry, "ids")):
        raise RecipeError("an expected-failure needs ids = [...]")
    reason, run = text_of(entry, "reason", "expected-failure"), flag_of(entry, "run", default=True)
    return ExpectedFailure(ids=ids, reason=reason, run=run)


def _check_kind(data: Mapping[str, Any], head: str) -> None:
    """Refuse what is right in itself but has no effect in a recipe of this kind."""
    unused = [key for key in data if key not in _KEYS_OF_KIND.get(head, data)]
    if head == "library":
        unused += [f"build.{key}" for key in data.get("build", {}) if key not in _BUILD_KEYS_OF_LIBRARY]
    # Only packages are built to find out whether they still need a patch.
    if head != "package" and any("needed-to" in entry for entry in tables_of(data, "patch")):
        unused.append("patch.needed-to")
    if unused:
        raise RecipeError(f"{', '.join(unused)} has no effect in a recipe with [{head}]: remove it")


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = table_of(data, key)
    check_keys(table, _KEYS[key], f"[{key}]")
    return table


def _requirements(table: Mapping[str, Any]) -> tuple[str, ...]:
    for text in texts_of(table, "requires"):
        try:
            Requirement(text)
        except InvalidRequirement as error:
            raise RecipeError(f"requires has {text!r}, which is no requirement: {error}") from None
    return texts_of(table, "requires")


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
