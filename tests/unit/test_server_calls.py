from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.unit.fake_functions import TRACEBACK
from tests.unit.server_client import ALICE, BOB, ROOT, Client, error_of, opened_client

USER = "/v1/users/alice"


@pytest.fixture
def client() -> Iterator[Client]:
    with opened_client() as client:
        client.upload("echo", "fail", "slow", "full", "broken")
        yield client


@pytest.mark.parametrize("sent", [b"", b"a\0b\xff", b"x" * 1_000_000])
def test_invoke_gives_the_output_as_it_is(client: Client, sent: bytes) -> None:
    answer = client.ask("POST", f"{USER}/functions/echo/invoke", content=sent)
    assert (answer.status_code, answer.content) == (200, sent)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.ask("GET", f"{USER}/calls/{answer.headers['Pywasm-Call']}/output").content == sent


def test_invoke_of_a_function_that_fails(client: Client) -> None:
    answer = client.ask("POST", f"{USER}/functions/fail/invoke")
    assert answer.status_code == 424
    call = answer.headers["Pywasm-Call"]
    assert answer.json() == {
        "error": {
            "kind": "call_failed",
            "message": "ValueError: <b>no</b>",
            "traceback": TRACEBACK,
            "call": call,
            "failure": "exception",
            "status": 1,
        }
    }
    assert client.ask("GET", f"{USER}/calls/{call}/output").content == b"half"
    logs = client.ask("GET", f"{USER}/calls/{call}/logs").json()
    assert logs == {"stdout": "", "stderr": "\N{REPLACEMENT CHARACTER}oops\n"}


def test_a_call_that_is_not_waited_for(client: Client) -> None:
    accepted = client.ask("POST", f"{USER}/functions/slow/calls", content=b"in")
    assert (accepted.status_code, accepted.json()["state"]) == (202, "queued")
    call = accepted.json()["id"]
    waited = client.ask("GET", f"{USER}/calls/{call}?wait=0.05")
    assert (waited.status_code, waited.json()["outcome"]) == (202, None)
    for part in ("output", "logs"):
        assert error_of(client.ask("GET", f"{USER}/calls/{call}/{part}"))[:2] == (409, "not_ended")
    client.service.release.set()
    ended = client.ask("GET", f"{USER}/calls/{call}?wait=10")
    assert (ended.status_code, ended.json()["state"], ended.json()["outcome"]["status"]) == (200, "succeeded", 0)


def test_a_call_that_is_waited_for(client: Client) -> None:
    answer = client.ask("POST", f"{USER}/functions/fail/calls?wait=5")
    assert answer.status_code == 200
    assert answer.json()["outcome"]["traceback"] == TRACEBACK


def test_entry_and_version(client: Client) -> None:
    client.upload("echo")
    path = f"{USER}/functions/echo/calls"
    assert client.ask("POST", path).json()["version"] == 2
    chosen = client.ask("POST", f"{path}?version=1&entry=other").json()
    assert (chosen["version"], chosen["entry"]) == (1, "other")
    assert error_of(client.ask("POST", f"{path}?entry=class"))[:2] == (400, "invalid_name")
    assert error_of(client.ask("POST", f"{path}?version=7"))[:2] == (404, "not_found")
    for wait in ("-1", "nan", "inf", "9999999", "x"):
        assert error_of(client.ask("POST", f"{path}?wait={wait}"))[:2] == (422, "invalid_request")


def test_too_many_calls(client: Client) -> None:
    for path in ("invoke", "calls"):
        answer = client.ask("POST", f"{USER}/functions/full/{path}")
        assert error_of(answer)[:2] == (429, "busy")
        assert answer.headers["Retry-After"] == "3"


def test_a_defect_shows_nothing(client: Client) -> None:
    answer = client.ask("POST", f"{USER}/functions/broken/invoke")
    assert error_of(answer)[:2] == (500, "internal")
    assert "secret" not in answer.text


def test_calls_of_others(client: Client) -> None:
    call = client.ask("POST", f"{USER}/functions/echo/calls?wait=1").json()["id"]
    assert client.ask("GET", f"{USER}/calls/{call}", token=BOB).status_code == 403
    assert client.ask("GET", f"/v1/users/bob/calls/{call}", token=BOB).status_code == 404
    assert client.ask("GET", f"{USER}/calls/{call}", token=ROOT).status_code == 200
    assert client.ask("GET", f"{USER}/calls", token=BOB).status_code == 403
    assert error_of(client.ask("GET", f"{USER}/calls/nonsense"))[:2] == (400, "invalid_name")
    assert error_of(client.ask("GET", f"{USER}/calls/{'0' * 31}f"))[:2] == (404, "not_found")


def test_recent_calls(client: Client) -> None:
    for name in ("echo", "fail", "echo"):
        client.ask("POST", f"{USER}/functions/{name}/calls?wait=1")
    calls = client.ask("GET", f"{USER}/calls?limit=2").json()["calls"]
    assert [(call["function"], call["state"]) for call in calls] == [("echo", "succeeded"), ("fail", "failed")]
    assert calls[1]["outcome"]["traceback"] == ""
    assert client.ask("GET", f"{USER}/calls?limit=0").status_code == 422


def test_the_overview(client: Client) -> None:
    client.upload("echo", user="bob")
    for user, token in (("alice", ALICE), ("bob", BOB)):
        client.ask("POST", f"/v1/users/{user}/functions/echo/invoke", token=token)
    mine = client.ask("GET", "/v1/overview").json()
    assert {call["user"] for call in mine["calls"]} == {"alice"}
    assert {function["user"] for function in mine["functions"]} == {"alice"}
    assert (mine["timings"], mine["running"], mine["workers"]) == ({"count": 1, "median": 0.002, "p99": 0.002}, 1, 1)
    all_of_them = client.ask("GET", "/v1/overview", token=ROOT).json()
    assert {call["user"] for call in all_of_them["calls"]} == {"alice", "bob"}
    assert {function["user"] for function in all_of_them["functions"]} == {"alice", "bob"}
    one = client.ask("GET", "/v1/overview?user=bob", token=ROOT).json()
    assert {call["user"] for call in one["calls"]} == {"bob"}
    assert client.ask("GET", "/v1/overview?user=bob").status_code == 403
    assert client.ask("GET", "/v1/overview?user=..", token=ROOT).status_code == 400


def test_many_at_once(client: Client) -> None:
    async def all_at_once(http: httpx.AsyncClient) -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {ALICE}"}
        path = f"{USER}/functions/echo/invoke"
        return await asyncio.gather(*(http.post(path, content=b"%d" % n, headers=headers) for n in range(200)))

    assert [answer.content for answer in client.run(all_at_once)] == [b"%d" % n for n in range(200)]


@pytest.mark.parametrize(
    "key", ["\N{REPLACEMENT CHARACTER}", "a", "a/b", "/a", "a//b", "../..", "a b", "ä", "%25", "x" * 512]
)
def test_state(client: Client, key: str) -> None:
    path = f"{USER}/state/{quote(key).replace('.', '%2E')}"
    assert client.ask("PUT", path, content=b"v\0\xff").status_code == 204
    assert client.service.state == {("alice", key): b"v\0\xff"}
    assert client.ask("GET", path).content == b"v\0\xff"
    assert client.ask("GET", path, token=BOB).status_code == 403
    assert client.ask("DELETE", path).status_code == 204
    assert error_of(client.ask("DELETE", path))[:2] == (404, "not_found")
    assert error_of(client.ask("GET", path))[:2] == (404, "not_found")


@pytest.mark.parametrize("key", ["", "a%00b", "a%0Ab", "%0A", "%FF", "a%E4b", "x" * 513, "%C3%A4" * 257])
def test_state_keys_that_are_none(client: Client, key: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert error_of(client.ask(method, f"{USER}/state/{key}"))[:2] == (400, "invalid_name")
    assert client.service.state == {}
