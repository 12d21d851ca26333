"""Archives of functions: packed the same each time, refused if anything is out of the ordinary, unpacked read-only."""

import io
import os
import struct
import threading
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywasm_runtime.functions.archive import (
    MAX_BYTES,
    MAX_FILES,
    check,
    digest,
    digest_files,
    main_module,
    materialise,
    pack,
    pack_source,
)
from pywasm_runtime.functions.archive_zip import read_zip, write_zip
from pywasm_runtime.functions.errors import InvalidName, StorageError, UploadRefused

SOURCE = b"def faasm_main():\n    pass\n"


def raw_zip(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a zip file with whatever names, as someone who means harm would."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about double names
        for name, content in members:
            file.writestr(name, content, method)
    return buffer.getvalue()


def member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def folder_of(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return path


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "code", {"main.py": SOURCE, "data/ü.bin": b"\0\1", "requirements.txt": b"numpy\n"})


def test_a_folder_is_packed_the_same_each_time(code: Path) -> None:
    first = pack(code)
    for path in code.rglob("*"):
        os.utime(path, (1e9, 1e9))
        path.chmod(0o700)
    assert pack(code) == first
    assert read_zip(first) == {"data/ü.bin": b"\0\1", "main.py": SOURCE, "requirements.txt": b"numpy\n"}


def test_what_is_no_part_of_a_function_is_left_out(code: Path) -> None:
    first = pack(code)
    folder_of(code, {"__pycache__/main.pyc": b"x", ".git/config": b"x", "data/.hidden": b"x", "old.pyc": b"x"})
    assert pack(code) == first
    packed_by_hand = raw_zip(
        *((path.relative_to(code).as_posix(), path.read_bytes()) for path in code.rglob("*.*") if path.is_file())
    )
    assert digest(packed_by_hand) == digest(first)


def test_one_file_is_packed(tmp_path: Path) -> None:
    path = tmp_path / "addup.py"
    path.write_bytes(SOURCE)
    assert read_zip(pack(path)) == {"addup.py": SOURCE}
    assert check(pack(path), "other").module == "addup"


def test_source_without_a_name() -> None:
    assert read_zip(pack_source(SOURCE, "addup")) == {"addup.py": SOURCE}
    for name in ("add-up", "2nd", "class"):
        assert check(pack_source(SOURCE, name), name).module == "main"


@pytest.mark.parametrize("kind", ["link", "folder link", "fifo", "text", "missing", "linked file"])
def test_odd_files_are_not_packed(tmp_path: Path, code: Path, kind: str) -> None:
    path = code
    if kind == "link":
        (code / "evil").symlink_to("/etc/passwd")
    elif kind == "folder link":
        (code / "evil").symlink_to("/etc")
    elif kind == "fifo":
        os.mkfifo(code / "evil")
    elif kind == "text":
        path = code / "requirements.txt"
    elif kind == "linked file":
        path = tmp_path / "x.py"
        path.symlink_to(code / "main.py")
    else:
        path = tmp_path / "missing.py"
    with pytest.raises(UploadRefused):
        pack(path)


def test_too_large_folders_are_not_packed(code: Path) -> None:
    with (code / "large").open("wb") as file:
        file.truncate(MAX_BYTES)
    with pytest.raises(UploadRefused, match=f"{MAX_BYTES} bytes"):
        pack(code)
    (code / "large").unlink()
    for number in range(MAX_FILES):
        (code / f"{number}.txt").touch()
    with pytest.raises(UploadRefused, match="too many files"):
        pack(code)


def test_an_archive_is_described() -> None:
    files = {"f.py": SOURCE, "requirements.txt": b"\xef\xbb\xbf# all\nnumpy >= 2 # new\n\n six\\\n==1\n", "a/b": b"xyz"}
    info = check(raw_zip(*files.items()), "f")
    assert info.files == ("a/b", "f.py", "requirements.txt")
    assert info.module == "f"
    assert info.requirements == ("numpy >= 2", "six==1")
    assert info.size == sum(map(len, files.values()))
    assert info.digest == digest_files(files) == digest(info.archive)
    assert info.archive == write_zip(files)


def test_the_digest_is_of_the_content() -> None:
    stored = raw_zip(("b.py", b"2"), ("a.py", b"1"), method=zipfile.ZIP_STORED)
    assert digest(stored) == digest(b"#!/bin/sh\n" + write_zip({"a.py": b"1", "b.py": b"2"}))
    assert digest(write_zip({"a": b"bc"})) != digest(write_zip({"ab": b"c"}))
    assert digest(write_zip({"a": b"", "b": b""})) != digest(write_zip({"a": b""}))


@pytest.mark.parametrize(
    ("files", "module"),
    [
        (["f.py", "main.py", "function.py"], "f"),
        (["main.py", "function.py", "x.py"], "main"),
        (["function.py", "x.py"], "function"),
        (["x.py", "lib/f.py", "f/__init__.py"], "x"),
    ],
)
def test_the_main_module(files: list[str], module: str) -> None:
    assert main_module(files, "f") == module


@pytest.mark.parametrize(
    "files", [[], ["lib/main.py"], ["a.py", "b.py"], ["my-file.py"], ["class.py"], ["1.py"], [".py"]]
)
def test_no_main_module(files: list[str]) -> None:
    with pytest.raises(UploadRefused, match=r"main\.py"):
        main_module(files, "f")


TRICKS: dict[str, bytes] = {
    "empty": b"",
    "no zip": b"PK\x03\x04 rubbish",
    "climbs": raw_zip(("../evil.py", SOURCE)),
    "climbs within": raw_zip(("a/../../evil.py", SOURCE)),
    "absolute": raw_zip(("/etc/evil.py", SOURCE)),
    "drive": raw_zip(("C:/evil.py", SOURCE)),
    "backslash": raw_zip(("..\\evil.py", SOURCE)),
    "NUL": raw_zip(("main.py", SOURCE)).replace(b"main.py", b"ma\0n.py"),
    "control": raw_zip(("a\n.py", SOURCE)),
    "hidden climb": raw_zip((".git/../../evil", SOURCE)),
    "long part": raw_zip(("a" * 256, SOURCE)),
    "long path": raw_zip(("a/" * 600 + "b", SOURCE)),
    "folder climbs": raw_zip(("main.py", SOURCE), ("../", b"")),
    "link": raw_zip((member("main.py", 0o120777), b"/etc/passwd")),
    "device": raw_zip((member("main.py", 0o020666), b"")),
    "twice": raw_zip(("main.py", SOURCE), ("main.py", SOURCE)),
    "case": raw_zip(("main.py", SOURCE), ("MAIN.py", SOURCE)),
    "normal forms": raw_zip(("ü.py", SOURCE), ("u\u0308.py", SOURCE)),
    "file is folder": raw_zip(("main.py", SOURCE), ("main.py/x", SOURCE)),
    "case of a folder": raw_zip(("Lib", SOURCE), ("lib/x", SOURCE)),
    "other method": raw_zip(("main.py", SOURCE), method=zipfile.ZIP_BZIP2),
    "lzma": raw_zip(("main.py", SOURCE), method=zipfile.ZIP_LZMA),
    "too many": raw_zip(*((f"{number}.py", b"") for number in range(MAX_FILES + 1))),
    "far too many": b"PK\x01\x02" * (8 * MAX_FILES + 1),
    "bad text": raw_zip(("main.py", SOURCE), ("requirements.txt", b"\xff")),
    "cut": raw_zip(("main.py", SOURCE))[:-10],
}


@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_are_refused(trick: str) -> None:
    with pytest.raises(UploadRefused) as caught:
        check(TRICKS[trick], "f")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_encrypted_files_are_refused() -> None:
    archive = bytearray(raw_zip(("main.py", SOURCE)))
    central = archive.rindex(b"PK\x01\x02")
    archive[6] |= 1
    archive[central + 8] |= 1
    with pytest.raises(UploadRefused, match="encrypted"):
        check(bytes(archive), "f")


def test_wrong_checksums_are_refused() -> None:
    archive = raw_zip(("main.py", SOURCE), method=zipfile.ZIP_STORED).replace(SOURCE, SOURCE[:-2] + b"!\n")
    with pytest.raises(UploadRefused, match="CRC"):
        check(archive, "f")


def test_bombs_are_stopped_whatever_they_claim() -> None:
    bomb = bytearray(raw_zip(("main.py", SOURCE), ("zeros", bytes(MAX_BYTES))))
    assert len(bomb) < 100_000
    with pytest.raises(UploadRefused, match="unpacks to more"):
        check(bytes(bomb), "f")
    central = bomb.rindex(b"PK\x01\x02")
    bomb[central + 24 : central + 28] = struct.pack("<I", 10)  # the claimed size
    with pytest.raises(UploadRefused):
        check(bytes(bomb), "f")


def test_large_archives_are_not_even_opened() -> None:
    with pytest.raises(UploadRefused, match="may have"):
        check(bytes(MAX_BYTES + 1), "f")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_archives_are_our_error(data: st.DataObject) -> None:
    archive = bytearray(write_zip({"main.py": SOURCE, "a/data": bytes(range(256))}))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    try:
        info = check(bytes(archive), "f")
    except UploadRefused:
        return
    assert digest(info.archive) == info.digest


@pytest.fixture
def archive() -> bytes:
    return write_zip({"main.py": SOURCE, "lib/a.py": b"A = 1\n", "lib/deep/b.bin": b"\0"})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_code_is_unpacked_read_only(tmp_path: Path, archive: bytes) -> None:
    folder = tmp_path / "data" / "code"
    path = materialise(archive, digest(archive), folder)
    assert path == folder / digest(archive)
    assert contents(path) == read_zip(archive)
    assert {item.stat().st_mode & 0o777 for item in path.rglob("*") if item.is_file()} == {0o444}
    assert {item.stat().st_mode & 0o777 for item in (path, path / "lib", path / "lib/deep")} == {0o555}
    identity = path.stat().st_ino
    assert materialise(archive, digest(archive), folder, verify=True).stat().st_ino == identity
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["changed", "missing", "more", "link", "folder link", "no folder"])
def test_damaged_code_is_made_again(tmp_path: Path, archive: bytes, damage: str) -> None:
    path = materialise(archive, digest(archive), tmp_path)
    for item in (path, *path.rglob("*")):
        item.chmod(0o700)
    if damage == "changed":
        (path / "main.py").write_bytes(b"evil")
    elif damage == "missing":
        (path / "lib/a.py").unlink()
    elif damage == "more":
        (path / "sitecustomize.py").write_bytes(b"evil")
    elif damage == "link":
        (path / "main.py").rename(tmp_path / "main.py")
        (path / "main.py").symlink_to(tmp_path / "main.py")
    else:
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere") if damage == "folder link" else path.write_bytes(b"")
    assert materialise(archive, digest(archive), tmp_path, verify=True) == path
    assert contents(path) == read_zip(archive)
    assert not path.is_symlink()
    assert not list(tmp_path.glob(".*"))


def test_an_archive_that_is_another_is_not_unpacked(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(StorageError, match="its content is another"):
        materialise(archive, "0" * 64, tmp_path)
    with pytest.raises(StorageError, match="damaged"):
        materialise(archive[:50], digest(archive), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../" + "0" * 61, "", "/", "0" * 63 + "\n"])
def test_a_digest_is_no_path(tmp_path: Path, archive: bytes, name: str) -> None:
    with pytest.raises(InvalidName):
        materialise(archive, name, tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be unpacked"):
        materialise(archive, digest(archive), tmp_path / "file" / "code")


def test_many_unpack_the_same_at_once(tmp_path: Path, archive: bytes) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(8)

    def unpack() -> None:
        try:
            barrier.wait()
            assert contents(materialise(archive, digest(archive), tmp_path, verify=True)) == read_zip(archive)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=unpack) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path.name for path in tmp_path.iterdir()] == [digest(archive)]
