from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_build.errors import UsageError
from pywasm_build.workspace import Workspace, cache_folder


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"PYWASM_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/pywasm"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/pywasm"),
        ({"PYWASM_CACHE": "", "HOME": "/h"}, "/h/.cache/pywasm"),
    ],
)
def test_the_cache_folder(environ: dict[str, str], folder: str) -> None:
    assert cache_folder(environ) == Path(folder)


def test_a_relative_cache_folder_is_refused() -> None:
    with pytest.raises(UsageError, match="PYWASM_CACHE"):
        cache_folder({"PYWASM_CACHE": "here"})


def test_the_checkout_is_found_and_has_its_data() -> None:
    workspace = Workspace.discover({"PYWASM_CACHE": "/c"})
    assert workspace.sources_toml.is_file()
    assert workspace.downloads == Path("/c/downloads")
    assert workspace.log("x") == workspace.root / "build" / "logs" / "x.log"


def test_a_cache_folder_with_a_blank_is_refused() -> None:
    with pytest.raises(UsageError, match="has a blank"):
        Workspace.discover({"PYWASM_CACHE": "/some where/cache"})
