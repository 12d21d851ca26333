"""Which native libraries the sources of an sdist want."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from pywasm_build.errors import ArchiveError
from pywasm_build.package_facts import FindingStore, NotMade
from pywasm_build.recipes import Registry, read_registry
from pywasm_build.store import Store
from pywasm_build.wanted_libraries import libraries_of_tree, wanted_libraries
from pywasm_build.workspace import Workspace
from tests.unit.checkout import sdist_bytes

KNOWN = {"yaml.h": "libyaml", "libxml/tree.h": "libxml2", "zlib.h": "zlib", "zstd.h": "libzstd"}
REGISTRY = read_registry(Workspace.discover({}).patches)
LIBRARIES = [recipe for recipe in REGISTRY.recipes.values() if recipe.kind == "library"]


def libraries(folder: Path, **files: str) -> list[str]:
    """Write files, whose names have __ for / and _dot_ for a point; return what they want."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return libraries_of_tree(folder, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "#include <yaml.h>\n",
        'int x;\n  #  include "yaml.h"\n',
        'cdef extern from "yaml.h":\n',
        "cdef extern from 'yaml.h' nogil:\n",
        'ffi.set_source("_x", """#include <yaml.h>""")\n',
    ],
)
@pytest.mark.parametrize("suffix", ["c", "cpp", "h", "pyx", "pxd", "py"])
def test_what_the_sources_include(tmp_path: Path, text: str, suffix: str) -> None:
    assert libraries(tmp_path, **{f"src__x_dot_{suffix}": text}) == ["libyaml"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("x_dot_c", "// see <yaml.h>\n"),
        ("x_dot_c", "#include <libyaml/yaml.h>\n"),
        ("x_dot_c", "#include <notyaml.h>\n"),
        ("x_dot_txt", "#include <yaml.h>\n"),
        ("tests__x_dot_c", "#include <yaml.h>\n"),
        ("test cases__1 simple__x_dot_c", "#include <yaml.h>\n"),
        ("demo__x_dot_py", "#include <yaml.h>\n"),
    ],
)
def test_what_says_nothing(tmp_path: Path, file: str, text: str) -> None:
    assert libraries(tmp_path, **{file: text}) == []


def test_each_library_once_in_the_order_of_the_alphabet(tmp_path: Path) -> None:
    found = libraries(tmp_path, x_dot_c="#include <zlib.h>\n#include <libxml/tree.h>\n", y_dot_c="#include <zlib.h>\n")
    assert found == ["libxml2", "zlib"]


USES = "#include <zstd.h>\n"


@pytest.mark.parametrize("brought", ["zstd__zstd_dot_h", "zstd__lib__zstd_dot_h", "zstd__include__x__zstd_dot_h"])
def test_a_library_that_the_sdist_brings_is_not_wanted(tmp_path: Path, brought: str) -> None:
    sources = {"zstd__zstd_dot_c": "int x;\n", "zstd__lib__common__zstd_dot_c": "int y;\n"}
    assert libraries(tmp_path, module_dot_c=USES, **{brought: ""}, **sources) == []


def test_a_header_alone_is_not_its_library(tmp_path: Path) -> None:
    assert libraries(tmp_path, src__module_dot_c=USES, package__zstd_dot_h="") == ["libzstd"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    for folder in (outside, tree):
        folder.mkdir()
    (outside / "x.c").write_text("#include <yaml.h>\n")
    (tree / "x.c").symlink_to(outside / "x.c")
    (tree / "folder").symlink_to(outside)
    assert libraries_of_tree(tree, KNOWN) == []


def sdist(folder: Path, text: bytes) -> tuple[Path, str]:
    path, data = folder / "pack-1.0.tar.gz", sdist_bytes("pack", {"src/x.c": text})
    path.write_bytes(data)
    return path, sha256(data).hexdigest()


def test_an_sdist_is_unpacked_once(tmp_path: Path) -> None:
    path, digest = sdist(tmp_path, b"#include <yaml.h>\n")
    store = Store(tmp_path / "store")
    with pytest.raises(NotMade):
        wanted_libraries(FindingStore(store.root), lambda: path, digest, REGISTRY)
    assert wanted_libraries(store, lambda: path, digest, REGISTRY) == ("libyaml",)
    path.unlink()
    assert wanted_libraries(store, lambda: path, digest, REGISTRY) == ("libyaml",)
    # Sources are not kept.
    assert not list(store.root.rglob("*.c"))


def test_it_is_looked_at_again_when_the_registry_knows_other_headers(tmp_path: Path) -> None:
    path, digest = sdist(tmp_path, b"#include <yaml.h>\n")
    store = Store(tmp_path / "store")
    assert wanted_libraries(store, lambda: path, digest, Registry(root=tmp_path, recipes={})) == ()
    assert wanted_libraries(store, lambda: path, digest, REGISTRY) == ("libyaml",)


def test_a_damaged_sdist_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pack-1.0.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(ArchiveError):
        wanted_libraries(Store(tmp_path / "store"), lambda: path, "a" * 64, REGISTRY)


@pytest.mark.parametrize("recipe", LIBRARIES, ids=lambda recipe: recipe.name)
def test_every_library_of_the_registry_is_known_by_a_header(recipe: object) -> None:
    assert getattr(recipe, "headers", ()), "without headers no package without a recipe ever gets this library"


def test_no_header_belongs_to_two_libraries() -> None:
    headers = [header for recipe in LIBRARIES for header in recipe.headers]
    assert len(headers) == len(set(headers))
