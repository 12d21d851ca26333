"""`bin/inv` as it is typed: from anywhere, with mistakes."""

from pathlib import Path

import pytest

from pywasm_build.recipes import read_registry
from tests.integration.chain import PACKAGES, Chain, Checkout, run


def test_from_another_folder_and_through_links(scratch: Checkout, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(scratch.root / "bin" / "inv")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "relative").symlink_to("../link")
    for command in (tmp_path / "link", Path("relative"), scratch.root / "bin" / "inv"):
        program = command if command.is_absolute() else Path(command)
        ended = run(
            ["/bin/sh", "-c", 'exec "$0" --list', f"./{program}" if not program.is_absolute() else program],
            cwd=tmp_path / "a folder",
        )
        assert ended.returncode == 0, ended.stderr
        assert "  libs.install " in ended.stdout


def test_an_unknown_task(scratch: Checkout) -> None:
    ended = scratch.inv("quikstart")
    assert (ended.returncode, ended.stderr) == (1, "No idea what 'quikstart' is!\n")


@pytest.mark.network
def test_an_unknown_package(scratch: Checkout) -> None:
    ended = scratch.inv("libs.install", "--name", "nupmy")
    assert ended.returncode == 1
    assert "nupmy" in ended.stdout
    assert "did you mean 'numpy'?" in ended.stdout
    assert "1 failed" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_library_is_no_package(scratch: Checkout) -> None:
    ended = scratch.inv("libs.install", "--name", "libyaml")
    assert ended.returncode == 1
    assert "libyaml is a native library" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["libs.install", "--name", "a package"], 2, "'a package' is not a package name or requirement"),
        (["libs.test"], 2, "one of --name NAME, --quick and --all says whose tests to run"),
        (["libs.test", "--name", "nupmy"], 11, "did you mean 'numpy'?"),
        (["libs.test", "--name", "six", "--no-such"], 1, "--no-such"),
        (["test", "--only", "nonsense"], 2, "--only takes unit, runtime or integration"),
    ],
)
def test_mistakes(scratch: Checkout, arguments: list[str], code: int, message: str) -> None:
    ended = scratch.inv(*arguments)
    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_that_are_wrong(scratch: Checkout) -> None:
    for name, value, message in (
        ("PYWASM_JOBS", "many", "PYWASM_JOBS must be a number of 1 or more"),
        ("PYWASM_CACHE", "relative", "PYWASM_CACHE must be an absolute path"),
    ):
        ended = run([scratch.root / "bin" / "inv", "runtime"], cwd=Path("/"), environ={name: value})
        assert ended.returncode == 2
        assert message in ended.stderr


def test_sources_are_what_was_pinned(chain: Chain, scratch: Checkout) -> None:
    ended = scratch.inv("sources", "--verify")
    assert ended.returncode == 0, ended.stderr
    for name in ("cpython", "wasi-libc", "compiler-rt"):
        assert any(line.startswith(f"{name} ") for line in ended.stdout.splitlines())
    assert "verified" in ended.stdout


def test_the_list_of_packages(chain: Chain) -> None:
    ended = chain.inv("libs.show")
    assert ended.returncode == 0, ended.stderr
    lines = {line.split()[0]: line for line in ended.stdout.splitlines()[2:]}
    for recipe in read_registry(chain.context.workspace.patches).packages:
        assert recipe.version in lines[recipe.name]
    for name in PACKAGES:
        assert "installed" in lines[name]
        assert "not installed" not in lines[name]
