"""Functions as they are used from the command line: real sandboxes, a data folder of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.chain import TIMEOUT, Chain, running

Inv = Callable[..., subprocess.CompletedProcess[bytes]]
ECHO = """
import sys
import pywasm_host as host

def faasm_main():
    print("on stdout")
    print("on stderr", file=sys.stderr)
    host.write_output(host.read_input()[::-1])

def fail(data):
    host.write_output(b"partly")
    raise ValueError(f"{len(data)} bytes are too many")

def status(data):
    return int(data)
"""
SUM = """
import numpy as np
import pywasm_host as host

def faasm_main():
    numbers = np.frombuffer(host.read_input(), dtype="<f8")
    calls = [host.chain(total, part.tobytes()) for part in np.array_split(numbers, 4)]
    host.write_output(str(sum(float(host.await_output(call)) for call in calls)).encode())

def total(part: bytes):
    host.write_output(str(np.frombuffer(part, dtype="<f8").sum()).encode())
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "PYWASM_DATA": str(tmp_path / "data"), "PYWASM_USER": "ann"}


@pytest.fixture
def inv(chain: Chain, tmp_path: Path, environ: dict[str, str]) -> Inv:
    """Run inv; bytes in, bytes out."""

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command: list[str | Path] = [chain.root / "bin" / "inv", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environ, input=stdin, capture_output=True, timeout=TIMEOUT, check=False
        )

    return run


def upload(inv: Inv, folder: Path, name: str, source: str, *options: str) -> str:
    (folder / f"{name}.py").write_text(source)
    ended = inv("func.upload", "--name", name, "--file", f"{name}.py", *options)
    assert (ended.returncode, ended.stderr) == (0, b""), ended.stderr.decode()
    return ended.stdout.decode()


def wait_for_end(inv: Inv, call_id: str) -> str:
    end = time.monotonic() + TIMEOUT
    while True:
        text = inv("func.status", "--id", call_id).stdout.decode()
        if "queued for" not in text and "running for" not in text:
            return text
        assert time.monotonic() < end, text
        time.sleep(0.1)


def test_upload_and_call(inv: Inv, tmp_path: Path) -> None:
    said = upload(inv, tmp_path, "echo", ECHO)
    assert said == "ann/echo is version 1: calls begin in an image with the module imported\n"
    content = bytes(range(256)) * 10
    ended = inv("func.invoke", "--name", "echo", "--input-file", "-", stdin=content)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, content[::-1], b"on stdout\non stderr\n")
    (tmp_path / "in").write_bytes(content)
    ended = inv("func.invoke", "--name", "echo", "--input-file", "in", "--output-file", "out", "--verbose")
    assert (ended.returncode, ended.stdout) == (0, b"")
    assert b"ann/echo@1 faasm_main: " in ended.stderr
    assert (tmp_path / "out").read_bytes() == content[::-1]
    assert inv("func.invoke", "--name", "echo", "--input", "añb").stdout == "añb".encode()[::-1]


def test_a_function_that_fails(inv: Inv, tmp_path: Path) -> None:
    upload(inv, tmp_path, "echo", ECHO)
    ended = inv("func.invoke", "--name", "echo", "--entry", "fail", "--input", "abc")
    assert (ended.returncode, ended.stdout) == (1, b"partly")
    lines = ended.stderr.decode().splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert 'File "/function/echo.py", line 12, in fail' in lines[1]
    assert lines[-1] == "ann/echo@1 fail failed (exception): ValueError: 3 bytes are too many"
    ended = inv("func.invoke", "--name", "echo", "--entry", "status", "--input", "3")
    assert ended.returncode == 1
    assert b"ann/echo@1 status failed (status 3)" in ended.stderr


def test_chained_calls_with_numpy(inv: Inv, tmp_path: Path) -> None:
    import struct

    upload(inv, tmp_path, "addup", SUM)
    ended = inv("func.invoke", "--name", "addup", "--input-file", "-", stdin=struct.pack("<8d", *range(8)))
    assert (ended.returncode, ended.stdout) == (0, b"28.0"), ended.stderr.decode()


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("def faasm_main(:\n", (), ["SyntaxError: invalid syntax", "broken.py cannot be imported"]),
        ("import nothing_here\n", (), ['File "/function/broken.py", line 1', "No module named 'nothing_here'"]),
        ("def faasm_mian(): pass\n", (), ["no top-level function 'faasm_main' (did you mean 'faasm_mian'?)"]),
        ("raise SystemExit(3)\n", (), ["broken.py cannot be imported"]),
        ("def faasm_main(): pass\n", ("--limits", "memory=1"), ["limit memory is 1B"]),
    ],
)
def test_uploads_that_are_refused(
    inv: Inv, tmp_path: Path, source: str, options: tuple[str, ...], words: list[str]
) -> None:
    (tmp_path / "broken.py").write_text(source)
    ended = inv("func.upload", "--name", "broken", "--file", "broken.py", *options)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert all(word in ended.stderr.decode() for word in words), ended.stderr.decode()
    assert "pywasm_runtime" not in ended.stderr.decode(), "that would be our own traceback"
    assert inv("func.show", "--name", "broken").returncode == 1


def test_a_folder_with_requirements(inv: Inv, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "parts").mkdir(parents=True)
    (folder / "main.py").write_text(
        "from parts.text import WORDS\nimport pywasm_host as host\ndef faasm_main():\n    host.write_output(WORDS)\n"
    )
    (folder / "parts" / "text.py").write_text("WORDS = b'from a part'\n")
    (folder / "requirements.txt").write_text("numpy>=2\nnot-there==1.0\n")
    refused = inv("func.upload", "--name", "project", "--file", "project")
    assert refused.returncode == 1
    assert b"install it with: bin/inv libs.install --name not-there==1.0" in refused.stderr
    (folder / "requirements.txt").write_text("numpy>=2\n")
    assert inv("func.upload", "--name", "project", "--file", "project").returncode == 0
    assert inv("func.invoke", "--name", "project").stdout == b"from a part"


def test_a_new_version_and_the_way_back(inv: Inv, tmp_path: Path) -> None:
    for number in (1, 2):
        source = f"import pywasm_host as host\ndef faasm_main():\n    host.write_output(b'{number}')\n"
        upload(inv, tmp_path, "number", source)
        assert inv("func.invoke", "--name", "number").stdout == str(number).encode()
    assert inv("func.invoke", "--name", "number", "--version", "1").stdout == b"1"
    assert inv("func.roll-back", "--name", "number", "--version", "1").returncode == 0
    assert inv("func.invoke", "--name", "number").stdout == b"1"


def test_many_at_once(inv: Inv, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "good.py").write_text("def faasm_main(): pass\n")
    (local / "bad.py").write_text("import nothing_here\n")
    ended = inv("func.upload-all", "--local", "local")
    assert ended.returncode == 1
    assert b"No module named 'nothing_here'" in ended.stderr
    assert b"error: 1 of 2 uploads were refused" in ended.stderr
    assert inv("func.invoke", "--name", "good").returncode == 0


def test_calls_in_the_background(inv: Inv, tmp_path: Path) -> None:
    upload(inv, tmp_path, "echo", ECHO)
    begun = inv("func.invoke", "--name", "echo", "--input", "abc", "--async")
    assert (begun.returncode, begun.stderr) == (0, b"")
    call_id = begun.stdout.decode().strip()
    assert "succeeded in" in wait_for_end(inv, call_id)
    assert inv("func.result", "--id", call_id).stdout == b"cba"
    logs = inv("func.logs", "--id", call_id)
    assert (logs.stdout, logs.stderr) == (b"on stdout\n", b"on stderr\n")
    log = tmp_path / "data" / "logs" / "background.log"
    end = time.monotonic() + TIMEOUT
    while not log.read_text().endswith(": ends\n"):
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


def test_ctrl_c_says_what_becomes_of_the_call(chain: Chain, inv: Inv, tmp_path: Path, environ: dict[str, str]) -> None:
    upload(inv, tmp_path, "sleepy", "import time\ndef faasm_main(): time.sleep(1000)\n")
    command: list[str | Path] = [chain.root / "bin" / "inv", "func.invoke", "--name", "sleepy"]
    with running(command, environ=environ) as process:
        while b"running" not in inv("func.show", "--name", "sleepy").stdout:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    found = re.fullmatch(r"\ninterrupted; call ([0-9a-f]{32}) has not ended: it has been accepted, .*\n", said)
    assert found is not None, said
    assert b"queued for" in inv("func.status", "--id", found[1]).stdout


def test_calls_accepted_while_others_end(inv: Inv, tmp_path: Path) -> None:
    """Background processes begin and end all the time here, beside others that open and close the storage."""
    upload(inv, tmp_path, "echo", ECHO)
    with ThreadPoolExecutor(4) as threads:
        begun = list(threads.map(lambda _: inv("func.invoke", "--name", "echo", "--async"), range(12)))
    assert [one.stderr for one in begun] == [b""] * len(begun)
    for one in begun:
        assert "succeeded in" in wait_for_end(inv, one.stdout.decode().strip())
    assert "error" not in (tmp_path / "data" / "logs" / "background.log").read_text()


def test_a_server_runs_what_was_accepted(chain: Chain, inv: Inv, tmp_path: Path, environ: dict[str, str]) -> None:
    upload(inv, tmp_path, "echo", ECHO)
    command: list[str | Path] = [
        chain.root / "bin" / "inv",
        "serve",
        "--port",
        "0",
        "--token-file",
        str(tmp_path / "token"),
    ]
    with running(command, environ=environ) as server:
        assert server.stderr is not None
        while "serving" not in (line := server.stderr.readline()):
            assert line, "the server ended"
        call_id = inv("func.invoke", "--name", "echo", "--input", "abc", "--async").stdout.decode().strip()
        assert "succeeded in" in wait_for_end(inv, call_id)
        assert not (tmp_path / "data" / "logs").exists(), "no process of its own was needed"
        server.send_signal(signal.SIGTERM)
        assert server.wait(TIMEOUT) == 0
