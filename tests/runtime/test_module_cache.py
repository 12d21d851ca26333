"""Compiled modules are kept, and trusted only as far as they can be."""

from pathlib import Path

import pytest
import wasmtime

from pywasm_runtime.engine import EngineSettings, new_engine
from pywasm_runtime.errors import ModuleError
from pywasm_runtime.module_cache import ModuleCache, default_cache_folder

WASM = bytes(wasmtime.wat2wasm('(module (func (export "f") (result i32) (i32.const 7)))'))


class CountingCache:
    """Count how often the module's bytes were asked for, that is: how often it was compiled."""

    def __init__(self, folder: Path) -> None:
        self.reports: list[str] = []
        self.compiled = 0
        self._cache = ModuleCache(new_engine(EngineSettings(stack_bytes=1 << 20)), folder, self.reports.append)

    def answer(self) -> int:
        module = self._cache.load("digest", self._read, "sample")
        store = wasmtime.Store(self._cache.engine)
        function = wasmtime.Instance(store, module, []).exports(store)["f"]
        assert isinstance(function, wasmtime.Func)
        result = function(store)
        assert isinstance(result, int)
        return result

    def _read(self) -> bytes:
        self.compiled += 1
        return WASM


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "modules"


def only(folder: Path, suffix: str) -> Path:
    (path,) = folder.glob(f"*{suffix}")
    return path


def test_a_module_is_compiled_once(folder: Path) -> None:
    assert CountingCache(folder).answer() == 7
    again = CountingCache(folder)
    assert again.answer() == 7
    assert again.compiled == 0
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.iterdir())) == 2  # no temporary file is left


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_file_is_made_again(folder: Path, damage: str) -> None:
    CountingCache(folder).answer()
    path = only(folder, ".cwasm")
    raw = bytearray(path.read_bytes())
    if damage == "flip":
        raw[len(raw) // 2] ^= 1
    path.write_bytes({"flip": bytes(raw), "truncate": bytes(raw[:-100]), "empty": b""}[damage])
    after = CountingCache(folder)
    assert after.answer() == 7
    assert after.compiled == 1


@pytest.mark.parametrize("seal", [b"", b"[]", b"{}", b'{"sha256": 1, "identity": 2}', b"\xff"])
def test_a_damaged_seal_is_no_seal(folder: Path, seal: bytes) -> None:
    CountingCache(folder).answer()
    only(folder, ".json").write_bytes(seal)
    after = CountingCache(folder)
    assert after.answer() == 7
    assert after.compiled == 1


def test_a_copied_cache_is_checked_and_used(folder: Path) -> None:
    CountingCache(folder).answer()
    path = only(folder, ".cwasm")
    raw = path.read_bytes()
    path.unlink()
    path.write_bytes(raw)
    path.chmod(0o600)
    after = CountingCache(folder)
    assert after.answer() == 7
    assert after.compiled == 0


def test_a_file_that_others_may_write_is_not_loaded(folder: Path) -> None:
    CountingCache(folder).answer()
    only(folder, ".cwasm").chmod(0o666)
    after = CountingCache(folder)
    assert after.answer() == 7
    assert after.compiled == 1


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    CountingCache(folder).answer()
    path = only(folder, ".cwasm")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    after = CountingCache(folder)
    assert after.answer() == 7
    assert after.compiled == 1


def test_a_folder_that_others_may_write_is_not_used(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    cache = CountingCache(folder)
    assert cache.answer() == 7
    assert list(folder.iterdir()) == []
    assert "others may write in it" in cache.reports[0]


def test_a_folder_that_cannot_be_made_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = CountingCache(tmp_path / "file" / "modules")
    assert cache.answer() == cache.answer() == 7
    assert len(cache.reports) == 1


def test_what_wasmtime_refuses_is_named(folder: Path) -> None:
    cache = ModuleCache(new_engine(EngineSettings(stack_bytes=1 << 20)), folder)
    with pytest.raises(ModuleError, match=r"^x\.wasm: not a wasm module$"):
        cache.load_bytes(b"(module)", "x.wasm")
    with pytest.raises(ModuleError, match=r"^x\.wasm: wasmtime refuses the module: "):
        cache.load_bytes(WASM + b"\x01", "x.wasm")
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"PYWASM_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"PYWASM_CACHE": "~/c", "HOME": "/h"}, "/h/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/pywasm"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/pywasm"),
        ({"PYWASM_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/pywasm"),
    ],
)
def test_the_cache_folder_is_that_of_the_build(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], folder: str
) -> None:
    for name in ("PYWASM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert default_cache_folder() == Path(folder)
