"""What the runner does when it is asked to load a module and to call an entry, here in native Python."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pywasm_host import _runner
from pywasm_host.backend import answered_by
from pywasm_host.information import forget_call


class Host:
    """Say which module and entry, and keep what is reported."""

    def __init__(self, module: str) -> None:
        self.information: dict[str, Any] = {"module": module, "entry": "faasm_main", "environment": {}}
        self.content = b"input"
        self.said: dict[str, Any] = {}
        self.output = b""

    def call_information(self) -> bytes:
        return json.dumps(self.information).encode()

    def read_input(self) -> bytes:
        return self.content

    def write_output(self, content: bytes) -> None:
        self.output = content

    def report(self, content: bytes) -> None:
        self.said = json.loads(content)


Write = Callable[[str], Host]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write the author's module; the host answers until the test ends."""
    monkeypatch.setattr(_runner, "CODE", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    host = Host(f"author_{os.urandom(8).hex()}")

    def write(source: str) -> Host:
        (tmp_path / f"{host.information['module']}.py").write_text(source, "utf-8")
        return host

    with answered_by(host):
        yield write
    sys.modules.pop(host.information["module"], None)
    forget_call()


def load(host: Host) -> dict[str, Any]:
    assert _runner.load() == 0
    return host.said


def called(host: Host, entry: str = "faasm_main") -> dict[str, Any]:
    host.information["entry"] = entry
    assert _runner.call() == 0
    return host.said


# Loading


def test_entries_are_the_functions_of_the_module(write: Write) -> None:
    said = load(write("import functools, os\nx = 1\nclass C: pass\ndef f(): pass\ng = functools.cache(f)\n"))
    assert (said["error"], said["traceback"], said["entries"]) == ("", "", ["f", "g"])


def test_an_error_shows_the_authors_lines_only(write: Write) -> None:
    host = write("def f():\n    return {}['missing']\nf()\n")
    said = load(host)
    assert said["error"] == "KeyError: 'missing'"
    assert "_runner.py" not in said["traceback"]
    assert "return {}['missing']" in said["traceback"]
    assert host.information["module"] not in sys.modules


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("def f(:\n", "SyntaxError"),
        ("import no_such_module_anywhere\n", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise SystemExit(3)\n", "the module ends the process when it is imported (status 3)"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("def f(): f()\nf()\n", "RecursionError: "),
    ],
)
def test_what_keeps_a_module_from_being_imported(write: Write, source: str, error: str) -> None:
    said = load(write(source))
    assert said["error"].startswith(error)


def test_a_module_with_the_name_of_another_one_is_refused(write: Write) -> None:
    host = write("")
    host.information["module"] = "json"
    said = load(host)
    sys.modules["json"] = json  # the fixture removes modules of this name
    assert said["error"].startswith("ImportError: json is a module of Python or of a package (")
    assert said["error"].endswith("name the function's file main.py")


def test_open_files_are_named(write: Write, tmp_path: Path) -> None:
    (tmp_path / "data.txt").touch()
    host = write(f"file = open({str(tmp_path / 'data.txt')!r}, 'rb', buffering=0)\n")
    said = load(host)
    sys.modules[host.information["module"]].__dict__["file"].close()
    gc.collect()
    assert said["no_image"].startswith("the module keeps files open when it is imported (")
    assert str(tmp_path / "data.txt") in said["no_image"]


def test_the_environment_is_there_at_import(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREETING", "")
    host = write("import os\ngreeting = os.environ['GREETING']\ndef faasm_main():\n    print(greeting)\n")
    host.information["environment"] = {"GREETING": "hi"}
    load(host)
    assert sys.modules[host.information["module"]].__dict__["greeting"] == "hi"


# Calling


def test_a_call_of_a_loaded_module(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    host = write("def faasm_main(content):\n    print(content, end='')\n    return 4\n")
    load(host)
    assert called(host) == {
        "status": 4,
        "failure": "status",
        "error": "the entry returned the status 4",
        "traceback": "",
    }
    assert capfd.readouterr().out == "b'input'"


def test_what_was_not_loaded_is_imported_by_the_call(write: Write) -> None:
    host = write("def faasm_main(): pass\n")
    assert called(host)["status"] == 0
    assert host.information["module"] in sys.modules


def test_a_module_that_breaks_when_it_is_imported_by_the_call(write: Write) -> None:
    said = called(write("1 / 0\n"))
    assert (said["status"], said["failure"]) == (1, "exception")
    assert said["error"] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("entry", ["other", "number"])
def test_an_entry_that_is_none(write: Write, entry: str) -> None:
    said = called(write("number = 1\n"), entry)
    assert said["error"] == f"AttributeError: the function's module has no entry '{entry}'"


def test_each_call_asks_anew_which_call_it_is(write: Write) -> None:
    host = write(
        "import pywasm_host as host\n"
        "seen = host.call_id()\n"
        "def faasm_main():\n    host.write_output_text(host.call_id())\n"
    )
    host.information["id"] = "one"
    load(host)
    host.information["id"] = "two"
    called(host)
    assert host.output == b"two"


def test_streams_that_the_author_took_away(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert called(write("def faasm_main(): pass\n"))["status"] == 0
