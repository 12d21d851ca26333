from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import random
import shutil
import tarfile
import tracemalloc
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
    "block device": [entry("a", type=tarfile.BLKTYPE)],
    "unknown kind": [entry("a", type=b"Z")],
    "hard link to a link": [link("s", "../evil"), link("a", "s", tarfile.LNKTYPE)],
    "hard link through a link": [link("d", ".."), entry("d/x", b"x"), link("a", "d/../evil", tarfile.LNKTYPE)],
    "link under another case": [link("LIB", ".."), entry("lib/evil", b"x")],
    "link to nothing": [link("a", "")],
    "link with a NUL": [entry("a", type=tarfile.SYMTYPE, pax_headers={"linkpath": "b\0c"})],
    "link with a long name": [link("a", "b" * 5000)],
    "long name": [entry("a" * 300, b"x")],
    "long path": [entry("/".join(["a" * 200] * 30), b"x")],
    "deep": [entry("a/" * 1500 + "x", b"x")],
    "file over folder": [entry("a/b", b"x"), entry("a", b"x")],
    "folder over file": [entry("a", b"x"), entry("a/b", b"x")],
}


@pytest.mark.parametrize("trick", TRICKS)
def test_path_tricks_are_refused(tmp_path: Path, trick: str) -> None:
    archive = tar_file(tmp_path, *TRICKS[trick])
    out = tmp_path / "box" / "out"
    with pytest.raises(ArchiveError, match=r"x\.tar\.xz is (refused|damaged)"):
        unpack(archive, out)
    assert sorted(item.name for item in (tmp_path / "box").iterdir()) == ["out"]
    assert not [item for item in out.rglob("*") if item.is_symlink() and not is_inside(item, out)]


def test_modes_and_times_that_make_no_sense(tmp_path: Path) -> None:
    times = {"early": "-5", "late": "1e30", "none": "nan", "infinite": "inf"}
    entries = [entry(name, b"x", pax_headers={"mtime": time}, mode=0o7777) for name, time in times.items()]
    out = tmp_path / "out"
    unpack(tar_file(tmp_path, *entries), out)
    for name in times:
        assert (out / name).stat().st_mtime == 0
        assert (out / name).stat().st_mode & 0o7777 == 0o755


def test_names_that_differ_in_case_do_not_mix(tmp_path: Path) -> None:
    out = tmp_path / "out"
    unpack(tar_file(tmp_path, entry("Readme", b"1"), entry("sub/x", b"2"), link("SUB", "sub")), out)
    assert (out / "Readme").read_bytes() == b"1"
    assert (out / "SUB/x").read_bytes() == b"2"


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


def gnu_sparse(name: str, size: int) -> bytes:
    """Make a member that holds nothing, and says that it is `size` bytes of holes."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:482] = bytes(96)
    block[386:398], block[398:410] = b"%011o\0" % size, b"%011o\0" % 0
    block[483:495] = b"%011o\0" % size
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 8 * 32)
    return bytes(block)


def test_what_grows_beyond_measure_is_refused_before_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "holes.tar").write_bytes(gnu_sparse("holes", 1 << 32) + bytes(1024))
    (tmp_path / "zeros.tar.xz").write_bytes(lzma.compress(tar_bytes(entry("zeros", bytes(300 << 20))), preset=0))
    with zipfile.ZipFile(tmp_path / "zeros.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(300 << 20))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ArchiveError, match="too big"):
            unpack(path, tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []


def test_a_sparse_file_of_sense_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(gnu_sparse("holes", 10_000) + bytes(1024))
    unpack(tmp_path / "x.tar", tmp_path / "out")
    assert (tmp_path / "out/holes").read_bytes() == bytes(10_000)


def test_what_is_skipped_counts(tmp_path: Path) -> None:
    archive = tar_file(tmp_path, entry("a", bytes(6000)), entry("b", bytes(6000)))
    with pytest.raises(ArchiveError, match="too big"):
        unpack(archive, tmp_path / "out", strip=1, max_bytes=10_000)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_does_not_fill_the_memory(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, 200 << 20
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(200 << 20), 1))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="a header of 209715200 bytes"):
            unpack(tmp_path / "x.tar.gz", tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_headers_without_end_are_our_error(tmp_path: Path) -> None:
    info = tarfile.TarInfo("header")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 512
    (tmp_path / "x.tar").write_bytes((info.tobuf() + b"a".ljust(512, b"\0")) * 5000)
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(tmp_path / "x.tar", tmp_path / "out")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Change a few bytes; the sums of tar headers are mended, or hardly anything would be read."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(made))
        made[at] = rng.choice((0, 0xFF, 0x80, 0x37, rng.randrange(256)))
    for at in range(0, len(made) - 511, 512):
        if made[at + 257 : at + 262] == b"ustar":
            made[at + 148 : at + 156] = b" " * 8
            made[at + 148 : at + 156] = b"%06o\0 " % sum(made[at : at + 512])
    return bytes(made)


@pytest.mark.parametrize("name", ["x.tar", "x.zip"])
def test_changed_bytes_give_files_or_our_error(tmp_path: Path, name: str) -> None:
    rng = random.Random(name)
    fields = {"mtime": 1.5, "pax_headers": {"comment": "x"}}
    tar = tar_bytes(entry("a/b", b"x" * 600, **fields), link("a/l", "b"), link("h", "a/b", tarfile.LNKTYPE))
    plain = zip_file(tmp_path, lambda file: file.writestr("a/b", "x" * 600)).read_bytes()
    for _ in range(500):
        (tmp_path / name).write_bytes(mutated(tar if name == "x.tar" else plain, rng))
        with contextlib.suppress(ArchiveError):
            unpack(tmp_path / name, tmp_path / "box" / "out", max_bytes=1 << 20)
        assert [item.name for item in (tmp_path / "box").iterdir()] == ["out"]
        shutil.rmtree(tmp_path / "box")


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
