from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_runtime.errors import RuntimeRootError, UsageError
from pywasm_runtime.functions.data_folder import DataFolder
from pywasm_runtime.functions.service_settings import ServiceSettings, default_settings


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "root"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "python3.99.wasm").write_bytes(b"\0asm")
    (root / "usr" / "lib" / "python3.99" / "site-packages").mkdir(parents=True)
    monkeypatch.setenv("PYWASM_RUNTIME", str(root))
    return root


def settings(tmp_path: Path, **environ: str) -> ServiceSettings:
    return default_settings(DataFolder(path=tmp_path), environ=environ)


def test_the_defaults(root: Path, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    assert chosen.slots >= 1
    assert (chosen.adopt, chosen.preload, chosen.queue_limit, chosen.root.folder) == (True, (), 1000, root)


def test_numpy_is_imported_ahead_where_it_is_installed(root: Path, tmp_path: Path) -> None:
    (root / "usr/lib/python3.99/site-packages/numpy").mkdir()
    assert settings(tmp_path).preload == ("numpy",)
    assert settings(tmp_path, PYWASM_PRELOAD="").preload == ()


def test_the_environment_comes_before_the_defaults(root: Path, tmp_path: Path) -> None:
    chosen = settings(tmp_path, PYWASM_SLOTS="7", PYWASM_PRELOAD="yaml, numpy.linalg,")
    assert (chosen.slots, chosen.preload) == (7, ("yaml", "numpy.linalg"))
    assert default_settings(DataFolder(path=tmp_path), slots=3, environ={"PYWASM_SLOTS": "7"}).slots == 3


@pytest.mark.parametrize("value", ["0", "-1", "many", "1025", "1.5", "²"])
def test_slots_that_cannot_be(root: Path, tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match="PYWASM_SLOTS must be a number from 1 to 1024"):
        settings(tmp_path, PYWASM_SLOTS=value)


@pytest.mark.parametrize("slots", [0, -1, 1025])
def test_slots_of_an_option_that_cannot_be(root: Path, tmp_path: Path, slots: int) -> None:
    with pytest.raises(UsageError, match="slots must be a number from 1 to 1024"):
        default_settings(DataFolder(path=tmp_path), slots=slots)


@pytest.mark.parametrize("value", ["../x", "a b", "numpy..linalg", "x;y"])
def test_modules_that_cannot_be(root: Path, tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match=r"PYWASM_PRELOAD: .* is not the name of a module"):
        settings(tmp_path, PYWASM_PRELOAD=value)


def test_without_a_runtime_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYWASM_RUNTIME", str(tmp_path / "none"))
    with pytest.raises(RuntimeRootError, match="bin/inv runtime"):
        settings(tmp_path)
