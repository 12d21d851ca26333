"""Wheels: what they require, that rewriting them is deterministic, and that every broken promise is named."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import stat
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st
from installer.sources import WheelFile
from packaging.tags import Tag
from packaging.version import Version

from pywasm_binary import ABI_SECTION
from pywasm_binary.sections import HEADER
from pywasm_binary.writer import dylink_section, name, uleb, vector, with_custom_section
from pywasm_build import wheel_archive, wheels
from pywasm_build.errors import ArchiveError, PywasmError, WheelError
from pywasm_build.wheel_archive import open_wheel
from pywasm_build.wheels import Wheel, check, normalise, require_good, requirements, target_environment

SHORT, ABI = "3.13", "pywasm-1"
NATIVE, PURE = "cp313-cp313-wasi_wasm32", "py3-none-any"
SUFFIX = ".cpython-313-wasm32-wasi.so"
INFO = "pack-1.0.dist-info"
PE = b"MZ".ljust(0x3C, b"\0") + b"\x40\0\0\0PE\0\0"  # the shortest Windows program
PROVIDED = frozenset(("PyLong_FromLong", "PyExc_ValueError"))
STANDARD = """
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global (mut i32)))
  (import "env" "__memory_base" (global i32))
  (import "env" "__table_base" (global i32))
  (import "env" "__cpp_exception" (tag (param i32)))
  (import "env" "__c_longjmp" (tag (param i32)))
  (import "env" "PyLong_FromLong" (func (param i32) (result i32)))
  (import "GOT.mem" "PyExc_ValueError" (global (mut i32)))
"""

Content = Mapping[str, bytes]
Entries = Sequence[tuple[str | zipfile.ZipInfo, bytes]]


def side_module(
    text: str = "", *, abi: str | None = ABI, needed: Sequence[str] = (), weak: Sequence[tuple[str, str]] = ()
) -> bytes:
    flags = [name(module) + name(symbol) + uleb(1) for module, symbol in weak]
    dylink = dylink_section([(1, b"\0\0\0\0"), (2, vector([name(file) for file in needed])), (4, vector(flags))])
    plain = bytes(wasmtime.wat2wasm(f"(module {STANDARD} {text})"))
    raw = HEADER + dylink + plain[len(HEADER) :]
    return raw if abi is None else with_custom_section(raw, ABI_SECTION, abi.encode())


def digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def record_of(files: Content) -> bytes:
    text = io.StringIO(newline="")
    rows = [(file, digest(content), str(len(content))) for file, content in files.items()]
    csv.writer(text).writerows([*rows, (f"{INFO}/RECORD", "", "")])
    return text.getvalue().encode()


def dist_info(tag: str, *, fields: str = "") -> dict[str, bytes]:
    interpreters, abi, platform = tag.split("-")
    tags = "".join(f"Tag: {one}-{abi}-{platform}\n" for one in interpreters.split("."))
    metadata = f"Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n{fields}\n"
    return {
        f"{INFO}/METADATA": metadata.encode(),
        f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nGenerator: a test\n{tags}".encode(),
    }


def write_zip(path: Path, entries: Entries) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for entry, content in entries:
            made.writestr(entry, content)
    return path


def make(folder: Path, files: Content, *, tag: str = NATIVE, fields: str = "", changed: Content | None = None) -> Path:
    """Write a wheel whose RECORD is right, then change or add entries without telling RECORD."""
    content = {**files, **dist_info(tag, fields=fields)}
    content = {**content, f"{INFO}/RECORD": record_of(content), **(changed or {})}
    return write_zip(folder / f"pack-1.0-{tag}.whl", list(content.items()))


def problems_of(path: Path, *, forbidden: Sequence[str] = (), short: str = SHORT) -> list[str]:
    return check(Wheel.read(path), short=short, provided=PROVIDED, abi=ABI, forbidden=forbidden)


def only_problem(path: Path, *, forbidden: Sequence[str] = ()) -> str:
    (problem,) = problems_of(path, forbidden=forbidden)
    return problem


def of_module(folder: Path, content: bytes, *, file: str = f"pack/fast{SUFFIX}", tag: str = NATIVE) -> str:
    return only_problem(make(folder, {file: content}, tag=tag))


# What a wheel says about itself


def test_a_wheel_says_what_it_is(tmp_path: Path) -> None:
    path = make(tmp_path, {"pack.py": b""}, tag="py2.py3-none-any", fields="Requires-Dist: six (>=1.9)\n")
    wheel = Wheel.read(path)
    assert (wheel.path, wheel.name, wheel.version) == (path, "pack", Version("1.0"))
    assert wheel.tags == {Tag("py2", "none", "any"), Tag("py3", "none", "any")}
    assert wheel.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [str(wanted) for wanted in wheel.requires] == ["six>=1.9"]
    assert wheel.is_pure
    assert wheel == Wheel.read(path)


@pytest.mark.parametrize(
    ("file", "metadata", "reason"),
    [
        ("pack.whl", b"", "the name of a wheel"),
        (
            "other-1.0-py3-none-any.whl",
            b"Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n",
            "holds pack 1.0",
        ),
        ("pack-1.0-py3-none-any.whl", b"Metadata-Version: 2.1\nName: pack\nVersion: 2.0\n", "holds pack 2.0"),
        ("pack-1.0-py3-none-any.whl", b"", "cannot be read"),
        ("pack-1.0-py3-none-any.whl", b"Metadata-Version: 2.1\nName: pack\nVersion: one\n", "cannot be read"),
        (
            "pack-1.0-py3-none-any.whl",
            b"Metadata-Version: 2.1\nName: pack\nVersion: 1.0\nRequires-Dist: not a requirement\n",
            "cannot be read",
        ),
    ],
)
def test_a_name_that_is_not_kept_is_refused(tmp_path: Path, file: str, metadata: bytes, reason: str) -> None:
    path = write_zip(tmp_path / file, [(f"{INFO}/METADATA", metadata)])
    with pytest.raises(WheelError, match=reason):
        Wheel.read(path)


@pytest.mark.parametrize(
    ("folders", "reason"),
    [
        ([], "it has none"),
        ([INFO, "pack-2.0.dist-info"], "it has pack-1.0.dist-info, pack-2.0.dist-info"),
        ([INFO], "has no pack-1.0.dist-info/METADATA"),
        (["other-1.0.dist-info"], "has no other-1.0.dist-info/METADATA"),
    ],
)
def test_there_must_be_one_dist_info_folder(tmp_path: Path, folders: list[str], reason: str) -> None:
    entries: Entries = [(f"{folder}/x", b"") for folder in folders]
    with pytest.raises(WheelError, match=reason):
        Wheel.read(write_zip(tmp_path / f"pack-1.0-{PURE}.whl", entries))


def test_the_environment_is_the_guest_alone() -> None:
    environment = target_environment("3.13.5")
    assert environment["python_version"] == "3.13"
    assert environment["python_full_version"] == environment["implementation_version"] == "3.13.5"
    assert (environment["sys_platform"], environment["os_name"]) == ("wasi", "posix")
    assert (environment["platform_system"], environment["platform_machine"]) == ("wasi", "wasm32")
    assert target_environment("3.14.0rc1")["python_version"] == "3.14"


def test_requirements_are_those_whose_markers_hold(tmp_path: Path) -> None:
    fields = (
        "Requires-Dist: always\n"
        'Requires-Dist: here; sys_platform == "wasi" and python_version >= "3.13"\n'
        'Requires-Dist: there; sys_platform == "linux" or platform_release > "1"\n'
        'Requires-Dist: older; python_full_version < "3.13.5"\n'
        'Requires-Dist: quick; extra == "fast"\n'
        'Requires-Dist: elsewhere; extra == "fast" and platform_system == "Linux"\n'
    )
    wheel = Wheel.read(make(tmp_path, {}, fields=fields))
    environment = target_environment("3.13.5")
    assert [wanted.name for wanted in requirements(wheel, environment)] == ["always", "here"]
    with_extra = requirements(wheel, environment, ("other", "fast"))
    assert [wanted.name for wanted in with_extra] == ["always", "here", "quick"]


# Rewriting


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    content = {"pack/b.py": b"b = 1\n", "pack/a.py": b"a = 1\n", **dist_info(PURE)}
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    late = [(zipfile.ZipInfo(file, (2020, 2, 2, 2, 2, 2)), data) for file, data in reversed(content.items())]
    late[0][0].external_attr = 0o100777 << 16
    folder = (zipfile.ZipInfo("pack/"), b"")
    first = write_zip(one / f"pack-1.0-{PURE}.whl", list(content.items()))
    second = write_zip(other / f"pack-1.0-{PURE}.whl", [folder, *late])
    assert first.read_bytes() != second.read_bytes()
    made = normalise(first, tmp_path / "made" / "one", {})
    again = normalise(second, tmp_path / "made" / "other", {})
    assert made == tmp_path / "made" / "one" / first.name
    assert made.read_bytes() == again.read_bytes()
    assert normalise(made, made.parent, {}).read_bytes() == again.read_bytes()  # in place
    assert [file.name for file in made.parent.iterdir()] == [made.name]


def test_order_times_and_modes_are_fixed(tmp_path: Path) -> None:
    files = {
        "zebra.py": b"",
        f"pack/fast{SUFFIX}": side_module(),
        "pack/lib/libx.so.1": b"",
        "pack-1.0.data/scripts/pack": b"#!python\n",
        "pack-1.0.data/data/share/pack.txt": b"text",
    }
    made = normalise(make(tmp_path, files), tmp_path / "out", {})
    with zipfile.ZipFile(made) as opened:
        infos = opened.infolist()
    assert [info.filename for info in infos] == [
        *sorted(files),
        f"{INFO}/METADATA",
        f"{INFO}/WHEEL",
        f"{INFO}/RECORD",
    ]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.compress_type for info in infos} == {zipfile.ZIP_DEFLATED}
    programs = {info.filename for info in infos if info.external_attr >> 16 == stat.S_IFREG | 0o755}
    assert programs == {f"pack/fast{SUFFIX}", "pack/lib/libx.so.1", "pack-1.0.data/scripts/pack"}
    others = {info.external_attr >> 16 for info in infos if info.filename not in programs}
    assert others == {stat.S_IFREG | 0o644}


def test_text_is_replaced_once_and_the_longest_key_wins(tmp_path: Path) -> None:
    files = {
        "pack/config.py": "cc = '/build/tools/bin/cc'\nroot = '/build/näher'\n".encode(),
        "pack/latin.txt": b"/build \xe9",
        "pack/data.bin": b"/build\0",
        "pack/other.py": b"unchanged\r\n",
    }
    keys = {"/build": "/guest/build", "/build/tools/bin/": "", "/guest": "/never"}
    made = entries_of(normalise(make(tmp_path, files), tmp_path / "out", keys))
    assert made["pack/config.py"].decode() == "cc = 'cc'\nroot = '/guest/build/näher'\n"
    for unchanged in ("pack/latin.txt", "pack/data.bin", "pack/other.py"):
        assert made[unchanged] == files[unchanged]
    assert not problems_of(tmp_path / "out" / f"pack-1.0-{NATIVE}.whl")


def test_a_small_wasm_module_is_not_text(tmp_path: Path) -> None:
    module = with_custom_section(HEADER, "path", b"/build")
    assert module.decode("utf-8")
    made = normalise(make(tmp_path, {"pack/x.wasm": module}), tmp_path / "out", {"/build": ""})
    assert entries_of(made)["pack/x.wasm"] == module


def test_an_empty_text_cannot_be_replaced(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty"):
        normalise(make(tmp_path, {}), tmp_path / "out", {"": "x"})


def test_stale_signatures_are_left_out(tmp_path: Path) -> None:
    signed = make(tmp_path, {}, changed={f"{INFO}/RECORD.jws": b"{}", f"{INFO}/RECORD.p7s": b""})
    assert not problems_of(signed)  # RECORD does not list them
    made = entries_of(normalise(signed, tmp_path / "out", {}))
    assert set(made) == {f"{INFO}/METADATA", f"{INFO}/WHEEL", f"{INFO}/RECORD"}


NAMES = st.text("ab.,\"' -_ä€+=", min_size=1, max_size=8).filter(lambda text: text not in (".", ".."))


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(NAMES.map(lambda text: f"pack/{text}"), st.binary(max_size=60), max_size=6),
    st.dictionaries(st.text(min_size=1, max_size=2), st.text(max_size=3), max_size=3),
)
def test_a_new_record_always_verifies(files: dict[str, bytes], replacements: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Replacements in METADATA or WHEEL may make them unreadable; this is about RECORD.
        made = normalise(make(Path(folder), files), Path(folder) / "out", replacements)
        with open_wheel(made) as source:
            record = wheel_archive.read_record(source)
            assert record.problems == []
            assert set(record.rows) == set(source.names)
            for file in set(source.names) - source.unrecorded:
                assert record.check(file, source.read(file)) == []
        with WheelFile.open(made) as other:  # somebody else's reader agrees
            other.validate_record()


# What is refused before anything is read


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("../x.py", "not a plain relative path"),
        ("pack/../../x.py", "not a plain relative path"),
        ("/etc/x", "not a plain relative path"),
        ("pack//x.py", "not a plain relative path"),
        ("./x.py", "not a plain relative path"),
        ("../", "not a plain relative path"),
        ("pack\\x.py", "one of Windows"),
        ("C:/x.py", "one of Windows"),
        ("c:x.py", "one of Windows"),
        ("pack/a\nb", "control characters"),
        ("pack/a\u2028b", "control characters"),
        (f"{INFO}/METADATA/x", "both a file and a folder"),
    ],
)
@pytest.mark.parametrize("use", [Wheel.read, lambda path: normalise(path, path.parent / "out", {})])
def test_unsafe_names_are_refused(tmp_path: Path, entry: str, reason: str, use: Callable[[Path], object]) -> None:
    path = make(tmp_path, {"good.py": b""}, changed={entry: b""})
    with pytest.raises(ArchiveError, match=reason):
        use(path)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and file != path]


def test_a_nul_does_not_hide_a_name(tmp_path: Path) -> None:
    path = make(tmp_path, {}, changed={"pack/x.py+.txt": b""})
    path.write_bytes(path.read_bytes().replace(b"x.py+.txt", b"x.py\0.txt"))
    with pytest.raises(ArchiveError, match="control characters"):
        Wheel.read(path)


def special(mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("pack/special")
    info.create_system, info.external_attr = 3, (mode | 0o777) << 16
    return info


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR])
def test_links_and_devices_are_refused(tmp_path: Path, mode: int) -> None:
    entries: Entries = [(special(mode), b"/etc/passwd"), *dist_info(PURE).items()]
    with pytest.raises(ArchiveError, match="neither file nor folder"):
        Wheel.read(write_zip(tmp_path / f"pack-1.0-{PURE}.whl", entries))


def test_names_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    path = make(tmp_path, {"pack/x.py": b"good", "pack/y.py": b"bad"})
    path.write_bytes(path.read_bytes().replace(b"pack/y.py", b"pack/x.py"))
    with pytest.raises(ArchiveError, match="it is there twice"):
        Wheel.read(path)


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.compress_type = zipfile.ZIP_BZIP2
    with pytest.raises(ArchiveError, match="encrypted, or compressed in another way"):
        Wheel.read(write_zip(tmp_path / f"pack-1.0-{PURE}.whl", [(info, b"x")]))


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, {"x": b"\0" * 5000})
    with pytest.raises(ArchiveError, match="more than 5000 bytes"), open_wheel(path, max_bytes=5000):
        pass
    with pytest.raises(ArchiveError, match="4 members, more than 3"), open_wheel(path, max_members=3):
        pass
    monkeypatch.setattr(wheel_archive, "MAX_ENTRY_BYTES", 4999)
    with pytest.raises(ArchiveError, match="5000 bytes, more than 4999"), open_wheel(path):
        pass


def test_what_is_no_archive_or_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / f"pack-1.0-{PURE}.whl"
    with pytest.raises(ArchiveError, match="damaged or no wheel"):
        Wheel.read(path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(ArchiveError, match="damaged or no wheel"):
        Wheel.read(path)
    damaged = make(tmp_path, {"pack/x.py": b"stored as it is"}, tag=PURE)
    damaged.write_bytes(damaged.read_bytes().replace(b"stored as it is", b"stored as it IS"))
    assert "is damaged at 'pack/x.py'" in only_problem(damaged)
    with pytest.raises(ArchiveError, match="is damaged at"):
        normalise(damaged, tmp_path / "out", {})
    assert list((tmp_path / "out").iterdir()) == []


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_wheel_gives_an_answer_or_our_error(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder), {f"pack/fast{SUFFIX}": side_module()})
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(raw))
        try:
            problems_of(path)
            normalise(path, Path(folder) / "out", {"pack": "other"})
        except PywasmError:
            pass


# Checks


def test_good_wheels_have_no_problems(tmp_path: Path) -> None:
    files = {
        f"pack/fast{SUFFIX}": side_module(needed=["libx.so.1"]),
        "pack/stable.abi3.so": side_module(),
        "pack/plain.so": side_module(),
        "pack/lib/libx.so.1": side_module(),
        "pack/lib/libx-1.2.so": side_module(),
        "pack/program.wasm": HEADER,
    }
    wheel = Wheel.read(make(tmp_path, files))
    require_good(wheel, short=SHORT, provided=PROVIDED, abi=ABI, forbidden=["/build"])
    for tag in ("cp312-abi3-wasi_wasm32", "cp313-abi3-wasi_wasm32", "cp32-abi3-wasi_wasm32"):
        assert not problems_of(make(tmp_path, {"pack/stable.abi3.so": side_module()}, tag=tag))
    for tag in ("py3-none-wasi_wasm32", "py2.py3-none-wasi_wasm32", "cp313-none-wasi_wasm32", "py39-none-wasi_wasm32"):
        assert not problems_of(make(tmp_path, {"pack/libx.so": side_module()}, tag=tag))
    pure = ("py2.py3-none-any", "py313-none-any", "py39-none-any", "py312.py314-none-any", "cp313-none-any")
    for tag in (PURE, *pure):
        path = make(tmp_path, {"pack.py": b"", "pack/program.wasm": HEADER}, tag=tag)
        assert Wheel.read(path).is_pure
        assert not problems_of(path)


def test_all_problems_are_in_the_error(tmp_path: Path) -> None:
    path = make(tmp_path, {"pack/x.py": b"/build/tree"}, tag="cp312-cp312-wasi_wasm32")
    with pytest.raises(WheelError, match=r"(?s)must not be installed:\n  - its tag .*\n  - pack/x.py contains"):
        require_good(Wheel.read(path), short=SHORT, provided=PROVIDED, abi=ABI, forbidden=["/build"])


@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-wasi_wasm32",
        "cp313-cp313-linux_x86_64",
        "cp312-none-any",
        "cp314-none-any",
        "py314-none-any",
        "py213-none-any",
        "pypy313-none-any",
        "cp313-abi3-any",
        "cp313-cp313t-wasi_wasm32",
        "cp314-abi3-wasi_wasm32",
        "cp3-abi3-wasi_wasm32",
        "cp213-abi3-wasi_wasm32",
        "cp312-abi3-linux_x86_64",
        "py2-none-wasi_wasm32",
        "py314-none-wasi_wasm32",
        "py3-none-linux_x86_64",
        "py2-none-any",
        "cp312.cp313-cp313-wasi_wasm32",
    ],
)
def test_a_tag_for_others_is_a_problem(tmp_path: Path, tag: str) -> None:
    problem = only_problem(make(tmp_path, {}, tag=tag))
    assert "does not suit Python 3.13 in wasm; that needs cp313-cp313-wasi_wasm32" in problem


def test_the_version_is_not_compared_as_text(tmp_path: Path) -> None:
    path = make(tmp_path, {}, tag="cp39-abi3-wasi_wasm32")
    assert not problems_of(path, short="3.10")
    assert problems_of(path, short="3.8")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (b"Wheel-Version: 1.0\nTag: cp313-cp313-linux_x86_64\n", "says cp313-cp313-linux_x86_64"),
        (b"Wheel-Version: 1.0\n", "says no tag"),
        (b"Wheel-Version: 1.0\nTag: nonsense\n", "says nonsense"),
        (f"Wheel-Version: 2.0\nTag: {NATIVE}\n".encode(), "its Wheel-Version is 2.0"),
        (f"Tag: {NATIVE}\n".encode(), "its Wheel-Version is none"),
    ],
)
def test_the_wheel_file_must_agree(tmp_path: Path, changed: bytes, reason: str) -> None:
    files = {"pack.py": b""}
    content = {**files, **dist_info(NATIVE), f"{INFO}/WHEEL": changed}
    full = {**content, f"{INFO}/RECORD": record_of(content)}
    assert reason in only_problem(write_zip(tmp_path / f"pack-1.0-{NATIVE}.whl", list(full.items())))


def test_a_wheel_without_a_wheel_file(tmp_path: Path) -> None:
    content = {file: data for file, data in dist_info(NATIVE).items() if not file.endswith("WHEEL")}
    full = {**content, f"{INFO}/RECORD": record_of(content)}
    path = write_zip(tmp_path / f"pack-1.0-{NATIVE}.whl", list(full.items()))
    assert f"has no {INFO}/WHEEL" in only_problem(path)


@pytest.mark.parametrize("file", ["pack/fast.so", "pack/hidden.bin"])
def test_a_side_module_must_not_be_tagged_as_pure(tmp_path: Path, file: str) -> None:
    problem = only_problem(make(tmp_path, {file: side_module()}, tag=PURE))
    assert "tagged as pure" in problem
    assert file in problem


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (b"\x7fELF\x02\x01\x01", "ELF"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "Mach-O"),
        (b"\xfe\xed\xfa\xce\0\0\0\x12", "Mach-O"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", "Mach-O"),
        (PE, "PE"),
    ],
)
@pytest.mark.parametrize(("file", "tag"), [(f"pack/fast{SUFFIX}", NATIVE), ("pack/tool", PURE)])
def test_binaries_of_other_machines_are_a_problem(
    tmp_path: Path, content: bytes, format: str, file: str, tag: str
) -> None:
    problem = of_module(tmp_path, content, file=file, tag=tag)
    assert problem.startswith(f"{file} is a binary for another machine ({format})")


def test_a_pure_wheel_may_carry_launchers_for_windows(tmp_path: Path) -> None:
    assert not problems_of(make(tmp_path, {"setuptools/cli-32.exe": PE}, tag=PURE))
    for content, file, tag in (
        (PE, "pack/cli.exe", NATIVE),
        (PE, "pack/fast.pyd", PURE),
        (b"\x7fELF\x02\x01\x01", "pack/cli.exe", PURE),
    ):
        assert "is a binary for another machine" in of_module(tmp_path, content, file=file, tag=tag)


@pytest.mark.parametrize("content", [b"\xca\xfe\xba\xbe\0\0\0\x34", b"MZ are initials", b"", b"MZ".ljust(64, b"\xff")])
def test_what_only_begins_like_one_is_none(tmp_path: Path, content: bytes) -> None:
    assert not problems_of(make(tmp_path, {"pack/data": content}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"INPUT(libx.so.1)", "cannot be read: malformed wasm module at byte 0"),
        (side_module()[:60], "cannot be read: malformed wasm module"),
        (HEADER, "is no side module (it has no dylink.0 section)"),
        (
            HEADER + dylink_section([(1, b"".join(map(uleb, (2**32 - 1, 0, 0, 0))))]),
            "cannot be read: malformed wasm module at byte 26: dylink.0 asks for a memory size",
        ),
        (side_module(abi=None), "has no section pywasm.abi"),
        (side_module(abi="pywasm-0"), "was built for the ABI 'pywasm-0', this is 'pywasm-1'"),
        (side_module(needed=["libz.so", "../libx.so"]), "needs ../libx.so, libz.so, not in the wheel"),
    ],
)
def test_a_side_module_that_cannot_be_loaded(tmp_path: Path, content: bytes, reason: str) -> None:
    problem = of_module(tmp_path, content)
    assert problem.startswith(f"pack/fast{SUFFIX} ")
    assert reason in problem


@pytest.mark.parametrize(
    ("file", "tag"),
    [
        ("pack/fast.cpython-312-wasm32-wasi.so", NATIVE),
        ("pack/fast.cpython-313-x86_64-linux-gnu.so", NATIVE),
        ("pack/libfast.cpython-313-x86_64-linux-gnu.so", NATIVE),
        ("pack/fast.1.so", NATIVE),
        ("pack/fast.so.1", NATIVE),
        (f"pack/fast{SUFFIX}", "cp312-abi3-wasi_wasm32"),
    ],
)
def test_a_file_name_that_python_does_not_look_for(tmp_path: Path, file: str, tag: str) -> None:
    problem = of_module(tmp_path, side_module(), file=file, tag=tag)
    assert problem.startswith(f"{file} should end in one of ")
    assert (SUFFIX in problem) is (tag == NATIVE or file.endswith(SUFFIX))


@pytest.mark.parametrize(
    "text",
    [
        '(import "env" "lost" (func))',
        '(import "env" "lost" (global i32))',
        '(import "env" "lost" (tag (param i32)))',
        '(import "env" "lost" (table 0 funcref))',
        '(import "GOT.mem" "lost" (global (mut i32)))',
        '(import "GOT.func" "lost" (global (mut i32)))',
        '(import "GOT.func" "lost" (global (mut i32))) (global (export "lost") i32 (i32.const 0))',
        '(import "GOT.mem" "lost" (global (mut i32))) (func (export "lost"))',
    ],
)
def test_an_import_that_nobody_defines(tmp_path: Path, text: str) -> None:
    problem = of_module(tmp_path, side_module(text))
    assert f"fast{SUFFIX} imports what neither python.wasm nor a side module of the wheel exports: lost;" in problem


def test_every_missing_symbol_is_listed_once(tmp_path: Path) -> None:
    text = '(import "env" "b" (func)) (import "GOT.func" "b" (global (mut i32))) (import "env" "a" (func))'
    assert "exports: a, b;" in of_module(tmp_path, side_module(text))


def test_imports_that_the_wheel_defines(tmp_path: Path) -> None:
    user = """
      (import "env" "f" (func)) (import "GOT.func" "f" (global (mut i32)))
      (import "GOT.mem" "datum" (global (mut i32)))
      (import "env" "own" (func)) (import "GOT.func" "PyLong_FromLong" (global (mut i32)))
      (func (export "own"))
    """
    library = '(func (export "f")) (global (export "datum") i32 (i32.const 8))'
    files = {
        f"pack/fast{SUFFIX}": side_module(user, needed=["libx.so"]),
        "pack/libx.so": side_module(library),
    }
    assert not problems_of(make(tmp_path, files))


@pytest.mark.parametrize(
    ("text", "weak", "good"),
    [
        ('(import "env" "maybe" (func))', ("env", "maybe"), True),
        ('(import "GOT.func" "maybe" (global (mut i32)))', ("GOT.func", "maybe"), True),
        ('(import "GOT.mem" "maybe" (global (mut i32)))', ("env", "maybe"), True),
        ('(import "env" "maybe" (global i32))', ("env", "maybe"), False),
        ('(import "env" "maybe" (func))', ("env", "other"), False),
    ],
)
def test_a_weak_import_may_stay_undefined(tmp_path: Path, text: str, weak: tuple[str, str], good: bool) -> None:
    path = make(tmp_path, {f"pack/fast{SUFFIX}": side_module(text, weak=[weak])})
    assert bool(problems_of(path)) is not good


def test_imports_from_other_modules_are_named(tmp_path: Path) -> None:
    text = """
      (import "wasi_snapshot_preview1" "fd_write" (func))
      (import "pywasm" "dlopen" (func))
    """
    problem = of_module(tmp_path, side_module(text))
    assert "imports from other modules than env, GOT.func and GOT.mem: pywasm.dlopen," in problem
    assert "wasi_snapshot_preview1.fd_write" in problem


@pytest.mark.parametrize(
    "files",
    [
        {"pack/x.py": b"cc = '/build/tools/cc'"},
        {"pack/x.pyc": b"\0\0/build/tools\xff"},
        {f"pack/fast{SUFFIX}": with_custom_section(side_module(), "producers", b"/build/tools")},
    ],
)
def test_paths_of_the_build_machine_are_named(tmp_path: Path, files: Content) -> None:
    problem = only_problem(make(tmp_path, files), forbidden=["/build/tools", "/home/me"])
    assert problem.startswith(f"{next(iter(files))} contains /build/tools of the build machine")


def test_a_name_may_not_be_such_a_path_either(tmp_path: Path) -> None:
    problems = problems_of(make(tmp_path, {"pack/build/tools": b""}), forbidden=["/build/tools"])
    in_name, in_record = sorted(problems, key=lambda problem: "RECORD" in problem)
    assert in_name.startswith("pack/build/tools contains")
    assert in_record.startswith(f"{INFO}/RECORD contains")


def listed(*rows: tuple[str, str, str]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


INFO_ROWS = tuple((file, digest(content), str(len(content))) for file, content in dist_info(NATIVE).items())
OWN_ROW = (f"{INFO}/RECORD", "", "")
GOOD_ROW = ("x.py", digest(b"x"), "1")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (listed(*INFO_ROWS, OWN_ROW), "RECORD does not list x.py"),
        (
            listed(*INFO_ROWS, GOOD_ROW, ("y.py", digest(b""), "0"), OWN_ROW),
            "y.py, which is not in the wheel",
        ),
        (listed(*INFO_ROWS, GOOD_ROW, GOOD_ROW, OWN_ROW), "RECORD lists x.py twice"),
        (listed(*INFO_ROWS, ("x.py", digest(b"y"), "1"), OWN_ROW), "another hash for x.py"),
        (listed(*INFO_ROWS, ("x.py", digest(b"x") + "=", "1"), OWN_ROW), "another hash for x.py"),
        (listed(*INFO_ROWS, ("x.py", digest(b"x"), "2"), OWN_ROW), "x.py has 2 bytes, it has 1"),
        (
            listed(*INFO_ROWS, ("x.py", "md5=xxxx", "1"), OWN_ROW),
            "no hash by sha256, sha384, sha512 for x.py",
        ),
        (listed(*INFO_ROWS, ("x.py", "", ""), OWN_ROW), "no hash by sha256, sha384, sha512 for x.py"),
        (listed(*INFO_ROWS, GOOD_ROW, (OWN_ROW[0], digest(b""), "0")), "a hash for itself"),
        (listed(*INFO_ROWS, GOOD_ROW, OWN_ROW) + b"alone\n", "a line of 1 fields instead of 3: 'alone'"),
    ],
)
def test_a_wrong_record_is_a_problem(tmp_path: Path, record: bytes, reason: str) -> None:
    path = make(tmp_path, {"x.py": b"x"}, changed={f"{INFO}/RECORD": record})
    assert reason in only_problem(path)


@pytest.mark.parametrize("record", [b"\xff", b'"open', b"x" * 200_000])
def test_a_record_that_cannot_be_read(tmp_path: Path, record: bytes) -> None:
    path = make(tmp_path, {"x.py": b"x"}, changed={f"{INFO}/RECORD": record})
    assert any("RECORD cannot be read" in problem for problem in problems_of(path))


def test_no_record_at_all(tmp_path: Path) -> None:
    path = write_zip(tmp_path / f"pack-1.0-{NATIVE}.whl", list(dist_info(NATIVE).items()))
    assert "there is no RECORD; build the wheel again, or let `normalise` write its RECORD" in problems_of(path)
    assert not problems_of(normalise(path, tmp_path / "out", {}))


def test_what_callers_use_is_in_one_place() -> None:
    assert {"Wheel", "check", "normalise", "require_good"} <= set(wheels.__all__)
