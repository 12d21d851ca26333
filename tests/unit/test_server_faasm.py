from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.server_client import BOB, ROOT, Client, error_of, opened_client


@pytest.fixture
def client() -> Iterator[Client]:
    with opened_client() as client:
        client.upload("echo", "fail", "slow")
        yield client


def test_upload_of_python(client: Client) -> None:
    # What Faasm's tools send names no type of content.
    answer = client.ask("PUT", "/p/alice/hello", content=b"def faasm_main(): pass\n")
    assert answer.text == "Python function alice/hello uploaded, version 1"
    assert ("alice", "hello") in client.service.kept
    assert client.ask("PUT", "/p/alice/hello", content=b"def faasm_main(): pass\n", token=BOB).status_code == 403


def test_what_is_not_taken(client: Client) -> None:
    status, kind, message = error_of(client.ask("PUT", "/f/alice/hello", content=b"\0asm"))
    assert (status, kind) == (422, "upload_refused")
    assert "PUT /p/USER/FUNCTION" in message
    assert error_of(client.ask("PUT", "/file", content=b"x", headers={"FilePath": "../../etc/passwd"}))[0] == 422
    assert error_of(client.ask("GET", "/file", headers={"FilePath": "../../etc/passwd"}))[0] == 404


def test_state(client: Client) -> None:
    assert client.ask("PUT", "/s/alice/key", content=b"a\0b").text == "State set"
    assert client.ask("GET", "/s/alice/key").content == b"a\0b"
    assert client.ask("GET", "/s/alice/other").status_code == 404
    assert client.ask("GET", "/s/alice/key", token=BOB).status_code == 403


@pytest.mark.parametrize(
    "message",
    [
        {"user": "alice", "function": "echo", "input_data": "ä\0b"},
        {"user": "python", "function": "py_func", "python": True, "py_user": "alice", "py_func": "echo", "extra": 1}
        | {"input_data": "ä\0b"},
        {"py_func": "echo", "input_data": "ä\0b"},
        {"function": "echo", "input_data": "ä\0b", "async": False},
    ],
)
def test_a_call_that_is_waited_for(client: Client, message: dict[str, object]) -> None:
    answer = client.ask("POST", "/", json=message)
    assert (answer.status_code, answer.content) == (200, "ä\0b".encode())


def test_a_call_that_is_asked_about(client: Client) -> None:
    call = client.ask("POST", "/", json={"user": "alice", "function": "slow", "input_data": "x", "async": True}).text

    def status(token: str = "alice-token") -> str:
        message = {"user": "python", "function": "py_func", "id": call, "status": True}
        return client.ask("POST", "/", json=message, token=token).text

    assert status() == "RUNNING"
    client.service.release.set()
    client.ask("GET", f"/v1/users/alice/calls/{call}?wait=5")
    assert status() == "SUCCESS: x"
    assert status(ROOT) == "SUCCESS: x"
    assert "not_found" in status(BOB)


def test_a_call_that_fails(client: Client) -> None:
    assert error_of(client.ask("POST", "/", json={"user": "alice", "function": "fail"}))[:2] == (424, "call_failed")
    failed = client.ask("POST", "/v1/users/alice/functions/fail/calls?wait=5").json()["id"]
    assert client.ask("POST", "/", json={"id": failed, "status": True}).text == "FAILED: ValueError: <b>no</b>"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"function": 1}', 400),
        (b'{"function": "' + b"x" * 5000 + b'"}', 400),
        (b'{"function": "a/../b"}', 400),
        (b'{"function": "echo", "py_entry": "a b"}', 400),
        (b'{"user": "bob", "function": "echo"}', 403),
        (b'{"function": "nothing"}', 404),
        (b'{"status": true}', 400),
        (b'{"status": true, "id": "../x"}', 400),
        (b'{"function": "echo", "input_data": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
    ],
)
def test_wrong_messages(client: Client, body: bytes, status: int) -> None:
    answer = client.ask("POST", "/", content=body, headers={"Content-Type": "application/json"})
    assert error_of(answer)[0] == status, answer.text


def test_a_message_that_curl_sends(client: Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.ask("POST", "/", content=b'{"function": "nothing"}', headers=form).status_code == 404


def test_a_message_of_another_type(client: Client) -> None:
    assert client.ask("POST", "/", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_no_token(client: Client) -> None:
    for method, path in (("POST", "/"), ("PUT", "/p/alice/x"), ("GET", "/s/alice/k"), ("PUT", "/f/alice/x")):
        assert client.ask(method, path, token=None).status_code == 401
