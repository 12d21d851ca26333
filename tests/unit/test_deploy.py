from __future__ import annotations

import asyncio
import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pywasm_runtime.functions.errors import FunctionError, InvalidName, NotFound, UploadRefused
from pywasm_runtime.functions.model import FunctionSettings, FunctionVersion, Limits
from pywasm_runtime.functions.service import FunctionService
from tests.unit.fake_workers import FakeOpener
from tests.unit.service_world import SOURCE, settings, source, with_service
from tests.unit.test_requirements import make_root


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


def upload(
    folder: Path,
    archive: bytes,
    *,
    user: str = "ann",
    name: str = "hello",
    settings: FunctionSettings | None = None,
    opener: FakeOpener | None = None,
) -> FunctionVersion:
    return with_service(folder, lambda service: service.upload(user, name, archive, settings), opener=opener)


def refusal(folder: Path, archive: bytes, settings: FunctionSettings | None = None) -> UploadRefused:
    with pytest.raises(UploadRefused) as caught:
        upload(folder, archive, settings=settings)
    with pytest.raises(NotFound):
        with_service(folder, lambda service: service.function("ann", "hello"))
    return caught.value


def test_a_file_becomes_a_version(tmp_path: Path) -> None:
    opener = FakeOpener()
    version = upload(tmp_path, source(), opener=opener)
    assert (version.user, version.name, version.version, version.no_image) == ("ann", "hello", 1, "")
    assert version.settings == FunctionSettings()
    (candidate,) = opener.opened[0].images
    assert (candidate.version, candidate.digest) == (0, version.digest)
    assert (tmp_path / "data" / "code" / version.digest / "hello.py").read_bytes() == SOURCE


def test_the_same_again_stays_the_same_version(tmp_path: Path) -> None:
    first, opener = upload(tmp_path, source()), FakeOpener()
    assert upload(tmp_path, source(), opener=opener) == first
    assert opener.opened == []


def test_other_settings_or_other_code_are_a_new_version(tmp_path: Path) -> None:
    upload(tmp_path, source())
    settings = FunctionSettings(limits=Limits(wall_seconds=1.5), environment={"A": "b"}, config={"c/d": "é"})
    second = upload(tmp_path, source(), settings=settings)
    assert (second.version, second.settings) == (2, settings)
    assert upload(tmp_path, source(code=SOURCE + b"\n"), settings=settings).version == 3


def test_an_older_one_uploaded_again_is_a_new_version(tmp_path: Path) -> None:
    upload(tmp_path, source())
    upload(tmp_path, source(code=b"def faasm_main(): pass"))
    assert upload(tmp_path, source()).version == 3


def test_a_module_that_cannot_be_in_an_image_is_accepted_and_told(tmp_path: Path) -> None:
    archive = source(code=b"file = open('/etc/passwd')\n" + SOURCE)
    version = upload(tmp_path, archive)
    assert version.no_image == "it leaves a file open"
    opener = FakeOpener()
    assert upload(tmp_path, archive, opener=opener) == version
    assert len(opener.opened[0].images) == 1, "the reason may have gone, with another runtime root"


def test_a_module_that_cannot_be_imported(tmp_path: Path) -> None:
    error = refusal(tmp_path, source(code=b"def ("))
    assert str(error) == "hello.py cannot be imported: SyntaxError: invalid syntax"
    assert error.traceback == "  File hello.py\nSyntaxError\n"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("faasm_mian", "no top-level function 'faasm_mian' (did you mean 'faasm_main'?), which is to be its entry"),
        ("other", "it has: faasm_main, fail, slow"),
    ],
)
def test_an_entry_that_is_not_there(tmp_path: Path, entry: str, message: str) -> None:
    assert message in str(refusal(tmp_path, source(), FunctionSettings(entry=entry)))


def test_a_module_without_functions(tmp_path: Path) -> None:
    message = str(refusal(tmp_path, source(code=b"x = 1")))
    assert message == "hello.py has no top-level function; the entry 'faasm_main' must be one"


def test_a_long_list_of_functions_is_cut(tmp_path: Path) -> None:
    code = "\n".join(f"def f{number}(): pass" for number in range(30)).encode()
    assert str(refusal(tmp_path, source(code=code))).endswith("f19 ...")


def test_requirements_that_are_met(tmp_path: Path) -> None:
    archive = zipped(main__py=SOURCE.decode(), requirements__txt="numpy>=2  # fine\n\nPyYAML\n")
    assert upload(tmp_path, archive).version == 1


def test_requirements_that_a_newer_runtime_root_meets(tmp_path: Path) -> None:
    archive = zipped(main__py=SOURCE.decode(), requirements__txt="numpy<3\n")
    make_root(tmp_path / "new")
    root = settings(tmp_path).root.folder
    root.rename(tmp_path / "old")
    shutil.rmtree(next((tmp_path / "old").rglob("numpy*.dist-info")))
    root.symlink_to("old")

    async def body(service: FunctionService) -> str:
        root.unlink()
        root.symlink_to("new")  # as bin/inv libs.install does
        with pytest.raises(UploadRefused) as caught:
            await service.upload("ann", "hello", archive)
        return str(caught.value)

    assert "installed after the server was started" in with_service(tmp_path, body)
    assert upload(tmp_path, archive).version == 1


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("ModuleNotFoundError: No module named 'six'", "; if that is a package: bin/inv libs.install --name six"),
        ("ModuleNotFoundError: No module named '--all; rm'", ""),
        ("ModuleNotFoundError: No module named 'a.b'", ""),
        ("ImportError: cannot import name 'b' from 'a'", ""),
    ],
)
def test_a_module_that_is_missing_may_be_a_package(tmp_path: Path, error: str, hint: str) -> None:
    opener = FakeOpener(import_error=error)
    with pytest.raises(UploadRefused) as caught:
        upload(tmp_path, source(), opener=opener)
    assert str(caught.value) == f"hello.py cannot be imported: {error}{hint}"


def test_requirements_that_are_not_met(tmp_path: Path) -> None:
    opener = FakeOpener()
    archive = zipped(main__py=SOURCE.decode(), requirements__txt="numpy<2\nsix\n")
    with pytest.raises(UploadRefused, match=r"install it with: bin/inv libs.install --name 'numpy<2' --name six"):
        upload(tmp_path, archive, opener=opener)
    assert opener.opened == []


def test_what_is_no_archive(tmp_path: Path) -> None:
    assert "cannot be read as a zip file" in str(refusal(tmp_path, b"def faasm_main(): pass"))
    assert "2 Python files at its top" in str(refusal(tmp_path, zipped(a__py="", b__py="")))


@pytest.mark.parametrize(
    ("user", "name"),
    [("ann", "../x"), ("ann", "/x"), ("ann", "x\0"), ("ann", "x" * 101), ("../ann", "x"), ("Ann", "x"), ("", "x")],
)
def test_names_are_checked_first(tmp_path: Path, user: str, name: str) -> None:
    with pytest.raises(InvalidName):
        upload(tmp_path, source(), user=user, name=name)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"entry": "a b"}, InvalidName),
        ({"entry": "lambda"}, InvalidName),
        ({"limits": Limits(memory_bytes=1 << 40)}, FunctionError),
        ({"limits": Limits(wall_seconds=float("nan"))}, FunctionError),
        ({"environment": {"A=B": "c"}}, InvalidName),
        ({"environment": {"A": "\0"}}, InvalidName),
        ({"config": {"": "x"}}, InvalidName),
    ],
)
def test_settings_are_checked_whoever_made_them(
    tmp_path: Path, changes: dict[str, object], kind: type[FunctionError]
) -> None:
    settings = replace(FunctionSettings(), **changes)  # type: ignore[arg-type]
    with pytest.raises(kind):
        upload(tmp_path, source(), settings=settings)


def test_two_uploads_at_once_become_two_versions(tmp_path: Path) -> None:
    async def body(service: FunctionService) -> list[FunctionVersion]:
        sources = [source(code=SOURCE + b"\n" * number) for number in range(8)]
        return list(await asyncio.gather(*(service.upload("ann", "hello", archive) for archive in sources)))

    versions = with_service(tmp_path, body)
    assert sorted(version.version for version in versions) == list(range(1, 9))
    assert len({version.digest for version in versions}) == 8
