from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from pywasm_runtime.server.settings import ServerSettings
from tests.unit.server_client import ALICE, Client, error_of, opened_client

INVOKE = "/v1/users/alice/functions/echo/invoke"
HEADERS = {"Authorization": f"Bearer {ALICE}"}


@pytest.mark.parametrize("path", [INVOKE, "/v1/users/alice/functions/echo/calls", "/"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body(path: str, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    with opened_client(ServerSettings(body_bytes=1000)) as client:
        client.upload("echo")
        answer = client.ask("POST", path, content=b"x" * 1001 if announced else pieces())
        assert error_of(answer)[:2] == (413, "limit_exceeded")
        assert "1000 bytes" in answer.text
        assert client.ask("POST", INVOKE, content=b"x" * 1000).content == b"x" * 1000


def test_without_a_token_no_body_is_read() -> None:
    read = []

    async def pieces() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"x"

    async def ask(client: Client) -> int:
        async def receive() -> dict[str, object]:
            read.append(1)
            return {"type": "http.request", "body": b"x"}

        statuses = []

        async def send(message: dict[str, int]) -> None:
            statuses.append(message.get("status"))

        scope = {"type": "http", "method": "POST", "path": INVOKE, "headers": [], "query_string": b""}
        await client.app(scope, receive, send)  # type: ignore[arg-type]
        assert statuses[0] is not None
        return statuses[0]

    with opened_client() as client:
        assert asyncio.run(ask(client)) == 401
    assert read == []


def test_a_body_that_stops() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.sleep(60)

    with opened_client(ServerSettings(body_idle_seconds=0.1)) as client:
        client.upload("echo")
        status, kind, message = error_of(client.ask("POST", INVOKE, content=pieces()))
        assert (status, kind) == (408, "slow_body")
        assert "after 4 bytes" in message


def test_a_body_that_takes_forever() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    with opened_client(ServerSettings(body_idle_seconds=30, body_seconds=0.2)) as client:
        client.upload("echo")
        assert error_of(client.ask("POST", INVOKE, content=pieces()))[:2] == (408, "slow_body")


def test_too_many_requests_at_once() -> None:
    async def crowd(http: httpx.AsyncClient) -> list[int]:
        slow = "/v1/users/alice/functions/slow/invoke"
        waiting = [asyncio.create_task(http.post(slow, headers=HEADERS)) for _ in range(3)]
        await asyncio.sleep(0.05)
        further = await http.get("/v1/overview", headers=HEADERS)
        assert error_of(further)[:2] == (429, "busy")
        assert further.headers["Retry-After"] == "1"
        assert (await http.get("/healthz")).status_code == 200
        client.service.release.set()
        return [answer.status_code for answer in await asyncio.gather(*waiting)]

    with opened_client(ServerSettings(requests=3)) as client:
        client.upload("slow")
        assert client.run(crowd) == [200, 200, 200]
        assert client.ask("GET", "/v1/overview").status_code == 200


def test_all_bodies_together() -> None:
    async def crowd(http: httpx.AsyncClient) -> list[int]:
        slow = "/v1/users/alice/functions/slow/invoke"
        waiting = [asyncio.create_task(http.post(slow, headers=HEADERS, content=b"x" * 400)) for _ in range(2)]
        await asyncio.sleep(0.05)
        statuses = [(await http.post(INVOKE, headers=HEADERS, content=b"x" * 400)).status_code]
        client.service.release.set()
        await asyncio.gather(*waiting)
        return [*statuses, (await http.post(INVOKE, headers=HEADERS, content=b"x" * 400)).status_code]

    with opened_client(ServerSettings(buffered_bytes=1000)) as client:
        client.upload("slow", "echo")
        assert client.run(crowd) == [429, 200]


def test_metrics() -> None:
    with opened_client() as client:
        client.upload("echo")
        client.ask("POST", INVOKE)
        client.ask("GET", "/some/random/place")
        client.ask("BREW", "/ping")
        assert client.ask("GET", "/metrics", token=None).status_code == 401
        answer = client.ask("GET", "/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        lines = answer.text.splitlines()
    for line in (
        "pywasm_calls_queued 3.0",
        'pywasm_calls_total{outcome="succeeded"} 7.0',
        'pywasm_calls_total{outcome="wall time"} 1.0',
        'pywasm_call_sandbox_seconds_bucket{le="0.001"} 5.0',
        'pywasm_call_sandbox_seconds_bucket{le="0.002"} 7.0',
        'pywasm_call_sandbox_seconds_bucket{le="+Inf"} 8.0',
        "pywasm_call_sandbox_seconds_count 8.0",
        "pywasm_call_sandbox_seconds_sum 400.5",
        'pywasm_requests_total{method="GET",route="other",status="404"} 1.0',
        'pywasm_requests_total{method="other",route="/ping",status="405"} 1.0',
    ):
        assert line in lines
    assert any('route="/v1/users/{user}/functions/{name}/invoke",status="200"} 1.0' in line for line in lines)


def test_open_metrics() -> None:
    with opened_client(ServerSettings(open_metrics=True)) as client:
        assert client.ask("GET", "/metrics", token=None).status_code == 200
