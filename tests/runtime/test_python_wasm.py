"""`bin/python-wasm` with the real Python: it behaves like `python`."""

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
COMMAND = CHECKOUT / "bin" / "python-wasm"
ROOT = Path(os.environ.get("PYWASM_RUNTIME", CHECKOUT / "build" / "runtime"))

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(not ROOT.is_dir(), reason=f"no runtime root at {ROOT}: bin/inv runtime makes it"),
    pytest.mark.skipif(not (CHECKOUT / ".venv").is_dir(), reason="no .venv: bin/inv makes it"),
]


def run(*arguments: str, cwd: Path | None = None, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments], cwd=cwd, input=text, capture_output=True, text=True, timeout=120
    )


def test_a_command_with_arguments() -> None:
    ended = run("-c", "import sys; print(sys.argv)", "a", "--dir", "-x")
    assert ended.stdout == "['-c', 'a', '--dir', '-x']\n"


def test_a_module() -> None:
    assert run("-m", "base64", "-e", text="abc").stdout == "YWJj\n"


@pytest.mark.parametrize("arguments", [[], ["-"], ["-", "x"]])
def test_a_program_on_stdin(arguments: list[str]) -> None:
    assert run(*arguments, text="print(6 * 7)").stdout == "42\n"


def test_a_script_with_a_neighbour(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("number = 5\n")
    (tmp_path / "s.py").write_text("import neighbour, sys\nprint(neighbour.number, sys.argv)\n")
    assert run("s.py", "a", cwd=tmp_path).stdout == "5 ['s.py', 'a']\n"
    assert run(f"{tmp_path.name}/s.py", cwd=tmp_path.parent).stdout == f"5 ['{tmp_path}/s.py']\n"
    link = tmp_path / "link"
    link.symlink_to(COMMAND)
    ended = subprocess.run([link, "-V"], capture_output=True, text=True, timeout=120)
    assert ended.stdout.startswith("Python ")


@pytest.mark.parametrize("status", [0, 1, 2, 130, 255])
def test_exit_statuses(status: int) -> None:
    assert run("-c", f"import sys; sys.exit({status})").returncode == status


def test_an_exception_is_the_guests() -> None:
    ended = run("-c", "1/0")
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stderr
    assert "wasmtime" not in ended.stderr


def test_an_abort_shows_the_guests_line(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("import os\n\ndef f():\n    os.abort()\n\nf()\n")
    ended = run("s.py", cwd=tmp_path)
    assert ended.returncode == 134
    assert "python-wasm: the guest trapped: " in ended.stderr
    assert 's.py", line 4 in f' in ended.stderr
    assert "wasmtime" not in ended.stderr


def test_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    probe = """
import os
def attempt(body):
    try:
        return body()
    except OSError as error:
        return type(error).__name__
print(attempt(lambda: open("/etc/passwd").read()))
print(attempt(lambda: open("/usr/new", "w")))
print(attempt(lambda: open("/ro/file").read()), attempt(lambda: open("/ro/file", "w")))
print(attempt(lambda: open("/ro/../../etc/passwd").read()))
print(open("/tmp/x", "w").write("abc"), repr(open("/dev/null").read()))
print(sorted(os.environ))
"""
    ended = run("--dir", f"{tmp_path}:/ro:ro", "-c", probe)
    lines = ended.stdout.splitlines()
    assert lines[0] == "FileNotFoundError"
    assert lines[1] in ("PermissionError", "OSError")
    assert lines[2].startswith("content ")
    assert lines[2].split()[1] in ("PermissionError", "OSError")
    assert lines[3] in ("PermissionError", "FileNotFoundError")
    assert lines[4] == "3 ''"
    assert lines[5] == "['HOME', 'LANG', 'PYTHONDONTWRITEBYTECODE']"
    assert (tmp_path / "file").read_text() == "content"


def test_a_folder_to_write_in(tmp_path: Path) -> None:
    ended = run("--dir", ".", "-c", "open('new', 'w').write('x')", cwd=tmp_path)
    assert ended.stderr == ""
    assert (tmp_path / "new").read_text() == "x"


@pytest.mark.parametrize("code", ["while True: pass", "input()", "import time; time.sleep(100)"])
def test_an_interrupt_ends_it_quietly(code: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "-c", f"print('ready', flush=True)\n{code}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b""
    assert list(tmp_path.iterdir()) == []


def test_the_prompt() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([COMMAND, "-q"], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        deadline = time.monotonic() + 60
        os.write(ours, b"print(6 * 7)\nexit(3)\n")
        while process.poll() is None and time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 1000)
                except OSError:  # the other end is closed
                    break
        assert process.wait(30) == 3
    os.close(ours)
    assert b">>> " in seen
    assert b"42" in seen
