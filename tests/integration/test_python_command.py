"""`bin/python-wasm` behaves like `python`."""

import fcntl
import hashlib
import os
import pty
import random
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.chain import TIMEOUT, Chain, default_interrupt, printed, running


def test_a_command_with_arguments(chain: Chain) -> None:
    ended = chain.python("-c", "import sys; print(sys.argv)", "a", "--dir", "-x", "")
    assert printed(ended) == "['-c', 'a', '--dir', '-x', '']"


def test_a_module_with_arguments(chain: Chain, tmp_path: Path) -> None:
    assert printed(chain.python("-m", "base64", "-e", text="abc")) == "YWJj"
    (tmp_path / "mine.py").write_text("import sys; print(__name__, sys.argv[1:], __file__)\n")
    shown = chain.python("--dir", ".", "-m", "mine", "-v", cwd=tmp_path)
    assert printed(shown) == f"__main__ ['-v'] {tmp_path}/mine.py"


@pytest.mark.parametrize(("arguments", "argv"), [([], [""]), (["-"], ["-"]), (["-", "x"], ["-", "x"])])
def test_a_program_on_stdin(chain: Chain, arguments: list[str], argv: list[str]) -> None:
    assert printed(chain.python(*arguments, text="import sys; print(6 * 7, sys.argv)")) == f"42 {argv}"


def test_a_script_with_a_neighbour(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("number = 5\n")
    (tmp_path / "s.py").write_text("import neighbour, sys\nprint(neighbour.number, sys.argv)\n")
    assert printed(chain.python("s.py", "a", cwd=tmp_path)) == "5 ['s.py', 'a']"
    assert printed(chain.python(f"{tmp_path.name}/s.py", cwd=tmp_path.parent)) == f"5 ['{tmp_path}/s.py']"
    assert not (tmp_path / "__pycache__").exists()


def test_a_script_reads_stdin_and_its_own_folder(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("data")
    (tmp_path / "s.py").write_text(
        "import pathlib\nprint(input(), pathlib.Path(__file__).with_name('data.txt').read_text())\n"
    )
    assert printed(chain.python(tmp_path / "s.py", cwd=Path("/"), text="line\n")) == "line data"


def test_through_a_link(chain: Chain, tmp_path: Path) -> None:
    link = tmp_path / "a link"
    link.symlink_to(chain.python_wasm)
    ended = subprocess.run([link, "-V"], cwd="/", capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.stdout.startswith("Python ")


def test_a_missing_script(chain: Chain, tmp_path: Path) -> None:
    ended = chain.python("gone.py", cwd=tmp_path)
    assert ended.returncode == 2
    expected = f"python-wasm: can't open file '{tmp_path}/gone.py': [Errno 2] No such file or directory\n"
    assert (ended.stdout, ended.stderr) == ("", expected)


@pytest.mark.parametrize("status", [0, 1, 3, 130, 255, 256 + 7])
def test_exit_statuses(chain: Chain, status: int) -> None:
    assert chain.python("-c", f"import sys; sys.exit({status})").returncode == status % 256


def test_ways_to_end(chain: Chain) -> None:
    text = chain.python("-c", "raise SystemExit('the text')")
    assert (text.returncode, text.stderr) == (1, "the text\n")
    error = chain.python("-c", "1/0")
    assert error.returncode == 1
    assert error.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "wasm" not in error.stderr
    at_once = chain.python("-c", "import os; print('lost', end=''); os._exit(9)")
    assert (at_once.returncode, at_once.stdout) == (9, "")
    assert chain.python("-c", "def").returncode == 1
    assert chain.python("--no-such-option").returncode == 2
    atexit = "import atexit, sys; atexit.register(print, 'last'); sys.stdout.write('first '); sys.exit(4)"
    last = chain.python("-c", atexit)
    assert (last.returncode, last.stdout) == (4, "first last\n")


def test_text_of_every_kind(chain: Chain, tmp_path: Path) -> None:
    folder = tmp_path / "Ünïcödé 文件夹 😀"
    folder.mkdir()
    (folder / "skript 文.py").write_text(
        "import sys; print(sys.argv, sorted(__import__('os').listdir('.')))\n", "utf-8"
    )
    ended = chain.python("--dir", ".", "skript 文.py", "ä €", "😀", cwd=folder)
    assert printed(ended) == "['skript 文.py', 'ä €', '😀'] ['skript 文.py']"
    code = "open('neu ß', 'w').write('😀'); print(open('neu ß').read(), input())"
    assert printed(chain.python("--dir", ".", "-c", code, cwd=folder, text="ñandú\n")) == "😀 ñandú"
    assert (folder / "neu ß").read_text("utf-8") == "😀"


def test_megabytes_through_pipes(chain: Chain) -> None:
    content = random.Random(1).randbytes(10_000_000)
    code = "import sys; data = sys.stdin.buffer.read(); sys.stderr.write(str(sys.stdout.buffer.write(data[::-1])))"
    ended = subprocess.run([chain.python_wasm, "-c", code], input=content, capture_output=True, timeout=TIMEOUT)
    assert hashlib.sha256(ended.stdout).digest() == hashlib.sha256(content[::-1]).digest()
    assert ended.stderr == b"10000000"


def test_output_that_is_not_text(chain: Chain) -> None:
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)))"
    ended = subprocess.run([chain.python_wasm, "-c", code], capture_output=True, timeout=TIMEOUT)
    assert ended.stdout == bytes(range(256))


def test_files_as_streams(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a\nb\n")
    code = "import sys; sys.stdout.write(sys.stdin.read().upper()); print('error', file=sys.stderr)"
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        subprocess.run([chain.python_wasm, "-c", code], stdin=stdin, stdout=out, stderr=err, timeout=TIMEOUT)
    assert ((tmp_path / "out").read_text(), (tmp_path / "err").read_text()) == ("A\nB\n", "error\n")


def test_output_appears_as_it_is_written(chain: Chain) -> None:
    code = "import sys; print('first', flush=True); input(); print('second')"
    with running([chain.python_wasm, "-c", code]) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "second\n"
        assert process.wait(TIMEOUT) == 0


def test_the_standard_library_is_that_of_this_python(chain: Chain) -> None:
    code = """
import asyncio, csv, dataclasses, decimal, email, hashlib, json, logging, pathlib, random, re, statistics, sys
import unittest, xml.etree.ElementTree, zipfile
random.seed(7)
print(sys.platform, sys.maxsize == 2**31 - 1, sys.byteorder, repr(1.1), random.random(), 2**0.5)
print(decimal.Decimal(2).sqrt(), hashlib.sha256(b"x").hexdigest()[:8], json.dumps({"a": [1.5, None]}))
"""
    assert printed(chain.python("-c", code)).splitlines() == [
        f"wasi True little 1.1 {random.Random(7).random()} {2**0.5}",
        f'{Decimal(2).sqrt()} {hashlib.sha256(b"x").hexdigest()[:8]} {{"a": [1.5, null]}}',
    ]


def test_python_s_own_options(chain: Chain) -> None:
    assert printed(chain.python("-I", "-c", "import sys; print(sys.flags.isolated)")) == "1"
    assert printed(chain.python("-OO", "-c", "assert 0; print(__debug__)")) == "False"
    warned = chain.python("-W", "error", "-X", "dev", "-c", "import warnings; warnings.warn('x')")
    assert warned.stderr.endswith("UserWarning: x\n")
    assert "usage:" in chain.python("-h").stdout
    assert "--dir HOST[:GUEST][:ro]" in chain.python("--help").stdout


class Terminal:
    """A terminal with python-wasm in it."""

    def __init__(self, *command: str | Path) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_take_terminal
        )
        os.close(theirs)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def expect(self, text: str) -> None:
        """Read until `text` was seen, which is then forgotten with all before it."""
        deadline = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self._ours, 4096).decode("utf-8", "replace")
                except OSError:  # the other end is closed
                    break
        assert text in self.seen, self.seen
        self.seen = self.seen.partition(text)[2]

    def wait(self) -> int:
        """Give the exit status."""
        return self.process.wait(30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


Open = Callable[..., Terminal]


@pytest.fixture
def open_terminal() -> Iterator[Open]:
    """Start commands in terminals of their own, which are closed after the test."""
    terminals: list[Terminal] = []

    def start(*command: str | Path) -> Terminal:
        terminals.append(Terminal(*command))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


def _take_terminal() -> None:
    default_interrupt()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_the_prompt(chain: Chain, open_terminal: Open) -> None:
    terminal = open_terminal(chain.python_wasm)
    terminal.expect("Python 3")
    terminal.expect(">>> ")
    terminal.type("print(6 * 7)\n")
    terminal.expect("\n42\r\n>>> ")
    terminal.type("def f():\n")
    terminal.expect("... ")
    terminal.type("    return 1 / 0\n\n")
    terminal.expect(">>> ")
    terminal.type("f()\n")
    terminal.expect("division by zero")  # the words before it are coloured
    terminal.expect(">>> ")
    terminal.type("input('name: ')\n")
    terminal.expect("name: ")
    terminal.type("me\n")
    terminal.expect("'me'")
    terminal.type("import sys; print(sys.stdin.isatty(), sys.stdout.isatty())\n")
    terminal.expect("True True")
    terminal.type("exit(3)\n")
    assert terminal.wait() == 3


def test_the_end_of_input_ends_the_prompt(chain: Chain, open_terminal: Open) -> None:
    terminal = open_terminal(chain.python_wasm, "-q")
    terminal.expect(">>> ")
    terminal.type("\x04")
    assert terminal.wait() == 0


def test_ctrl_c_at_the_prompt_ends_python(chain: Chain, open_terminal: Open) -> None:
    # The guest knows no signals, so it cannot come back to its prompt as `python` does.
    terminal = open_terminal(chain.python_wasm, "-q")
    terminal.expect(">>> ")
    terminal.type("\x03")
    assert terminal.wait() == 130


def test_a_script_and_then_the_prompt(chain: Chain, open_terminal: Open, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("number = 5\n")
    terminal = open_terminal(chain.python_wasm, "-q", "-i", tmp_path / "s.py")
    terminal.expect(">>> ")
    terminal.type("number + 1\n")
    terminal.expect("\n6\r\n")
    terminal.type("exit()\n")
    assert terminal.wait() == 0


@pytest.mark.parametrize("option", ["-I", "-E"])
def test_the_prompt_without_an_environment(chain: Chain, open_terminal: Open, option: str) -> None:
    terminal = open_terminal(chain.python_wasm, "-q", option)
    terminal.expect(">>> ")
    terminal.type("6 * 7\n")
    terminal.expect("42")
    terminal.type("exit()\n")
    assert terminal.wait() == 0


def test_two_at_once(chain: Chain) -> None:
    processes = [
        subprocess.Popen([chain.python_wasm, "-c", f"print({n})"], stdout=subprocess.PIPE, text=True) for n in range(4)
    ]
    assert [process.communicate(timeout=TIMEOUT)[0] for process in processes] == ["0\n", "1\n", "2\n", "3\n"]


def test_the_packaged_command_is_the_same(chain: Chain) -> None:
    command = [sys.executable, "-m", "pywasm_runtime", "-c", "print(1)"]
    ended = subprocess.run(command, cwd=chain.root, capture_output=True, text=True, timeout=TIMEOUT)
    assert printed(ended) == "1"
