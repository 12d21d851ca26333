"""The func tasks as they are typed; what needs a sandbox is in tests/integration/test_functions_cli.py."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pywasm_runtime.functions.model import CallRequest
from pywasm_runtime.functions.service import FunctionService
from tests.unit.service_world import settings, source, with_service

ROOT = Path(__file__).resolve().parents[2]
Inv = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def inv(tmp_path: Path) -> Inv:
    """Run inv with the data folder and the runtime root of `service_world`, which has no Python that could run."""
    root = settings(tmp_path).root.folder
    (root / "usr" / "bin").mkdir()
    (root / "usr" / "bin" / "python3.99.wasm").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYWASM_")}
    environment |= {"PYWASM_DATA": str(tmp_path / "data"), "PYWASM_RUNTIME": str(root), "PYWASM_USER": "ann"}

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-P", "-m", "invoke", "--search-root", str(ROOT), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment | extra, capture_output=True, timeout=120)

    return run


def prepare(folder: Path) -> dict[str, str]:
    """Upload hello twice, and make a call of each kind; gives their ids."""

    async def body(service: FunctionService) -> dict[str, str]:
        await service.upload("ann", "hello", source(code=b"def faasm_main(): pass"))
        await service.upload("ann", "hello", source())
        request = CallRequest(user="ann", function="hello", input=b"in\0put\xff")
        done = await service.invoke(request)
        failed = await service.invoke(CallRequest(user="ann", function="hello", entry="fail"))
        return {"done": done.id, "failed": failed.id}

    ids = with_service(folder, body)
    queued = with_service(folder, lambda service: service.submit(CallRequest(user="ann", function="hello")))
    return {**ids, "queued": queued.id}


def test_looking_at_functions(inv: Inv, tmp_path: Path) -> None:
    ids = prepare(tmp_path)
    listed = inv("func.list")
    assert (listed.returncode, listed.stderr) == (0, b"")
    assert listed.stdout.splitlines()[2].split()[:3] == [b"ann/hello", b"2", b"faasm_main"]
    shown = inv("func.show", "--name", "hello").stdout.decode()
    assert "ann/hello, version 2 of" in shown
    assert "limits:      memory=512MiB" in shown
    assert all(call_id in shown for call_id in ids.values())
    assert inv("func.list", "--user", "bob").stdout.count(b"\n") == 2


def test_rolling_back_and_deleting(inv: Inv, tmp_path: Path) -> None:
    prepare(tmp_path)
    assert inv("func.roll-back", "--name", "hello", "--version", "1").stdout == b"ann/hello is version 1 again\n"
    assert inv("func.list").stdout.splitlines()[2].split()[1] == b"1"
    assert inv("func.delete", "--name", "hello").stdout == b"ann/hello is deleted\n"
    again = inv("func.delete", "--name", "hello")
    assert (again.returncode, again.stdout) == (1, b"")
    assert again.stderr == b"error: user ann has no function hello; upload it first\n"


def test_a_mistyped_name(inv: Inv, tmp_path: Path) -> None:
    prepare(tmp_path)
    for task in ("func.invoke", "func.show", "func.delete"):
        assert b"has no function helo (did you mean 'hello'?)" in inv(task, "--name", "helo").stderr


def test_looking_at_calls(inv: Inv, tmp_path: Path) -> None:
    ids = prepare(tmp_path)
    done = inv("func.result", "--id", ids["done"])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"in\0put\xff", b"")
    logs = inv("func.logs", "--id", ids["done"])
    assert (logs.returncode, logs.stdout, logs.stderr) == (0, b"out\n", b"err\n")
    assert b"succeeded in 12 ms" in inv("func.status", "--id", ids["done"]).stdout
    failed = inv("func.result", "--id", ids["failed"])
    assert (failed.returncode, failed.stdout) == (1, b"partly")
    assert failed.stderr.startswith(b"Traceback (most recent call last):\nValueError: no ")
    assert b"ann/hello@2 fail failed (exception): ValueError" in failed.stderr
    queued = inv("func.result", "--id", ids["queued"])
    assert (queued.returncode, queued.stdout) == (1, b"")
    assert b"has not ended: it is queued" in queued.stderr
    assert b"no process runs the queued calls" in inv("func.status", "--id", ids["queued"]).stdout
    assert inv("func.result", "--id", ids["done"], "--user", "bob").returncode == 1


def test_a_token_is_the_only_thing_on_stdout(inv: Inv, tmp_path: Path) -> None:
    first = inv("func.token", "--user", "bob")
    user = with_service(tmp_path, lambda service: service.authenticate(first.stdout.decode().strip()))
    assert user is not None
    assert (user.name, user.admin) == ("bob", False)
    again = inv("func.token", "--user", "bob")
    assert (again.returncode, again.stdout) == (1, b"")
    assert b"--renew gives a new token" in again.stderr
    assert inv("func.token", "--user", "bob", "--renew", "--admin").stdout != first.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["func.invoke", "--name", "none"], 1, "error: user ann has no function none; upload it first"),
        (["func.invoke", "--name", "none", "--async"], 1, "error: user ann has no function none"),
        (["func.invoke", "--name", "../x"], 1, "error: '../x' is not accepted"),
        (["func.invoke", "--name", "x", "--input", "a", "--input-file", "-"], 2, "cannot be given together"),
        (["func.invoke", "--name", "x", "--input-file", "missing"], 1, "error: missing: No such file or directory"),
        (["func.invoke", "--name", "x", "--version", "one"], 2, "--version must be a number, not 'one'"),
        (["func.show", "--name", "none"], 1, "error: user ann has no function none"),
        (["func.status", "--id", "../x"], 1, "a call's id is 32 of 0-9 and a-f"),
        (["func.status", "--id", "0" * 32], 1, "error: there is no call 000"),
        (["func.roll-back", "--name", "none", "--version", "1"], 1, "error: function ann/none has no version 1"),
        (
            ["func.upload", "--name", "x", "--file", "missing.py"],
            1,
            "missing.py cannot be read: No such file",
        ),
        (["func.upload", "--name", "x", "--file", "x.py", "--limits", "memry=1"], 1, "did you mean 'memory'?"),
        (["func.upload", "--name", "x", "--file", "x.py", "--env", "A=1", "--env", "B"], 2, "write --env NAME=VALUE"),
        (["func.upload", "--name", "x"], 1, "file"),
        (["func.upload", "--name", "x", "--file", ""], 2, "--file is empty"),
        (["func.upload-all", "--local", ""], 2, "--local is empty"),
        (["func.invoke", "--name", "x", "--output-file", "missing/x"], 2, "missing/x: there is no such folder"),
        (["func.invoke", "--name", "x", "--output-file", "."], 2, "--output-file .: it is a folder"),
        (["func.invoke", "--name", "x", "--async", "--verbose"], 2, "--async does not wait for the end"),
        (["func.invoke", "--name", "x", "--async", "--output-file", "x"], 2, "--async does not wait for the end"),
        (["func.result", "--id", "0" * 32, "--output-file", "missing/x"], 2, "there is no such folder"),
        (["func.upload-all", "--local", "missing"], 2, "error: --local missing is not a folder"),
        (["func.list", "--user", "A"], 1, "error: 'A' is not accepted"),
        (["serve", "--host", "example"], 2, "--host must be an IP address"),
        (["serve", "--port", "70000"], 2, "port 70000 is none"),
        (["serve", "--port", "http"], 2, "--port must be a number, not 'http'"),
        (["serve", "--port", "0", "--slots", "0"], 2, "slots must be a number from 1 to 1024"),
    ],
)
def test_mistakes(inv: Inv, arguments: list[str], code: int, message: str) -> None:
    done = inv(*arguments)
    assert message in done.stderr.decode()
    assert (done.returncode, done.stdout) == (code, b"")
    assert b"Traceback" not in done.stderr


def test_settings_of_the_machine_that_are_wrong(inv: Inv, tmp_path: Path) -> None:
    for name, value, message in (
        ("PYWASM_DATA", "relative", b"PYWASM_DATA must be an absolute path"),
        ("PYWASM_RUNTIME", str(tmp_path / "none"), b"make it with: bin/inv runtime"),
        ("PYWASM_SLOTS", "none", b"PYWASM_SLOTS must be a number"),
        ("PYWASM_USER", "../x", b"is not accepted"),
    ):
        done = inv("func.list", **{name: value})
        assert message in done.stderr
        assert done.returncode in (1, 2)


def test_a_damaged_database_is_named(inv: Inv, tmp_path: Path) -> None:
    (tmp_path / "data" / "pywasm.sqlite").write_bytes(b"no database" * 1000)
    done = inv("func.list")
    assert done.returncode == 1
    assert b"pywasm.sqlite" in done.stderr
    assert b"Traceback" not in done.stderr
