from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pywasm_build.command import Completed
from pywasm_build.doctor import NEEDS, TEST_NEEDS, Need, examine, mend, mending_command, report, require, want
from pywasm_build.errors import MachineError
from tests.unit.fakes import FakeRunner, completed


class Machine:
    """A machine with some programs and headers; its apt-get installs what it is asked for."""

    whole_perl = True

    def __init__(self, *programs: str, headers: Sequence[str] = ()) -> None:
        self.headers = set(headers)
        self.runner = FakeRunner(answers={name: lambda _: completed() for name in programs})
        if "perl" in programs:
            self.runner.answers["perl"] = self.use
        if "cc" in programs:
            self.runner.answers["cc"] = self.compile
        if "apt-get" in programs:
            self.runner.answers["apt-get"] = self.install

    def use(self, args: Sequence[str]) -> Completed:
        assert args[1].startswith("-M")
        return completed(returncode=0 if self.whole_perl else 2)

    def compile(self, args: Sequence[str]) -> Completed:
        if args[-1] == "--version":
            return completed()
        included = Path(args[-1]).read_text().split()[1::2]
        known = all(name.strip("<>") in {*self.headers, "stdio.h"} for name in included)
        return completed(returncode=0 if known else 1)

    def install(self, args: Sequence[str]) -> Completed:
        for need in (*NEEDS, *TEST_NEEDS):
            if need.packages["apt-get"].split()[0] in args:
                if need.kind == "header":
                    self.headers.add(need.what.split()[-1])
                elif need.kind == "perl":
                    self.whole_perl, self.runner.answers["perl"] = True, self.use
                else:
                    self.runner.answers[need.what] = lambda _: completed()
        return completed()


TOOLS = ("cc", "make", "git", "pkg-config", "perl")
HEADERS = ("openssl/ssl.h", "zlib.h", "ffi.h", "sqlite3.h", "lzma.h", "bzlib.h")


def missing(machine: Machine) -> list[str]:
    return [found.need.what for found in examine(machine.runner) if not found.found]


def test_a_complete_machine() -> None:
    machine = Machine(*TOOLS, headers=HEADERS)
    assert missing(machine) == []
    assert require(machine.runner)


def test_a_missing_header_is_found_by_compiling() -> None:
    machine = Machine(*TOOLS, headers=[name for name in HEADERS if name != "ffi.h"])
    assert missing(machine) == ["ffi.h"]
    assert not any("dpkg" in call[0] for call in machine.runner.calls)


def test_a_machine_with_nothing_misses_all_but_python() -> None:
    assert missing(Machine()) == [need.what for need in NEEDS if need.kind != "module"]


def test_a_perl_without_its_standard_modules() -> None:
    machine = Machine(*TOOLS, headers=HEADERS)
    machine.whole_perl = False
    assert missing(machine) == ["IPC::Cmd"]
    assert mending_command(examine(machine.runner), "apt-get")[-1] == "perl"


def test_a_python_without_lzma() -> None:
    findings = examine(Machine(*TOOLS, headers=HEADERS).runner, has_module=lambda name: False)
    assert [found.need.what for found in findings if not found.found] == ["lzma"]


@pytest.mark.parametrize(
    ("manager", "root", "command"),
    [
        ("apt-get", True, "  apt-get install -y --no-install-recommends libffi-dev make"),
        ("apt-get", False, "  sudo apt-get install -y --no-install-recommends libffi-dev make"),
        ("dnf", False, "  sudo dnf install -y libffi-devel make"),
        ("apk", True, "  apk add libffi-dev make"),
        ("brew", False, "  brew install libffi make"),
    ],
)
def test_the_one_command_that_mends_it(manager: str, root: bool, command: str) -> None:
    machine = Machine("cc", "git", "pkg-config", "perl", headers=[h for h in HEADERS if h != "ffi.h"])
    machine.runner.answers[manager] = lambda _: completed()
    with pytest.raises(MachineError) as caught:
        require(machine.runner, root=root)
    assert str(caught.value).splitlines()[-1] == command
    assert "make" in str(caught.value)


def test_an_unknown_package_manager_gets_the_names() -> None:
    machine = Machine("cc", "git", "pkg-config", "perl", headers=HEADERS)
    with pytest.raises(MachineError, match=r"package manager: make$"):
        require(machine.runner, mend_it=True, root=True)


def test_root_on_debian_mends_it_without_a_question() -> None:
    machine = Machine("apt-get", "git", "cc")
    require(machine.runner, mend_it=True, root=True)
    installs = [call for call in machine.runner.calls if call[0] == "apt-get" and call[1] != "--version"]
    assert installs[0] == ["apt-get", "update"]
    assert installs[1][:4] == ["apt-get", "install", "-y", "--no-install-recommends"]
    assert {"DEBIAN_FRONTEND": "noninteractive"} in machine.runner.changes


def test_others_are_told_the_command() -> None:
    machine = Machine("apt-get", "git", "cc")
    with pytest.raises(MachineError, match="sudo apt-get install"):
        require(machine.runner, mend_it=True, root=False)


def test_an_apt_that_fails_is_our_error() -> None:
    machine = Machine("apt-get")
    machine.runner.answers["apt-get"] = lambda args: completed(returncode=int(args[1] != "--version"))
    with pytest.raises(MachineError, match="apt-get could not install"):
        mend(machine.runner, examine(machine.runner), root=True)


def test_nothing_missing_needs_no_command() -> None:
    assert mending_command(examine(Machine(*TOOLS, headers=HEADERS).runner), "apt-get") == []


def test_the_report_names_need_purpose_and_state() -> None:
    text = report(examine(Machine("git").runner))
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert lines["git"].endswith("found")
    assert lines["cc"].endswith("MISSING")
    assert "ctypes in the native Python" in lines["ffi.h"]


def test_what_only_tests_need_is_installed_by_root_on_debian() -> None:
    machine = Machine("apt-get")
    assert [found.found for found in want(machine.runner, root=True)] == [True]
    assert machine.runner.calls[-2][-1] == "chromium"
    machine.runner.calls.clear()
    assert [found.found for found in want(machine.runner, root=True)] == [True]
    assert machine.runner.calls == [["chromium", "--version"]]


@pytest.mark.parametrize("programs", [("apt-get",), ()])
def test_what_only_tests_need_may_be_missing(programs: tuple[str, ...]) -> None:
    assert [found.found for found in want(Machine(*programs).runner, root=False)] == [False]
    broken = Machine("apt-get")
    broken.runner.answers["apt-get"] = lambda args: completed(returncode=int(args[1] != "--version"))
    assert [found.found for found in want(broken.runner, root=True)] == [False]


@pytest.mark.parametrize("need", (*NEEDS, *TEST_NEEDS), ids=lambda need: need.what)
def test_every_need_has_a_package_in_every_manager(need: Need) -> None:
    assert set(need.packages) == {"apt-get", "dnf", "apk", "brew"}
