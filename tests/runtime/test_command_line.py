"""Our options, and where Python's begin."""

from pathlib import Path

import pytest

from pywasm_runtime.cli import process_settings
from pywasm_runtime.command_line import find_script, parse_command_line
from pywasm_runtime.embedding import Program
from pywasm_runtime.errors import MountError, UsageError
from pywasm_runtime.mounts import Mount
from pywasm_runtime.process import ProcessSettings
from pywasm_runtime.runtime_root import RuntimeRoot


@pytest.mark.parametrize(
    ("arguments", "script"),
    [
        ("", None),
        ("-", None),
        ("- s.py", None),
        ("s.py -c x", 0),
        ("-c s.py", None),
        ("-cpass s.py", None),
        ("-Ic s.py", None),
        ("-m mod s.py", None),
        ("-Im mod", None),
        ("-I -u s.py", 2),
        ("-W error s.py", 2),
        ("-Werror s.py", 1),
        ("-X dev -OO s.py", 3),
        ("-uX dev s.py", 2),
        ("-uXdev s.py", 1),
        ("-W", None),
        ("--check-hash-based-pycs always s.py", 2),
        ("--version", None),
        ("-V", None),
        ("-i s.py", 1),
        ("-bb -d -P -s -S -q -v -x -E s.py", 9),
        ("-- -c.py", 1),
        ("--", None),
    ],
)
def test_which_argument_is_the_script(arguments: str, script: int | None) -> None:
    assert find_script(arguments.split()) == script


def test_own_options_come_first(tmp_path: Path) -> None:
    line = parse_command_line(
        [
            "--env",
            "A=1",
            "--env=B=x=y",
            "--env",
            "C",
            "--dir",
            f"{tmp_path}:/d",
            f"--dir={tmp_path}:/e:ro",
            "-c",
            "1",
        ]
    )
    assert line.environment == (("A", "1"), ("B", "x=y"), ("C", None))
    assert [(mount.guest, mount.read_only) for mount in line.mounts] == [("/d", False), ("/e", True)]
    assert line.python_arguments == ("-c", "1")


def test_after_python_s_options_ours_are_its_own() -> None:
    assert parse_command_line(["-c", "1", "--env", "A=1", "--help"]).python_arguments[2:] == (
        "--env",
        "A=1",
        "--help",
    )
    assert not parse_command_line(["-h"]).help
    assert parse_command_line(["--help"]).help


@pytest.mark.parametrize("arguments", [["--env"], ["--dir"], ["--env", "=x"], ["--env="]])
def test_bad_options(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_command_line(arguments)


PRIVATE = Mount(host=Path("/private"), guest="/tmp", read_only=False)


def settings(tmp_path: Path, *arguments: str) -> ProcessSettings:
    (tmp_path / "root/usr/lib").mkdir(parents=True, exist_ok=True)
    (tmp_path / "root/usr/lib/inner.py").write_text("")
    program = Program(path=tmp_path / "root/usr/bin/python.wasm", digest="", guest_name="/usr/bin/python.wasm")
    root = RuntimeRoot(folder=tmp_path / "root", program=program)
    return process_settings(parse_command_line(arguments), root, PRIVATE)


def guests(found: ProcessSettings) -> dict[str, tuple[Path, bool]]:
    return {mount.guest: (mount.host, mount.read_only) for mount in found.mounts}


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "present" / "scripts"
    folder.mkdir(parents=True)
    (folder / "s.py").write_text("")
    monkeypatch.chdir(tmp_path / "present")
    return folder


def test_a_scripts_folder_is_shown_read_only_at_its_own_path(tmp_path: Path, scripts: Path) -> None:
    found = settings(tmp_path, "scripts/s.py", "x")
    assert guests(found)[str(scripts)] == (scripts, True)
    assert found.arguments == ["/usr/bin/python.wasm", f"{scripts}/s.py", "x"]
    assert "PYWASM_CWD" not in found.environment  # the folder we are in is not shown


def test_a_script_beside_us_keeps_its_name(tmp_path: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scripts)
    found = settings(tmp_path, "-u", "s.py")
    assert list(found.arguments)[1:] == ["-u", "s.py"]
    assert found.environment["PYWASM_CWD"] == str(scripts)
    monkeypatch.chdir(scripts.parent)
    assert list(settings(tmp_path, "./scripts/../scripts/s.py").arguments)[1] == f"{scripts}/s.py"


def test_a_dir_that_covers_the_script(tmp_path: Path, scripts: Path) -> None:
    found = settings(tmp_path, "--dir", f"{tmp_path}/present:/w", "scripts/s.py")
    assert list(found.arguments)[1] == "scripts/s.py"
    assert found.environment["PYWASM_CWD"] == "/w"
    assert str(scripts) not in guests(found)


def test_a_script_that_only_the_guest_has(tmp_path: Path, scripts: Path) -> None:
    del scripts
    assert list(settings(tmp_path, "/usr/lib/inner.py").arguments)[1] == "/usr/lib/inner.py"


def test_a_link_to_a_script(tmp_path: Path, scripts: Path) -> None:
    (tmp_path / "present/link.py").symlink_to(scripts / "s.py")
    assert list(settings(tmp_path, "link.py").arguments)[1] == f"{scripts}/s.py"


def test_a_script_in_tmp_does_not_take_the_guests_tmp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = Path("/tmp") / f"pywasm-test-{tmp_path.name}.py"
    script.write_text("")
    try:
        found = settings(tmp_path, str(script))
    finally:
        script.unlink()
    assert guests(found)["/tmp"] == (PRIVATE.host, False)
    assert list(found.arguments)[1] == f"/script/{script.name}"


def test_a_folder_as_script(tmp_path: Path, scripts: Path) -> None:
    found = settings(tmp_path, str(scripts))
    assert guests(found)[str(scripts)] == (scripts, True)


def test_a_missing_script(tmp_path: Path, scripts: Path) -> None:
    del scripts
    with pytest.raises(UsageError, match=r"can't open file '/.*/present/gone\.py': \[Errno 2\] No such file"):
        settings(tmp_path, "gone.py")


def test_a_dir_takes_the_place_of_our_mount(tmp_path: Path, scripts: Path) -> None:
    assert guests(settings(tmp_path, "--dir", f"{scripts}:/tmp"))["/tmp"] == (scripts, False)
    with pytest.raises(MountError, match="two folders"):
        settings(tmp_path, "--dir", f"{scripts}:/x", "--dir", f"{scripts}:/x")


def test_nothing_of_our_environment_leaks(tmp_path: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del scripts
    monkeypatch.setenv("SECRET", "s")
    monkeypatch.setenv("WANTED", "w")
    found = settings(tmp_path, "--env", "WANTED", "--env", "UNSET", "--env", "HOME=/h")
    assert dict(found.environment) == {
        "HOME": "/h",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "WANTED": "w",
    }
