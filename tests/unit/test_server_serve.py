"""Start and end a server: in a process of its own, with a fake service."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pywasm_runtime.errors import UsageError
from pywasm_runtime.server.address import listen, url_of
from pywasm_runtime.server.first_user import make_first_user
from tests.unit.fake_functions import FakeFunctions
from tests.unit.server_client import ALICE

ROOT = Path(__file__).resolve().parents[2]
_CALLS_FROM_THE_START = 4
HEADERS = {"Authorization": f"Bearer {ALICE}"}


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the server and give its process and address."""
    command = [sys.executable, "-m", "tests.unit.fake_server", "0", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert line.startswith("serving "), line + process.stderr.read()
            yield process, line.split(" on ")[1].split()[0]
        finally:
            process.kill()


def test_a_call_that_was_accepted_is_finished() -> None:
    with running() as (process, url), httpx.Client(base_url=url, headers=HEADERS, trust_env=False) as http:
        assert http.get("/ping").text == "PONG"
        answers: list[httpx.Response] = []

        def invoke() -> None:
            answers.append(http.post("/v1/users/alice/functions/slow/invoke", content=b"in", timeout=30))

        thread = threading.Thread(target=invoke)
        thread.start()
        while len(http.get("/v1/overview").json()["calls"]) < _CALLS_FROM_THE_START + 1:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        said = process.stderr.read()
        thread.join(30)
        assert process.wait(30) == 0
        assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"in")]
        assert "drained" in said
        with pytest.raises(httpx.ConnectError):
            http.get("/ping")


def test_a_call_that_does_not_end_is_not_waited_for_longer_than_allowed() -> None:
    with running("0.5") as (process, url), httpx.Client(base_url=url, headers=HEADERS, trust_env=False) as http:
        id_ = http.post("/v1/users/alice/functions/slow/calls").json()["id"]
        assert http.get(f"/v1/users/alice/calls/{id_}").status_code == 202
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_an_address_that_is_taken() -> None:
    with listen("127.0.0.1", 0, allow_remote=False) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError, match=r"cannot listen on port \d+ of 127.0.0.1: .*choose another with --port"):
            listen("127.0.0.1", port, allow_remote=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "2001:db8::1"])
def test_other_machines_are_not_served_unless_asked(host: str) -> None:
    with pytest.raises(UsageError, match="--allow-remote"):
        listen(host, 0, allow_remote=False)


def test_all_addresses_when_asked() -> None:
    with listen("0.0.0.0", 0, allow_remote=True) as listener:
        assert url_of(listener).startswith("http://0.0.0.0:")


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [("example.org", 80, "must be an IP address"), ("", 80, "must be an IP"), ("127.0.0.1", 70000, "port 70000")],
)
def test_addresses_that_are_none(host: str, port: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        listen(host, port, allow_remote=False)


def test_the_first_user(capsys: pytest.CaptureFixture[str]) -> None:
    service = FakeFunctions()
    service.tokens = {}
    asyncio.run(make_first_user(service, None))
    assert service.tokens == {"new-token": ("pywasm", True)}
    assert "new-token" in capsys.readouterr().err
    asyncio.run(make_first_user(service, None))
    assert capsys.readouterr().err == ""


def test_a_token_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = FakeFunctions()
    service.tokens = {}
    file = tmp_path / "token"
    asyncio.run(make_first_user(service, file))
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new-token\n", 0o600)
    assert "new-token" not in capsys.readouterr().err


def test_a_token_file_that_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(make_first_user(FakeFunctions(), tmp_path / "token"))
    assert "was not written: there are users already" in capsys.readouterr().err
    assert not (tmp_path / "token").exists()


def test_a_token_file_that_is_there(tmp_path: Path) -> None:
    service = FakeFunctions()
    service.tokens = {}
    (tmp_path / "token").write_text("mine")
    for file in (tmp_path / "token", tmp_path / "missing" / "token"):
        with pytest.raises(UsageError, match="--token-file"):
            asyncio.run(make_first_user(service, file))
    assert service.tokens == {}
    assert (tmp_path / "token").read_text() == "mine"
