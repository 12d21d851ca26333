"""Compiled modules are kept, and trusted only as far as they can be."""

import os
import time
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


def constant(number: int) -> bytes:
    """Give a module that no other number has."""
    return bytes(wasmtime.wat2wasm(f'(module (func (export "f") (result i32) (i32.const {number})))'))


def kept(folder: Path) -> set[Path]:
    return set(folder.glob("*.cwasm"))


def small_cache(folder: Path, modules: int) -> ModuleCache:
    """Give a cache with room for so many of `constant`'s modules; a clean-up leaves three in four of them."""
    engine = new_engine(EngineSettings(stack_bytes=1 << 20))
    ModuleCache(engine, folder).load_bytes(constant(-1), "probe")
    room = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.iterdir())
    for path in folder.iterdir():
        path.unlink()
    return ModuleCache(engine, folder, max_bytes=modules * room)


def test_what_was_not_used_for_longest_is_removed(folder: Path) -> None:
    cache = small_cache(folder, 4)
    of: dict[int, Path] = {}
    for number in range(4):
        before = kept(folder)
        cache.load_bytes(constant(number), "sample")
        (of[number],) = kept(folder) - before
        time.sleep(0.02)  # a file system's clock ticks every 4 or 10 ms
    assert kept(folder) == set(of.values())
    cache.load_bytes(constant(0), "sample")  # found, which is a use
    cache.load_bytes(constant(4), "sample")
    assert len(kept(folder)) == 3
    assert {of[0], of[3]} < kept(folder)
    assert {path.with_suffix(".json") for path in kept(folder)} == set(folder.glob("*.json"))


def test_a_folder_that_others_filled_is_cleaned_up(folder: Path) -> None:
    cache = small_cache(folder, 8)
    for number in range(8):
        ModuleCache(cache.engine, folder).load_bytes(constant(number), "sample")
    leftover = folder / ".gone.cwasm.1.ff"
    leftover.write_bytes(b"x")
    os.utime(leftover, (0, 0))
    cache.load_bytes(constant(9), "sample")
    assert len(kept(folder)) == 6
    assert not leftover.exists()


def test_a_module_beyond_the_limit_is_still_given(folder: Path) -> None:
    cache = ModuleCache(new_engine(EngineSettings(stack_bytes=1 << 20)), folder, max_bytes=1)
    for _ in range(2):
        assert cache.load_bytes(WASM, "sample").exports
    assert list(folder.iterdir()) == []


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
