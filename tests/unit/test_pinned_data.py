"""The committed data: every pin has a hash, every reason is there, and no index or mirror is named."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pywasm_build.modules import read_setup_local
from pywasm_build.patching import patches_for
from pywasm_build.pins import read_pins
from pywasm_build.recipes import Recipe, read_registry
from pywasm_build.workspace import Workspace

WORKSPACE = Workspace.discover({})
ROOT = WORKSPACE.root
DATA = [ROOT / "requirements.lock", *sorted((ROOT / "third-party").iterdir()), *sorted(ROOT.glob("patches/*/*.toml"))]
LOCKS = [path for path in DATA if path.suffix == ".lock"]
RECIPES = list(read_registry(WORKSPACE.patches).recipes.values())
PINNED = re.compile(r"(?m)^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.+!]+) \\\n(?P<hashes>(?: .*\n)+)")


def pins(lock: Path) -> dict[str, str]:
    return {canonicalize_name(found["name"]): found["version"] for found in PINNED.finditer(lock.read_text() + "\n")}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_line_of_a_lock_is_a_pin_with_hashes(lock: Path) -> None:
    rest = PINNED.sub("", lock.read_text() + "\n")
    assert [line for line in rest.splitlines() if line and not line.startswith("#")] == []
    for found in PINNED.finditer(lock.read_text() + "\n"):
        hashes = [line.strip(" \\") for line in found["hashes"].splitlines()]
        assert hashes
        assert [one for one in hashes if not re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one)] == []


@pytest.mark.parametrize("lock", [path for path in LOCKS if path.with_suffix(".in").is_file()], ids=lambda p: p.name)
def test_a_lock_has_what_its_source_asks_for(lock: Path) -> None:
    lines = (line.partition("#")[0].strip() for line in lock.with_suffix(".in").read_text().splitlines())
    for wanted in map(Requirement, filter(None, lines)):
        assert wanted.specifier.contains(pins(lock)[canonicalize_name(wanted.name)], prereleases=True)


def test_every_source_has_a_hash_at_each_location() -> None:
    for source in read_pins(WORKSPACE.sources_toml, {}).sources:
        assert source.locations
        assert all(re.fullmatch("[0-9a-f]{64}", location.sha256) for location in source.locations)


def configured_hosts() -> set[str]:
    """The hosts of this machine's package indexes and Debian mirrors, and the index that pip has by default."""
    pip = [sys.executable, "-m", "pip"]
    said = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=True).stdout
    options = subprocess.run([*pip, "download", "--help"], capture_output=True, text=True, check=True).stdout
    urls = re.findall(r"https?://[^\s'\"]+", said) + re.findall(r"\(default\s+(https?://[^\s)]+)\)", options)
    if shutil.which("apt-get"):
        sites = ["apt-get", "indextargets", "--format", "$(SITE)"]
        urls += subprocess.run(sites, capture_output=True, text=True, check=False).stdout.split()
    hosts = {urlsplit(url).hostname or "" for url in urls}
    return {host for host in hosts if host and host not in ("localhost", "127.0.0.1")}


def test_no_index_and_no_mirror_is_named() -> None:
    hosts = configured_hosts()
    assert hosts
    for path in DATA:
        if path.is_file():
            text = path.read_text()
            assert not any(host in text for host in hosts), f"{path} names a host of this machine's configuration"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_patch_is_for_the_pinned_version(recipe: Recipe) -> None:
    versions = [recipe.version]
    if recipe.kind != "package":
        sources = read_pins(WORKSPACE.sources_toml, {})
        versions = [source.version for source in sources.sources if source.name == recipe.name]
        assert sources.find(recipe.name).version in versions
    for version in versions:
        patches_for(recipe, version, known=versions)


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r.kind == "package"], ids=lambda recipe: recipe.name)
def test_every_package_can_be_built_and_tested(recipe: Recipe) -> None:
    tools = pins(ROOT / "third-party" / "build-tools.lock")
    assert {canonicalize_name(Requirement(text).name) for text in recipe.build_requires} <= set(tools)
    assert recipe.smoke_test.is_file()
    registry = read_registry(WORKSPACE.patches)
    sources = read_pins(WORKSPACE.sources_toml, {})
    for name in recipe.libraries:
        assert sources.find(registry.library(name).name)
    if recipe.suite:
        tested = pins(ROOT / "third-party" / "test-packages.lock")
        assert {canonicalize_name(name) for name in ("pytest", *recipe.suite.requires)} <= set(tested)


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r.kind == "library"], ids=lambda recipe: recipe.name)
def test_every_library_has_a_source(recipe: Recipe) -> None:
    assert recipe.build_system
    assert read_pins(WORKSPACE.sources_toml, {}).find(recipe.name)


def test_every_library_is_tried() -> None:
    """By what is built with it, or by a program of its own."""
    users = [recipe for recipe in RECIPES if recipe.kind != "library"]
    used = {name for recipe in users for name in recipe.libraries}
    folder = ROOT / "tests" / "integration" / "sources" / "libraries"
    programs = {path.stem for path in folder.iterdir() if path.suffix in (".c", ".cpp")}
    libraries = {recipe.name for recipe in RECIPES if recipe.kind == "library"}
    assert libraries - used == programs - used
    assert programs <= libraries


def test_the_interpreters_libraries_can_be_built_before_it() -> None:
    registry = read_registry(WORKSPACE.patches)
    for interpreter in (r for r in RECIPES if r.kind == "interpreter"):
        kinds = {library.build_system.kind for library in registry.libraries_of(interpreter) if library.build_system}
        # CMake comes with the cross environment, which needs the interpreter.
        assert "cmake" not in kinds


def test_every_folder_of_the_registry_has_a_recipe() -> None:
    folders = [path for path in WORKSPACE.patches.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert sorted(path.name for path in folders) == sorted(recipe.folder.name for recipe in RECIPES)


def test_every_module_that_is_left_out_has_a_reason() -> None:
    assert read_setup_local(WORKSPACE.setup_local)
