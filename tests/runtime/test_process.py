"""Whole guest processes: how they end, and what is said about it."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

from pywasm_binary.writer import with_custom_section
from pywasm_runtime.embedding import Embedding, Program
from pywasm_runtime.errors import GuestTrap, ModuleError, UsageError
from pywasm_runtime.module_cache import ModuleCache
from pywasm_runtime.mounts import Mount
from pywasm_runtime.process import GuestProcess, ProcessSettings
from pywasm_runtime.wasi import Streams
from tests.runtime.world import ABI, MAIN_WAT, side_binary

CHECKOUT = Path(__file__).resolve().parent.parent.parent

WASI = """
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
"""
PRINT = """
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00hi\\n")
  (func $print (param $fd i32)
    (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16))))
"""
DL = """
  (import "pywasm" "dlopen" (func $dlopen (param i32 i32 i32) (result i32)))
  (import "pywasm" "dlsym" (func $dlsym (param i32 i32 i32) (result i32)))
  (import "pywasm" "dlclose" (func $dlclose (param i32) (result i32)))
  (import "pywasm" "dlerror" (func $dlerror (param i32 i32) (result i32)))
"""


def write_program(folder: Path, binary: bytes) -> Program:
    path = folder / "program.wasm"
    path.write_bytes(binary)
    return Program(path=path, digest=hashlib.sha256(binary).hexdigest(), guest_name="program.wasm")


def process(folder: Path, compiled: ModuleCache, wat: str, **settings: object) -> GuestProcess:
    program = write_program(folder, bytes(wasmtime.wat2wasm(f"(module {wat})")))
    return GuestProcess(Embedding(program, compiled), ProcessSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [0, 1, 3, 125, 126, 255])
def test_exit_statuses(tmp_path: Path, compiled: ModuleCache, status: int) -> None:
    wat = WASI + PRINT + f'(func (export "_start") (call $exit (i32.const {status})) unreachable)'
    assert process(tmp_path, compiled, wat).run() == status


def test_returning_is_success_and_streams_can_be_files(tmp_path: Path, compiled: ModuleCache) -> None:
    wat = WASI + PRINT + '(func (export "_start") (call $print (i32.const 1)) (call $print (i32.const 2)))'
    streams = Streams(stdin=Path(os.devnull), stdout=tmp_path / "out", stderr=tmp_path / "err")
    assert process(tmp_path, compiled, wat, streams=streams).run() == 0
    assert (tmp_path / "out").read_bytes() == (tmp_path / "err").read_bytes() == b"hi\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("unreachable", "wasm `unreachable` instruction executed"),
        ("(drop (i32.load (i32.const 0x7fffffff)))", "out of bounds memory access"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(call $start)", "call stack exhausted"),
        ("(throw $e)", "an exception was thrown and nobody caught it"),
    ],
)
def test_traps(tmp_path: Path, compiled: ModuleCache, body: str, reason: str) -> None:
    wat = f'(memory 1) (tag $e) (func $start (export "_start") {body})'
    with pytest.raises(GuestTrap) as caught:
        process(tmp_path, compiled, wat).run()
    assert caught.value.reason == reason
    assert caught.value.exit_status == 134


def test_what_is_no_command(tmp_path: Path, compiled: ModuleCache) -> None:
    with pytest.raises(ModuleError, match="no function _start"):
        process(tmp_path, compiled, "").run()
    with pytest.raises(ModuleError, match="_start does not have the type"):
        process(tmp_path, compiled, '(func (export "_start") (param i64))').run()
    with pytest.raises(ModuleError, match=r"unknown import.*env::gone"):
        process(tmp_path, compiled, '(import "env" "gone" (func)) (func (export "_start"))').run()


def test_arguments_that_cannot_be_passed(tmp_path: Path, compiled: ModuleCache) -> None:
    for settings in ({"arguments": ["a\0b"]}, {"arguments": ["\udcff"]}, {"environment": {"A": "\0"}}):
        with pytest.raises(UsageError):
            process(tmp_path, compiled, '(func (export "_start"))', **settings).run()


def test_the_traceback_is_written_on_the_reserve_stack(tmp_path: Path, compiled: ModuleCache) -> None:
    wat = (
        WASI
        + PRINT
        + """(global $sp (export "__stack_pointer") (mut i32) (i32.const 100))
             (func (export "_start") unreachable)
             (func (export "pywasm_trap_stack") (result i32) (i32.const 5000))
             (func (export "pywasm_dump_traceback") (param i32)
               (if (i32.eq (global.get $sp) (i32.const 5000)) (then (call $print (local.get 0)))))"""
    )
    guest = process(tmp_path, compiled, wat, streams=Streams(stderr=tmp_path / "err"))
    with pytest.raises(GuestTrap):
        guest.run()
    guest.dump_traceback()
    assert (tmp_path / "err").read_bytes() == b"hi\n"


def test_a_stack_that_ran_below_address_zero_is_exhausted(tmp_path: Path, compiled: ModuleCache) -> None:
    wat = """(memory (export "memory") 1)
             (global $sp (export "__stack_pointer") (mut i32) (i32.const 16))
             (func $deeper (export "_start")
               (global.set $sp (i32.sub (global.get $sp) (i32.const 32)))
               (i32.store (global.get $sp) (i32.const 1))
               (call $deeper))"""
    with pytest.raises(GuestTrap, match=r"^call stack exhausted$"):
        process(tmp_path, compiled, wat).run()


def test_a_traceback_that_traps_too_is_let_go(tmp_path: Path, compiled: ModuleCache) -> None:
    wat = """(global (export "__stack_pointer") (mut i32) (i32.const 100))
             (func (export "_start") unreachable)
             (func (export "pywasm_trap_stack") (result i32) (i32.const 5000))
             (func (export "pywasm_dump_traceback") (param i32) unreachable)"""
    guest = process(tmp_path, compiled, wat)
    with pytest.raises(GuestTrap):
        guest.run()
    guest.dump_traceback()


def dl_main(start: str) -> bytes:
    """Give the linker tests' main module with dl functions and a `_start`; "/lib/a.so" lies at 3000."""
    body = MAIN_WAT.format(table_maximum="").strip().removeprefix("(module").removesuffix(")")
    data = '(data (i32.const 3000) "/lib/a.so\\00answer")'
    wat = f'(module {WASI} {DL} {body} {data} (func (export "_start") {start}))'
    return with_custom_section(bytes(wasmtime.wat2wasm(wat)), "pywasm.abi", ABI.encode())


def run_dl(folder: Path, compiled: ModuleCache, start: str, side: bytes | None, out: Path | None = None) -> int:
    (folder / "lib").mkdir()
    if side is not None:
        (folder / "lib/a.so").write_bytes(side)
    settings = ProcessSettings(mounts=[Mount(host=folder / "lib", guest="/lib")], streams=Streams(stdout=out))
    return GuestProcess(Embedding(write_program(folder, dl_main(start)), compiled), settings).run()


OPEN = "(call $dlopen (i32.const 3000) (i32.const 9) (i32.const 2))"


def test_a_guest_opens_a_module_and_calls_into_it(tmp_path: Path, compiled: ModuleCache) -> None:
    side = side_binary('(func (export "answer") (param i32) (result i32) (i32.add (local.get 0) (i32.const 2)))')
    start = f"""(call $exit (call_indirect (param i32) (result i32)
        (i32.const 40) (call $dlsym {OPEN} (i32.const 3010) (i32.const 6))))"""
    assert run_dl(tmp_path, compiled, start, side) == 42


def test_dlerror_hands_the_message_over_once(tmp_path: Path, compiled: ModuleCache) -> None:
    message = "/lib/a.so: cannot open shared object file: No such file or directory"
    start = f"""
      (local $length i32)
      (if {OPEN} (then unreachable))
      (if (i32.ne (call $dlerror (i32.const 4000) (i32.const 5)) (i32.const {len(message)}))
        (then unreachable))
      (i32.store (i32.const 3900) (i32.const 4000))
      (i32.store (i32.const 3904) (call $dlerror (i32.const 4000) (i32.const 1000)))
      (drop (call $write (i32.const 1) (i32.const 3900) (i32.const 1) (i32.const 3908)))
      (call $exit (call $dlerror (i32.const 4000) (i32.const 1000)))"""
    out = tmp_path / "out"
    assert run_dl(tmp_path, compiled, start, None, out) == 0
    assert out.read_text() == message


@pytest.mark.parametrize(
    "call",
    [
        "(call $dlopen (i32.const -8) (i32.const 100) (i32.const 0))",
        "(call $dlopen (i32.const 1) (i32.const -1) (i32.const 0))",
        "(call $dlopen (i32.const 2052) (i32.const 0) (i32.const -1))",
        "(call $dlsym (i32.const 77) (i32.const 0) (i32.const 4))",
        "(call $dlsym (i32.const 0) (i32.const -1) (i32.const -1))",
        "(i32.add (i32.const 1) (call $dlclose (i32.const 77)))",
    ],
)
def test_impossible_arguments_are_errors(tmp_path: Path, compiled: ModuleCache, call: str) -> None:
    start = f"""(if {call} (then unreachable))
                (drop (call $dlerror (i32.const -4) (i32.const -1)))
                (call $exit (i32.const 9))"""
    assert run_dl(tmp_path, compiled, start, None) == 9


def test_a_constructor_that_exits_ends_the_process(tmp_path: Path, compiled: ModuleCache) -> None:
    side = side_binary(
        """(import "env" "leave" (func $leave (param i32)))
           (func (export "__wasm_call_ctors") (call $leave (i32.const 77)))"""
    )
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.so").write_bytes(side)
    binary = dl_main(f"(drop {OPEN}) unreachable")
    text = MAIN_WAT.format(table_maximum="").strip().removeprefix("(module").removesuffix(")")
    wat = f"""(module {WASI} {DL} {text} (data (i32.const 3000) "/lib/a.so")
      (func (export "leave") (param i32) (call $exit (local.get 0)))
      (func (export "_start") (drop {OPEN}) unreachable))"""
    binary = with_custom_section(bytes(wasmtime.wat2wasm(wat)), "pywasm.abi", ABI.encode())
    settings = ProcessSettings(mounts=[Mount(host=tmp_path / "lib", guest="/lib")])
    assert GuestProcess(Embedding(write_program(tmp_path, binary), compiled), settings).run() == 77


def command(module: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from pywasm_runtime.{module} import main; main()"
    own = {
        "PYWASM_CACHE": str(cwd / "cache"),
        "PATH": os.environ["PATH"],
        "TMPDIR": str(cwd / "tmp"),
        **environment,
    }
    (cwd / "tmp").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments],
        cwd=cwd,
        env=own,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_program_runner_as_a_command(tmp_path: Path) -> None:
    wat = WASI + PRINT + '(func $s (export "_start") (call $print (i32.const 1)) (call $exit (i32.const 5)))'
    (tmp_path / "ok.wasm").write_bytes(wasmtime.wat2wasm(f"(module {wat})"))
    (tmp_path / "deep.wasm").write_bytes(wasmtime.wat2wasm('(module (func $s (export "_start") (call $s)))'))
    (tmp_path / "text.wasm").write_text("(module)")
    ended = command("program_cli", "ok.wasm", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (5, "hi\n", "")
    ended = command("program_cli", "deep.wasm", cwd=tmp_path)
    assert ended.returncode == 134
    assert ended.stderr == "wasm32-wasip1-run: the guest trapped: call stack exhausted\n"
    ended = command("program_cli", "text.wasm", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (126, "wasm32-wasip1-run: text.wasm: not a wasm module\n")
    assert command("program_cli", "gone.wasm", cwd=tmp_path).returncode == 2
    assert command("program_cli", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PYWASM_CACHE", "relative", "PYWASM_CACHE must be an absolute path, not 'relative'"),
        ("TMPDIR", "/no/such/folder", "no folder for the guest's /tmp can be made in /no/such/folder: No such file"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, name: str, value: str, message: str) -> None:
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "bin" / "python.wasm").write_bytes(wasmtime.wat2wasm("(module)"))
    ended = command("cli", "-c", "", cwd=tmp_path, **{"PYWASM_RUNTIME": str(tmp_path), name: value})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"python-wasm: {message}")
    assert ended.stderr.count("\n") == 1


def test_python_wasm_with_a_stand_in_for_python(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    wat = WASI + PRINT + '(func (export "_start") (call $print (i32.const 1)) unreachable)'
    (root / "usr/bin/python9.wasm").write_bytes(wasmtime.wat2wasm(f"(module {wat})"))
    ended = command("cli", "-c", "pass", cwd=tmp_path, PYWASM_RUNTIME=str(root))
    assert ended.returncode == 134
    assert ended.stdout == "hi\n"
    assert ended.stderr == "python-wasm: the guest trapped: wasm `unreachable` instruction executed\n"
    assert list((tmp_path / "tmp").iterdir()) == []  # the private folders are gone
    for arguments in (["gone.py"], ["--dir", "/gone"], ["--dir"], ["--env", "=x"]):
        ended = command("cli", *arguments, cwd=tmp_path, PYWASM_RUNTIME=str(root))
        assert ended.returncode == 2
        assert ended.stderr.startswith("python-wasm: ")
        assert "Traceback" not in ended.stderr
    assert "usage: python-wasm" in command("cli", "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("stamp", ["", "[]", '{"python": {}}', '{"python": {"main": "gone", "main_sha256": "0"}}'])
def test_a_broken_runtime_root_says_what_to_do(tmp_path: Path, stamp: str) -> None:
    (tmp_path / "stamp.json").write_text(stamp)
    for root in (tmp_path, tmp_path / "gone"):
        ended = command("cli", "-c", "pass", cwd=tmp_path, PYWASM_RUNTIME=str(root))
        assert ended.returncode == 1
        assert "bin/inv runtime" in ended.stderr
        assert "Traceback" not in ended.stderr
