"""A worker's /tmp: emptied however deep it is, limited by the system or by looking."""

from __future__ import annotations

import os
from pathlib import Path

from pywasm_runtime.functions.worker_tmp import WorkerTmp, can_mount, empty_folder


def deep(folder: Path, depth: int) -> None:
    """Make folders in folders, deeper than a path can be."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("inner", dir_fd=at)
        below = os.open("inner", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


def test_all_is_removed_however_deep(tmp_path: Path) -> None:
    deep(tmp_path, 3000)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a\nb").write_bytes(b"x")
    assert empty_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"x")
    folder = tmp_path / "tmp"
    (folder / "inner").mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    (folder / "inner" / "link").symlink_to(outside)
    assert empty_folder(folder)
    assert (outside / "kept").exists()


def test_a_missing_folder_is_not_called_empty(tmp_path: Path) -> None:
    assert not empty_folder(tmp_path / "missing")


def test_a_plain_folder_says_when_it_is_over_its_quota(tmp_path: Path) -> None:
    tmp = WorkerTmp(tmp_path, may_mount=False)
    tmp.limit(100_000, 5)
    (tmp_path / "inner").mkdir()
    assert tmp.excess() == ""
    (tmp_path / "inner" / "large").write_bytes(bytes(200_000))
    assert "100000 bytes" in tmp.excess()
    (tmp_path / "inner" / "large").write_bytes(b"")
    for number in range(5):
        (tmp_path / f"{number}").touch()
    assert "5 files" in tmp.excess()
    assert tmp.empty()
    assert tmp.excess() == ""


def in_child(folder: Path) -> bytes:
    """Use a mounted folder in a child process, as mounting changes the whole process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            tmp = WorkerTmp(folder)
            tmp.limit(64 << 10, 3)
            said = [f"{tmp.is_mounted}"]
            for name, size in (("a", 10), ("b", 1 << 20), ("c", 0), ("d", 0)):
                try:
                    (folder / name).write_bytes(bytes(size))
                    said.append("written")
                except OSError as error:
                    said.append(os.strerror(error.errno or 0))
            said.append(str(tmp.empty()))
            os.write(writer, "; ".join(said).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        heard = pipe.read()
    os.waitpid(child, 0)
    return heard


def test_a_mounted_folder_has_its_quota_from_the_system(tmp_path: Path) -> None:
    full = "No space left on device"
    expected = f"True; written; {full}; written; {full}; True" if can_mount(tmp_path) else "False"
    assert in_child(tmp_path).decode().startswith(expected)
    assert list(tmp_path.iterdir()) == []  # seen from outside, nothing was ever there
