"""Which headers the sources of an sdist include and do not bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_build.included_headers import foreign_headers


def headers(folder: Path, **files: str) -> list[str]:
    """Write files, whose names have __ for / and _dot_ for a point; return what they lack."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return foreign_headers(folder)


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
    assert headers(tmp_path, **{f"src__x_dot_{suffix}": text}) == ["yaml.h"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("x_dot_c", "// see <yaml.h>\n"),
        ("x_dot_txt", "#include <yaml.h>\n"),
        ("tests__x_dot_c", "#include <yaml.h>\n"),
        ("test cases__1 simple__x_dot_c", "#include <yaml.h>\n"),
        ("demo__x_dot_py", "#include <yaml.h>\n"),
    ],
)
def test_what_says_nothing(tmp_path: Path, file: str, text: str) -> None:
    assert headers(tmp_path, **{file: text}) == []


def test_each_header_once_as_it_is_named(tmp_path: Path) -> None:
    found = headers(tmp_path, x_dot_c="#include <zlib.h>\n#include <libxml/tree.h>\n", y_dot_c="#include <zlib.h>\n")
    assert found == ["libxml/tree.h", "zlib.h"]


USES = "#include <zstd.h>\n"


@pytest.mark.parametrize("brought", ["zstd__zstd_dot_h", "zstd__lib__zstd_dot_h", "zstd__include__x__zstd_dot_h"])
def test_what_the_sdist_brings_is_not_foreign(tmp_path: Path, brought: str) -> None:
    sources = {"zstd__zstd_dot_c": "int x;\n", "zstd__lib__common__zstd_dot_c": "int y;\n"}
    assert headers(tmp_path, module_dot_c=USES, **{brought: ""}, **sources) == []


def test_a_header_alone_is_not_its_library(tmp_path: Path) -> None:
    assert headers(tmp_path, src__module_dot_c=USES, package__zstd_dot_h="") == ["zstd.h"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    for folder in (outside, tree):
        folder.mkdir()
    (outside / "x.c").write_text("#include <yaml.h>\n")
    (tree / "x.c").symlink_to(outside / "x.c")
    (tree / "folder").symlink_to(outside)
    assert foreign_headers(tree) == []
