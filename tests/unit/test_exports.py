"""What python.wasm exports to side modules."""

from __future__ import annotations

from pathlib import Path

from pywasm_binary.object import DATA
from pywasm_build.exports import exported_names, write_response_file
from tests.unit.wasm_objects import HIDDEN, LOCAL, UNDEFINED, WEAK, Entry, ar_archive, defining, wasm_object


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_all_that_is_defined_is_exported_and_sorted(tmp_path: Path) -> None:
    own = write(
        tmp_path / "own.o",
        wasm_object(
            Entry(name="PyLong_FromLong"),
            Entry(name="_Py_private", flags=HIDDEN),
            Entry(name="static", flags=LOCAL),
            Entry(name="malloc", flags=UNDEFINED),
            Entry(name="PyExc_ValueError", kind=DATA),
        ),
    )
    libc = write(tmp_path / "libc.a", ar_archive(("malloc.o", defining("malloc", "free"))))
    assert exported_names([own], [libc]) == ["PyExc_ValueError", "PyLong_FromLong", "_Py_private", "free", "malloc"]


def test_the_entry_points_of_a_program_are_not(tmp_path: Path) -> None:
    own = write(tmp_path / "own.o", defining("main", "__main_argc_argv", "Py_Main"))
    crt = write(tmp_path / "crt.o", defining("_start", "__main_void"))
    assert exported_names([own], [crt]) == ["Py_Main"]


def test_a_member_that_clashes_is_left_out_as_a_whole(tmp_path: Path) -> None:
    own = write(tmp_path / "libpython.a", ar_archive(("stubs.o", defining("pthread_create", "pthread_exit"))))
    libc = write(
        tmp_path / "libc.a",
        ar_archive(("threads.o", defining("pthread_exit", "pthread_once")), ("string.o", defining("strlen"))),
    )
    assert exported_names([own], [libc]) == ["pthread_create", "pthread_exit", "strlen"]


def test_a_weak_or_local_definition_does_not_clash(tmp_path: Path) -> None:
    own = write(tmp_path / "own.o", defining("sched_yield", "helper"))
    weak = wasm_object(Entry(name="sched_yield", flags=WEAK), Entry(name="nanosleep"))
    local = wasm_object(Entry(name="helper", flags=LOCAL), Entry(name="qsort"))
    libc = write(tmp_path / "libc.a", ar_archive(("weak.o", weak), ("local.o", local)))
    assert exported_names([own], [libc]) == ["helper", "nanosleep", "qsort", "sched_yield"]


def test_the_response_file_has_an_option_a_line(tmp_path: Path) -> None:
    write_response_file(tmp_path / "x.rsp", ["a", "_Zb"])
    assert (tmp_path / "x.rsp").read_text() == "--export=a\n--export=_Zb\n"
