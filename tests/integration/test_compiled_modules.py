"""python-wasm keeps what it compiled, and gets along when it cannot."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.chain import TIMEOUT, Chain, printed

COMPILING = "python-wasm: compiling /usr/bin/"


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "modules").glob("*.cwasm"))


def largest(cache: Path) -> Path:
    """Give the entry of python.wasm; the others are small modules of the runtime itself."""
    return max(entries(cache), key=lambda path: path.stat().st_size)


def start(chain: Chain, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [chain.python_wasm, "-c", "import math; print(math.pi)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYWASM_CACHE": str(cache)},
    )


@pytest.fixture(scope="module")
def cache(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that two processes fill at once."""
    cache = tmp_path_factory.mktemp("cache")
    processes = [start(chain, cache) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, out) == (0, "3.141592653589793\n")
        assert err.startswith(COMPILING)
    return cache


def run(chain: Chain, cache: Path) -> tuple[str, str]:
    out, err = start(chain, cache).communicate(timeout=TIMEOUT)
    return out, err


def test_two_with_a_cold_cache_leave_one_entry_each(cache: Path) -> None:
    assert len([entry for entry in entries(cache) if entry.stat().st_size > 1 << 20]) == 1
    # No temporary files are left; all is the user's own.
    assert {path.suffix for path in (cache / "modules").iterdir()} == {".cwasm", ".json"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (cache / "modules").iterdir())


def test_the_next_compiles_nothing(chain: Chain, cache: Path) -> None:
    assert run(chain, cache) == ("3.141592653589793\n", "")


def test_a_damaged_entry_is_made_again(chain: Chain, cache: Path) -> None:
    entry = largest(cache)
    content = bytearray(entry.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(4096)
    entry.write_bytes(content)
    out, err = run(chain, cache)
    assert out == "3.141592653589793\n"
    assert err.startswith(COMPILING)
    assert run(chain, cache) == ("3.141592653589793\n", "")


@pytest.fixture(scope="module")
def program(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that is compiled in no time."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "p.c").write_text("int main(void) { return 7; }\n")
    chain.compile("p.c", "-o", "p.wasm", cwd=folder)
    return folder / "p.wasm"


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\xff"])
def test_a_damaged_seal(chain: Chain, program: Path, tmp_path: Path, content: bytes) -> None:
    environ = {"PYWASM_CACHE": str(tmp_path)}
    assert chain.run_program(program, cwd=tmp_path, environ=environ).returncode == 7
    seals = [entry.with_suffix(".json") for entry in entries(tmp_path)]
    for seal in seals:
        seal.write_bytes(content)
    assert chain.run_program(program, cwd=tmp_path, environ=environ).returncode == 7
    assert seals
    assert all(len(seal.read_bytes()) > len(content) for seal in seals)


@pytest.mark.parametrize("mode", [None, 0o777], ids=["a file", "a folder that others may write to"])
def test_a_cache_that_cannot_be_used(chain: Chain, program: Path, tmp_path: Path, mode: int | None) -> None:
    if mode is None:
        (tmp_path / "modules").write_text("")
    else:
        (tmp_path / "modules").mkdir()
        (tmp_path / "modules").chmod(mode)
    ended = chain.run_program(program, cwd=tmp_path, environ={"PYWASM_CACHE": str(tmp_path)})
    assert ended.returncode == 7
    assert "compiled modules are not kept" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert entries(tmp_path) == []


def test_the_side_modules_of_a_package_are_kept_too(chain: Chain, cache: Path) -> None:
    before = len(entries(cache))
    environ = {"PYWASM_CACHE": str(cache)}
    code = "import markupsafe._speedups as s; print(s.__name__)"
    assert printed(chain.python("-c", code, environ=environ)) == "markupsafe._speedups"
    assert len(entries(cache)) > before
