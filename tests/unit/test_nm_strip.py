"""The programs behind the nm and strip drivers, on small objects and modules."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from pywasm_binary import ABI_SECTION, WasmModule, nm, strip
from pywasm_binary.object import DATA, read_symbols
from pywasm_binary.sections import HEADER
from pywasm_binary.writer import custom_section, dylink_section, with_custom_section
from tests.unit.wasm_objects import LOCAL, UNDEFINED, Entry, ar_archive, defining, wasm_object

OBJECT = wasm_object(
    Entry(name="run"),
    Entry(name="helper", flags=LOCAL),
    Entry(name="puts", flags=UNDEFINED),
    Entry(name="d", kind=DATA),
)


def list_symbols(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str], str]:
    status = nm.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return status, printed.out.splitlines(), printed.err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.o"
    path.write_bytes(OBJECT)
    return path


def test_nm_prints_as_posix_says(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_symbols(capsys, file) == (
        0,
        ["00000000 T run", "00000000 t helper", "         U puts", "00000000 D d"],
        "",
    )
    assert list_symbols(capsys, "-P", "-g", file)[1] == ["run T 0 0", "puts U 0 0", "d D 0 0"]


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("-g", ["run", "puts", "d"]),
        ("--extern-only", ["run", "puts", "d"]),
        ("-u", ["puts"]),
        ("--undefined-only", ["puts"]),
        ("-U", ["run", "helper", "d"]),
        ("--defined-only", ["run", "helper", "d"]),
        ("-pgU", ["run", "d"]),
        ("-B", ["run", "helper", "puts", "d"]),
    ],
)
def test_nm_knows_the_options_of_build_systems(
    file: Path, capsys: pytest.CaptureFixture[str], option: str, names: list[str]
) -> None:
    assert [line.split()[-1] for line in list_symbols(capsys, option, file)[1]] == names


def test_nm_names_the_members_of_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = tmp_path / "libx.a"
    library.write_bytes(ar_archive(("one.o", defining("one")), ("two.o", defining("two"))))
    assert list_symbols(capsys, library)[1] == [
        "",
        f"{library}:one.o:",
        "00000000 T one",
        "",
        f"{library}:two.o:",
        "00000000 T two",
    ]
    assert list_symbols(capsys, "-A", library)[1] == [
        f"{library}:one.o: 00000000 T one",
        f"{library}:two.o: 00000000 T two",
    ]


def test_nm_goes_on_after_a_file_that_it_cannot_read(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text"
    text.write_text("no module")
    status, lines, errors = list_symbols(capsys, text, tmp_path / "gone.o", file)
    assert status == 1
    assert lines[-1] == "00000000 D d"
    assert f"nm: {text}: malformed wasm module" in errors
    assert f"nm: {tmp_path / 'gone.o'}: " in errors


def side_module() -> bytes:
    plain = bytes(wasmtime.wat2wasm('(module (func $hidden_name (export "f")))'))
    raw = HEADER + dylink_section([(1, b"\0\0\0\0")]) + plain[len(HEADER) :]
    for name in (".debug_info", ".debug_line", "producers"):
        raw = with_custom_section(raw, name, b"debug information")
    return with_custom_section(raw, ABI_SECTION, b"pywasm-1")


def sections(data: bytes) -> list[str]:
    return [section.name for section in WasmModule(data).sections if section.id == 0]


def test_strip_keeps_what_the_linker_needs() -> None:
    stripped = strip.strip(side_module())
    assert sections(stripped) == ["dylink.0", ABI_SECTION]
    assert b"hidden_name" not in stripped
    assert WasmModule(stripped).abi == "pywasm-1"
    assert list(WasmModule(stripped).exports) == ["f"]
    assert strip.strip(stripped) == stripped


def test_strip_can_keep_names() -> None:
    assert sections(strip.strip(side_module(), names=False)) == ["dylink.0", "name", "producers", ABI_SECTION]


def test_strip_leaves_an_object_usable() -> None:
    # Its relocations name other sections by number, so none may go.
    data = OBJECT + custom_section(".debug_info", b"x")
    assert strip.strip(data) == data
    assert read_symbols(strip.strip(data)) == read_symbols(data)


@pytest.mark.parametrize(
    ("option", "kept"), [([], False), (["-s"], False), (["-g"], True), (["--strip-unneeded"], True)]
)
def test_strip_changes_files_in_place(tmp_path: Path, option: list[str], kept: bool) -> None:
    files = [tmp_path / "a.so", tmp_path / "b.so"]
    for file in files:
        file.write_bytes(side_module())
        file.chmod(0o755)
    assert strip.main([*option, *map(str, files)]) == 0
    for file in files:
        assert (b"hidden_name" in file.read_bytes()) is kept
        assert ".debug_info" not in sections(file.read_bytes())
        assert file.stat().st_mode & 0o777 == 0o755


def test_strip_writes_to_another_file(tmp_path: Path) -> None:
    source, target = tmp_path / "a.so", tmp_path / "b.so"
    source.write_bytes(side_module())
    assert strip.main(["-o", str(target), str(source)]) == 0
    assert source.read_bytes() == side_module()
    assert target.read_bytes() == strip.strip(side_module())


@pytest.mark.parametrize("arguments", [[], ["-g"], ["x.so", "-o"], ["-o", "out.so", "x.so", "y.so"]])
def test_strip_refuses_what_would_surprise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.so", "y.so"):
        (tmp_path / name).write_bytes(side_module())
    assert strip.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: strip")
    assert (tmp_path / "x.so").read_bytes() == side_module()


def test_strip_names_a_file_that_is_no_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text"
    text.write_text("no module")
    assert strip.main([str(text)]) == 1
    assert capsys.readouterr().err.startswith(f"strip: {text}: malformed wasm module")
    assert text.read_text() == "no module"
