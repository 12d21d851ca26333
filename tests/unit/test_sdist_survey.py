"""What an sdist says of its requirements, its build and what it needs, without a build."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pywasm_build.errors import ArchiveError, BuildError
from pywasm_build.sdist_survey import Survey, survey, survey_tree
from pywasm_build.store import Store
from tests.unit.checkout import sdist_bytes

BACKEND = '[build-system]\nrequires = ["cython", "meson-python"]\nbuild-backend = "mesonpy"\n'


def surveyed(folder: Path, **files: str) -> Survey:
    for name, text in files.items():
        path = folder / {"info": "PKG-INFO", "project": "pyproject.toml"}.get(name, name)
        path.write_text(text)
    return survey_tree(folder)


def test_an_sdist_without_metadata_is_of_setuptools(tmp_path: Path) -> None:
    assert surveyed(tmp_path) == Survey(
        requires=(), certain=False, build_system="setuptools", build_requires=("setuptools",), headers=(), obstacle=""
    )


@pytest.mark.parametrize(
    ("info", "requires", "certain"),
    [
        (
            "Metadata-Version: 2.4\nRequires-Dist: six>1; extra == 'x'\n\nRequires-Dist: no\n",
            ('six>1; extra == "x"',),
            True,
        ),
        ("Metadata-Version: 2.2\n", (), True),
        ("Metadata-Version: 2.2\nDynamic: Requires-Dist\nRequires-Dist: six\n", ("six",), False),
        ("Metadata-Version: 2.1\nRequires-Dist: six\n", ("six",), False),
        ("Metadata-Version: new\nRequires-Dist: six (>=1)\nRequires-Dist: what is it?\n", ("six>=1",), False),
    ],
)
def test_what_its_metadata_says(tmp_path: Path, info: str, requires: tuple[str, ...], certain: bool) -> None:
    found = surveyed(tmp_path, info=info)
    assert (found.requires, found.certain) == (requires, certain)


@pytest.mark.parametrize(
    ("project", "requires", "certain"),
    [
        (
            '[project]\nname = "p"\ndependencies = ["six", "lib; os_name == \'nt\'"]\n',
            ("six", 'lib; os_name == "nt"'),
            True,
        ),
        (
            '[project]\nname = "p"\n[project.optional-dependencies]\n'
            "My_X = [\"six; os_name == 'nt' or python_version > '3'\"]\n",
            ('six; (os_name == "nt" or python_version > "3") and extra == "my-x"',),
            True,
        ),
        ('[project]\nname = "p"\ndynamic = ["optional-dependencies"]\n', (), False),
        ('[project]\nname = "p"\ndynamic = ["dependencies"]\n', ("old",), False),
        ('[project]\nname = "p"\ndependencies = "six"\ndynamic = 1\n', (), True),
        ("project = 1\n", ("old",), False),
    ],
)
def test_what_its_project_table_says(tmp_path: Path, project: str, requires: tuple[str, ...], certain: bool) -> None:
    found = surveyed(tmp_path, project=project, info="Metadata-Version: 2.1\nRequires-Dist: old\n")
    assert (found.requires, found.certain) == (requires, certain)


@pytest.mark.parametrize(
    ("project", "name"),
    [
        (BACKEND, "meson-python, Cython"),
        ('[build-system]\nrequires = []\nbuild-backend = "scikit_build_core.build"\n', "scikit-build-core"),
        ('[build-system]\nrequires = []\nbuild-backend = "own:backend"\n', "own"),
        ('[build-system]\nrequires = ["setuptools>=70"]\nbuild-backend = "own"\nbackend-path = ["."]\n', "setuptools"),
    ],
)
def test_the_build_system_by_the_name_that_its_users_know(tmp_path: Path, project: str, name: str) -> None:
    assert surveyed(tmp_path, project=project).build_system == name


def test_what_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "meson.build").write_text("project('p', 'c', 'fortran')\n")
    assert "a Fortran compiler" in survey_tree(tmp_path).obstacle


def test_what_is_shown_cannot_drive_the_terminal(tmp_path: Path) -> None:
    crate = tmp_path / os.fsdecode(b"a\x1b[2J\xff") / "Cargo.toml"
    crate.parent.mkdir()
    crate.touch()
    found = surveyed(tmp_path, project='[build-system]\nrequires = []\nbuild-backend = "a\\u001b[2J"\n')
    assert found.obstacle == "it needs a Rust compiler (a[2J/Cargo.toml)"
    assert found.build_system == "a[2J"


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("Metadata-Version: 2.2\nRequires-Dist: six\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "PKG-INFO").symlink_to(secret)
    assert survey_tree(tree).requires == ()


def test_an_archive_is_read_once(tmp_path: Path) -> None:
    sdist, store = tmp_path / "pack-1.0.tar.gz", Store(tmp_path / "store")
    sdist.write_bytes(sdist_bytes("pack", {"PKG-INFO": b"Metadata-Version: 2.2\nRequires-Dist: six\n"}))
    first = survey(store, lambda: sdist, "a" * 64)
    assert first.requires == ("six",)
    sdist.unlink()
    assert survey(store, lambda: sdist, "a" * 64) == first
    (product,) = (tmp_path / "store" / "survey").glob("*/")
    assert [path.name for path in product.iterdir()] == ["stamp.json"]


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    sdist, store = tmp_path / "pack-1.0.tar.gz", Store(tmp_path / "store")
    sdist.write_bytes(sdist_bytes("pack", {"../../outside": b"x"}))
    with pytest.raises(ArchiveError, match="outside"):
        survey(store, lambda: sdist, "a" * 64)
    assert not (tmp_path / "outside").exists()
    sdist.write_bytes(sdist_bytes("pack", {"pyproject.toml": b"[["}))
    with pytest.raises(BuildError, match=r"pyproject.toml cannot be read"):
        survey(store, lambda: sdist, "b" * 64)
