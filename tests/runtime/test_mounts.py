"""Folders that the guest sees, and the host's reads in them."""

import os
from pathlib import Path

import pytest

from pywasm_runtime.errors import MountError, UsageError
from pywasm_runtime.mounts import Mount, MountTable, parse_mount
from pywasm_runtime.scratch import private_tmp, remove_tree


def test_forms_of_a_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_mount(str(tmp_path)) == Mount(host=tmp_path, guest=str(tmp_path), read_only=False)
    assert parse_mount(f"{tmp_path}:/data:ro") == Mount(host=tmp_path, guest="/data", read_only=True)
    assert parse_mount(f"{tmp_path}:/data/../x/").guest == "/x"
    assert parse_mount(f"{tmp_path}:ro") == Mount(host=tmp_path, guest=str(tmp_path), read_only=True)
    monkeypatch.chdir(tmp_path)
    assert parse_mount(".").guest == str(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no folder given"),
        (":/x", "no folder given"),
        ("/:/a:/b", "too many colons"),
        ("/nowhere/at/all", "No such file or directory"),
        ("/etc/passwd", "Not a directory"),
        ("/:relative", "must begin with '/'"),
        ("/", "the guest's '/' is the runtime root"),
        ("/tmp:/a/..", "the guest's '/' is the runtime root"),
    ],
)
def test_bad_mounts(text: str, reason: str) -> None:
    with pytest.raises(MountError, match=reason):
        parse_mount(text)


@pytest.fixture
def table(tmp_path: Path) -> MountTable:
    for folder in ("root/usr", "data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "root/usr/a").write_text("root")
    (tmp_path / "data/a").write_text("data")
    (tmp_path / "secret").write_text("secret")
    return MountTable([Mount(host=tmp_path / "root", guest="/"), Mount(host=tmp_path / "data", guest="/usr/data")])


def test_the_longest_guest_path_wins(table: MountTable) -> None:
    assert table.read("/usr/a", 100).content == b"root"
    assert table.read("/usr/data/a", 100).content == b"data"
    assert table.read("/usr/data/../a", 100).content == b"root"


def test_what_is_not_there(table: MountTable) -> None:
    with pytest.raises(FileNotFoundError):
        table.read("/usr/b", 100)
    with pytest.raises(FileNotFoundError):
        MountTable([]).read("/x", 100)


def test_links_inside_are_followed_and_links_outside_are_not(table: MountTable, tmp_path: Path) -> None:
    (tmp_path / "root/in").symlink_to("usr/a")
    (tmp_path / "root/folder").symlink_to("usr")
    (tmp_path / "root/out").symlink_to("../secret")
    (tmp_path / "root/far").symlink_to(tmp_path / "secret")
    (tmp_path / "root/up").symlink_to("..")
    assert table.read("/in", 100).identity == table.read("/folder/a", 100).identity
    for path in ("/out", "/far", "/up/secret"):
        with pytest.raises(PermissionError, match="leads out"):
            table.read(path, 100)


def test_only_regular_files_of_bounded_size(table: MountTable, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root/fifo")
    for path, reason in (
        ("/fifo", "not a regular file"),
        ("/usr", "not a regular file"),
        ("/", "not a regular"),
    ):
        with pytest.raises(PermissionError, match=reason):
            table.read(path, 100)
    with pytest.raises(PermissionError, match="4 bytes, more than 3"):
        table.read("/usr/a", 3)


def test_a_guest_path_is_taken_once(tmp_path: Path) -> None:
    with pytest.raises(MountError, match="two folders for the guest's '/x'"):
        MountTable([Mount(host=tmp_path, guest="/x"), Mount(host=tmp_path, guest="/x")])


def test_the_private_tmp_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with private_tmp() as mount:
        assert (mount.guest, mount.read_only, list(mount.host.iterdir())) == ("/tmp", False, [])
        assert mount.host.stat().st_mode & 0o777 == 0o700
        (mount.host / "deep/er").mkdir(parents=True)
        (mount.host / "deep/er/file").write_text("x")
        (mount.host / "link").symlink_to("/etc")
    assert list(tmp_path.iterdir()) == []
    assert Path("/etc/passwd").exists()


def test_no_place_for_a_private_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="TMPDIR can name another place"), private_tmp():
        pass


def test_remove_tree_of_nothing(tmp_path: Path) -> None:
    remove_tree(tmp_path / "gone")
