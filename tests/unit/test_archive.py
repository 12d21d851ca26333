from __future__ import annotations

import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pywasm_build.archive import unpack
from pywasm_build.errors import ArchiveError


def entry(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=kind, linkname=target)


def tar_bytes(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def tar_file(tmp_path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = tmp_path / "x.tar.xz"
    path.write_bytes(lzma.compress(tar_bytes(*entries)))
    return path


def deb_file(tmp_path: Path, *members: tuple[str, bytes]) -> Path:
    path = tmp_path / "x.deb"
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, data in members:
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode())
            file.write(data + b"\n" * (len(data) % 2))
    return path


def test_tar_with_strip_modes_times_and_links(tmp_path: Path) -> None:
    archive = tar_file(
        tmp_path,
        entry("Top-1", type=tarfile.DIRTYPE),
        link("Top-1/to-file", "sub/file"),
        entry("Top-1/sub/file", b"text", mtime=1000, mode=0o4755),
        entry("Top-1/plain", b"p", mode=0o666),
        link("Top-1/hard", "Top-1/plain", tarfile.LNKTYPE),
        link("Top-1/sub/up", "../plain"),
    )
    out = tmp_path / "out"
    unpack(archive, out, strip=1)
    assert (out / "sub/file").read_bytes() == b"text"
    assert (out / "sub/file").stat().st_mode & 0o7777 == 0o755
    assert (out / "sub/file").stat().st_mtime == 1000
    assert (out / "plain").stat().st_mode & 0o777 == 0o644
    assert (out / "to-file").readlink() == Path("sub/file")
    assert (out / "hard").read_bytes() == b"p"
    assert (out / "sub/up").read_bytes() == b"p"


TRICKS: dict[str, Sequence[tuple[tarfile.TarInfo, bytes]]] = {
    "climbs": [entry("../evil", b"x")],
    "climbs further in": [entry("a/../../evil", b"x")],
    "absolute": [entry("/tmp/evil", b"x")],
    "backslashes": [entry("..\\evil", b"x")],
    "absolute link": [link("a", "/etc/passwd")],
    "link up": [link("a", "../evil")],
    "write through a link": [link("a", ".."), entry("a/evil", b"x")],
    "link by links": [link("d/e/s", "../.."), link("t", "d/e/s/..")],
    "late link": [link("d/e/s", "x/../../.."), link("d/e/x", "../..")],
    "hard link out": [link("a", "../evil", tarfile.LNKTYPE)],
    "hard link to nothing": [link("a", "b", tarfile.LNKTYPE)],
    "device": [entry("a", type=tarfile.CHRTYPE)],
    "fifo": [entry("a", type=tarfile.FIFOTYPE)],
    "file over folder": [entry("a/b", b"x"), entry("a", b"x")],
    "folder over file": [entry("a", b"x"), entry("a/b", b"x")],
}


@pytest.mark.parametrize("trick", TRICKS)
def test_path_tricks_are_refused(tmp_path: Path, trick: str) -> None:
    archive = tar_file(tmp_path, *TRICKS[trick])
    out = tmp_path / "box" / "out"
    with pytest.raises(ArchiveError, match=r"x\.tar\.xz is refused"):
        unpack(archive, out)
    assert sorted(item.name for item in (tmp_path / "box").iterdir()) == ["out"]
    assert not [item for item in out.rglob("*") if item.is_symlink() and not is_inside(item, out)]


def test_links_in_a_circle_lead_nowhere_and_do_no_harm(tmp_path: Path) -> None:
    unpack(tar_file(tmp_path, link("a", "b"), link("b", "a"), entry("c", b"x")), tmp_path / "out")
    assert (tmp_path / "out/c").read_bytes() == b"x"


def is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def test_links_that_were_there_before_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "file").symlink_to(outside / "file")
    (out / "folder").symlink_to(outside)
    unpack(tar_file(tmp_path, entry("file", b"x")), out)
    assert not (out / "file").is_symlink()
    with pytest.raises(ArchiveError):
        unpack(tar_file(tmp_path, entry("folder/file", b"x")), out)
    assert list(outside.iterdir()) == []


def test_limits(tmp_path: Path) -> None:
    archive = tar_file(tmp_path, entry("a", b"x" * 5000), entry("b", b"x" * 5000))
    with pytest.raises(ArchiveError, match="too big"):
        unpack(archive, tmp_path / "1", max_bytes=9000)
    with pytest.raises(ArchiveError, match="too many"):
        unpack(archive, tmp_path / "2", max_members=1)
    unpack(archive, tmp_path / "3", max_bytes=10000, max_members=2)


def test_many_hard_links_are_limited_too(tmp_path: Path) -> None:
    links = [link(str(number), "a", tarfile.LNKTYPE) for number in range(10)]
    archive = tar_file(tmp_path, entry("a", b"x" * 1000), *links)
    with pytest.raises(ArchiveError, match="too big"):
        unpack(archive, tmp_path / "out", max_bytes=5000)


@pytest.mark.parametrize("cut", [0, 10, 100, 5000])
def test_a_damaged_tar_is_our_error(tmp_path: Path, cut: int) -> None:
    archive = tar_file(tmp_path, entry("a", random.Random(1).randbytes(20000)))
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip", "x.deb", "x.tar.bz2"])
def test_rubbish_is_our_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x1f\x8b rubbish" * 100)
    with pytest.raises(ArchiveError, match=name):
        unpack(tmp_path / name, tmp_path / "out")


def zip_file(tmp_path: Path, fill: Callable[[zipfile.ZipFile], None]) -> Path:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        fill(file)
    return path


def test_zip(tmp_path: Path) -> None:
    def fill(file: zipfile.ZipFile) -> None:
        program = zipfile.ZipInfo("top/bin/run")
        program.external_attr = 0o100755 << 16
        file.writestr(program, "#!")
        file.writestr("top/data", "d")
        file.mkdir("top/empty") if hasattr(file, "mkdir") else file.writestr("top/empty/", "")

    unpack(zip_file(tmp_path, fill), tmp_path / "out", strip=1)
    assert (tmp_path / "out/bin/run").stat().st_mode & 0o111
    assert (tmp_path / "out/data").read_text() == "d"
    assert (tmp_path / "out/empty").is_dir()


@pytest.mark.parametrize(("name", "mode"), [("../evil", 0o100644), ("/evil", 0o100644), ("link", 0o120777)])
def test_zip_tricks_are_refused(tmp_path: Path, name: str, mode: int) -> None:
    def fill(file: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        file.writestr(info, "/etc/passwd")

    with pytest.raises(ArchiveError, match="refused"):
        unpack(zip_file(tmp_path, fill), tmp_path / "out")


def test_deb(tmp_path: Path) -> None:
    data = lzma.compress(tar_bytes(entry("./usr/lib/libc.a", b"ar")))
    archive = deb_file(tmp_path, ("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz/", data))
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/usr/lib/libc.a").read_bytes() == b"ar"


def test_deb_tricks_are_refused(tmp_path: Path) -> None:
    data = lzma.compress(tar_bytes(entry("./../evil", b"x")))
    with pytest.raises(ArchiveError, match="evil"):
        unpack(deb_file(tmp_path, ("data.tar.xz", data)), tmp_path / "out")


@pytest.mark.parametrize(("cut", "why"), [(20, "header"), (-3, "ends early"), (8, "no data.tar")])
def test_a_damaged_deb_is_our_error(tmp_path: Path, cut: int, why: str) -> None:
    data = lzma.compress(tar_bytes(entry("./a", b"x")))
    archive = deb_file(tmp_path, ("data.tar.xz", data))
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(ArchiveError, match=why):
        unpack(archive, tmp_path / "out")
