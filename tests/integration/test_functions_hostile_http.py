"""A real server and clients that mean it no good: nothing is written where it should not be, or seen of others."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import socket
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error

from pywasm_runtime.functions.archive import pack_source
from pywasm_runtime.server.app import create_app
from tests.integration.chain import Chain, run
from tests.integration.functions import USER, Functions, running_functions
from tests.integration.served import Served, serving
from tests.integration.waiting import until

ECHO = b"import pywasm_host as host\ndef faasm_main(): host.write_output(host.read_input())\n"
MINE = "/v1/users/mallory"
THEIRS = "/v1/users/alice"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def server(chain: Chain, data: Path) -> Iterator[Served]:
    with serving(chain, data) as served:
        yield served


@pytest.fixture(scope="module")
def tokens(server: Served, chain: Chain, data: Path) -> dict[str, str]:
    """Make two users who are not admins, and something of alice's."""
    found = {}
    for user in ("alice", "mallory"):
        environ = {"PYWASM_DATA": str(data / "data")}
        ended = run([chain.root / "bin" / "inv", "func.token", "--user", user], environ=environ)
        assert ended.returncode == 0, ended.stderr
        found[user] = ended.stdout.strip().split()[-1]
    with server.client(found["alice"]) as client:
        client.put(f"{THEIRS}/functions/echo", content=ECHO).raise_for_status()
        client.put(f"{THEIRS}/state/secret", content=b"alice's own").raise_for_status()
        call = client.post(f"{THEIRS}/functions/echo/calls?wait=30", content=b"alice's input")
        found["call"] = str(call.json()["id"])
    return found


@pytest.fixture
def mallory(server: Served, tokens: dict[str, str]) -> Iterator[httpx.Client]:
    with server.client(tokens["mallory"]) as client:
        yield client


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files:
            file.writestr(name, content)
    return buffer.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def renamed(name: bytes) -> bytes:
    """Make an archive with a name that zipfile would not write."""
    plain = b"n" * len(name)
    return zipped(("main.py", ECHO), (plain.decode(), b"x")).replace(plain, name)


def lying() -> bytes:
    """Make an archive whose list says that a large file is small."""
    content = bytearray(zipped(("main.py", ECHO), ("bomb.bin", bytes(200 << 20))))
    at = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 24, 10)
    return bytes(content)


def bomb() -> bytes:
    """Make a small archive that unpacks to much."""
    return zipped(*((f"a{number}.bin", bytes(40 << 20)) for number in range(4)), ("main.py", ECHO))


SLIPS = [
    "../slipped.py",
    "/slipped.py",
    "a/../../slipped.py",
    "C:\\slipped.py",
    "..\\slipped.py",
    "a//slipped.py",
    "./slipped.py",
]
ARCHIVES: dict[str, Callable[[], bytes]] = {
    **{f"slip {name}": (lambda name=name: zipped(("main.py", ECHO), (name, b"x"))) for name in SLIPS},  # type: ignore[misc]
    "nul": lambda: renamed(b"slipped.py\0.txt"),
    "newline": lambda: renamed(b"slipped\n.py"),
    "link": lambda: zipped(("main.py", ECHO), (link("slipped"), b"/etc/passwd")),
    "twice": lambda: zipped(("main.py", ECHO), ("Main.py", ECHO)),
    "file as folder": lambda: zipped(("main.py", ECHO), ("a", b""), ("a/b", b"")),
    "long": lambda: zipped(("main.py", ECHO), ("x" * 2000 + ".py", b"")),
    "long part": lambda: zipped(("main.py", ECHO), ("a/" + "x" * 300, b"")),
    "bomb": bomb,
    "liar": lying,
    "many files": lambda: zipped(*((f"f{number}.py", b"") for number in range(3000))),
    "empty": lambda: zipped(),
    "no python": lambda: zipped(("readme.txt", b"x")),
    "cut": lambda: zipped(("main.py", ECHO * 100))[:-30],
    "no zip": lambda: b"PK\x03\x04" + bytes(1000),
    "zlib": lambda: zlib.compress(bytes(1000)),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_that_are_refused(mallory: httpx.Client, data: Path, kind: str) -> None:
    body = ARCHIVES[kind]()
    answer = mallory.put(f"{MINE}/functions/bad", content=body, headers={"Content-Type": "application/zip"})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]["message"]
    assert "Traceback" not in answer.text
    assert mallory.get(f"{MINE}/functions/bad").status_code == 404
    assert not list(data.rglob("*slipped*"))
    assert not list((data / "data" / "code").glob(".*")), "nothing is half unpacked"


NAMES = [
    "..", ".", "../alice", "../../etc/passwd", "/etc/passwd", "%2e%2e", "..%2falice", "a\0b", "a%00b", "\n", "a b", "é",
    "x" * 101, "x" * 10_000, "-x", "a.b", "a;b", "a'b", '"', "<b>", "{name}", "$(id)", "`id`", "|id", "\u202e",
    "con\\x",
]  # fmt: skip
ROUTES = [
    ("GET", "/v1/users/{}/functions"),
    ("GET", "/v1/users/mallory/functions/{}"),
    ("PUT", "/v1/users/mallory/functions/{}"),
    ("PUT", "/v1/users/{}/functions/x"),
    ("DELETE", "/v1/users/mallory/functions/{}"),
    ("GET", "/v1/users/mallory/functions/{}/versions"),
    ("POST", "/v1/users/mallory/functions/{}/rollback?version=1"),
    ("POST", "/v1/users/mallory/functions/{}/invoke"),
    ("POST", "/v1/users/mallory/functions/{}/calls"),
    ("POST", "/v1/users/mallory/functions/echo/invoke?entry={}"),
    ("GET", "/v1/users/mallory/calls/{}"),
    ("GET", "/v1/users/mallory/calls/{}/output"),
    ("GET", "/v1/users/mallory/calls/{}/logs"),
    ("GET", "/v1/users/{}/calls"),
    ("GET", "/v1/users/{}/state/x"),
    ("PUT", "/p/mallory/{}"),
    ("PUT", "/p/{}/x"),
    ("PUT", "/f/mallory/{}"),
    ("PUT", "/s/{}/x"),
    ("GET", "/v1/overview?user={}"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_names_in_routes(server: Served, tokens: dict[str, str], data: Path, method: str, route: str) -> None:
    before = {path for path in data.rglob("*") if "workers" not in path.parts}
    for name in NAMES:
        target = route.replace("{}", quote(name, safe="%"))
        status, body = server.raw(method, target, token=tokens["mallory"], body=ECHO if method == "PUT" else b"")
        assert 400 <= status < 500, (target, status, body)
        assert "error" in json.loads(body), target
    new = {path for path in data.rglob("*") if "workers" not in path.parts} - before
    assert not new, "nothing was written"


TARGETS = [
    "/../etc/passwd", "//etc/passwd", "/./status", "/%2e%2e/%2e%2e/etc/passwd", "*", "/" + "x/" * 5000,
    "/v1/../v1/users/alice/functions", "/v1/users/mallory/../alice/state/secret", "/s/mallory/../alice/secret",
    "/v1/users/mallory%2f..%2falice/state/secret", "http://127.0.0.1/v1/users/alice/state/secret",
]  # fmt: skip


def test_targets_that_are_sent_as_they_are(server: Served, tokens: dict[str, str]) -> None:
    for target in TARGETS:
        status, body = server.raw("GET", target, token=tokens["mallory"])
        assert 400 <= status < 500, (target, status)
        assert b"alice's own" not in body


KEYS = [
    "../secret",
    "../../alice/secret",
    "/secret",
    "..",
    "a/../../alice/secret",
    "%2e%2e/secret",
    "é/ü",
    "a b",
    "$(id)",
    "'",
    "x" * 512,
]
WRONG_KEYS = ["", "a\0b", "\n", "a\tb", "x" * 513, "x" * 10_000]


@pytest.mark.parametrize("prefix", ["/v1/users/mallory/state/", "/s/mallory/"])
def test_state_keys_are_no_paths(server: Served, tokens: dict[str, str], data: Path, prefix: str) -> None:
    for key in KEYS:
        target, value = prefix + quote(key, safe=""), key.encode() + b" of mallory"
        assert server.raw("GET", target, token=tokens["mallory"])[0] in (200, 404)
        assert server.raw("PUT", target, token=tokens["mallory"], body=value)[0] in (200, 204), key
        assert server.raw("GET", target, token=tokens["mallory"]) == (200, value)
        assert server.raw("GET", target.replace("mallory", "alice", 1), token=tokens["alice"])[0] == 404
    for key in WRONG_KEYS:
        for method in ("GET", "PUT"):
            assert 400 <= server.raw(method, prefix + quote(key, safe=""), token=tokens["mallory"])[0] < 500, key
    assert server.raw("GET", "/s/alice/secret", token=tokens["alice"]) == (200, b"alice's own")


FOREIGN = [
    ("GET", "/v1/users/alice/functions"),
    ("GET", "/v1/users/alice/functions/echo"),
    ("GET", "/v1/users/alice/functions/echo/versions"),
    ("PUT", "/v1/users/alice/functions/echo"),
    ("DELETE", "/v1/users/alice/functions/echo"),
    ("POST", "/v1/users/alice/functions/echo/rollback?version=1"),
    ("POST", "/v1/users/alice/functions/echo/invoke"),
    ("POST", "/v1/users/alice/functions/echo/calls"),
    ("GET", "/v1/users/alice/calls"),
    ("GET", "/v1/users/alice/calls/{call}"),
    ("GET", "/v1/users/alice/calls/{call}/output"),
    ("GET", "/v1/users/alice/calls/{call}/logs"),
    ("GET", "/v1/users/mallory/calls/{call}"),
    ("GET", "/v1/users/mallory/calls/{call}/output"),
    ("GET", "/v1/users/mallory/calls/{call}.0"),
    ("GET", "/v1/users/alice/state/secret"),
    ("PUT", "/v1/users/alice/state/secret"),
    ("DELETE", "/v1/users/alice/state/secret"),
    ("GET", "/v1/users/mallory/state/secret"),
    ("PUT", "/p/alice/echo"),
    ("PUT", "/f/alice/echo"),
    ("GET", "/s/alice/secret"),
    ("PUT", "/s/alice/secret"),
    ("GET", "/s/mallory/secret"),
    ("GET", "/v1/overview?user=alice"),
]


@pytest.mark.parametrize(("method", "route"), FOREIGN)
def test_what_is_anothers(server: Served, tokens: dict[str, str], method: str, route: str) -> None:
    status, body = server.raw(method, route.replace("{call}", tokens["call"]), token=tokens["mallory"], body=ECHO)
    assert status in (403, 404), body
    assert b"alice's" not in body
    for wrong in ("x", tokens["alice"][:-1], tokens["alice"] + "x", "x" * 5000):
        assert server.raw(method, route.replace("{call}", tokens["call"]), token=wrong, body=ECHO)[0] == 401


def test_what_is_anothers_by_faasms_messages(mallory: httpx.Client, tokens: dict[str, str]) -> None:
    messages: list[dict[str, object]] = [
        {"user": "alice", "function": "echo"},
        {"python": True, "py_user": "alice", "py_func": "echo", "user": "mallory"},
        {"py_user": "alice", "py_func": "echo", "async": True},
        {"user": "mallory", "id": tokens["call"], "status": True},
        {"user": "../alice", "function": "echo"},
        {"user": "mallory", "function": "../alice/echo"},
        {"user": "mallory", "function": "x" * 100_000},
    ]
    for message in messages:
        answer = mallory.post("/", json=message)
        assert answer.status_code in (400, 403, 404), (message, answer.text)
        assert "alice's" not in answer.text
    for body in (b"", b"[]", b"{", b"\xff\xfe", b'{"user": 5}', b"[" * 100_000, b'{"id": "\\u0000", "status": true}'):
        answer = mallory.post("/", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (body[:20], answer.text)


def test_nothing_changed_for_alice(server: Served, tokens: dict[str, str]) -> None:
    with server.client(tokens["alice"]) as client:
        assert client.get(f"{THEIRS}/state/secret").content == b"alice's own"
        assert client.post(f"{THEIRS}/functions/echo/invoke", content=b"still").content == b"still"
        assert [one["version"] for one in client.get(f"{THEIRS}/functions/echo/versions").json()["functions"]] == [1]


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "Token x", "Bearer a b", "bearer \xff"])
def test_headers_that_are_no_token(server: Served, header: str) -> None:
    with server.client("") as client:
        headers = [(b"Authorization", header.encode("latin-1"))] if header else []
        answer = client.get("/v1/users/alice/functions", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        for path in ("/metrics", "/v1/overview", "/s/alice/secret"):
            assert client.get(path, headers=headers).status_code == 401


def test_tokens_do_not_work_elsewhere(server: Served, tokens: dict[str, str]) -> None:
    with server.client("") as client:
        for query in (f"?token={tokens['alice']}", f"?access_token={tokens['alice']}"):
            assert client.get(f"{THEIRS}/functions{query}").status_code == 401
        assert client.get(f"{THEIRS}/functions", headers={"Cookie": f"token={tokens['alice']}"}).status_code == 401


def test_bodies_that_are_too_large(server: Served, tokens: dict[str, str], mallory: httpx.Client) -> None:
    mallory.put(f"{MINE}/functions/echo", content=ECHO).raise_for_status()
    for path in ("functions/echo/invoke", "functions/echo/calls"):
        assert mallory.post(f"{MINE}/{path}", content=bytes((32 << 20) + 1)).status_code == 413
    for path in ("functions/echo", "state/large"):
        assert mallory.put(f"{MINE}/{path}", content=bytes((32 << 20) + 1)).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield bytes(1 << 20)

    with contextlib.suppress(httpx.WriteError):  # the server may hang up on it
        assert mallory.put(f"{MINE}/state/large", content=pieces()).status_code == 413
    assert server.raw("GET", f"{MINE}/state/large", token=tokens["mallory"])[0] == 404


@pytest.mark.parametrize(
    "length", ["99999999999", "-1", "1e3", "0x10", "18446744073709551616", "5, 6", "5\r\nContent-Length: 6"]
)
def test_lengths_that_are_wrong(server: Served, tokens: dict[str, str], length: str) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    lines = ["Host: x", f"Authorization: Bearer {tokens['mallory']}", f"Content-Length: {length}", "", ""]
    head = "\r\n".join([f"PUT {MINE}/state/x HTTP/1.1", *lines])
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + b"hello")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert 400 <= answer.status < 500
        answer.close()


def test_rubbish_instead_of_http(server: Served) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for rubbish in (
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\0",
        b"X" * 200_000 + b"\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            try:
                connection.sendall(rubbish)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(1000)
            except ConnectionError:
                continue
            assert answer == b"" or answer.startswith((b"HTTP/1.1 3", b"HTTP/1.1 4")), answer
    with server.client("") as client:
        assert client.get("/healthz").status_code == 200


SETTINGS = [
    "{", "[]", '{"limits": {"memory": 1e400}}', '{"limits": {"memory_bytes": true}}', '{"limits": {"nothing": 1}}',
    '{"environment": {"A=B": "x"}}', '{"environment": {"A": "x\\u0000y"}}', '{"environment": {"A": 5}}',
    '{"unknown": 1}', '{"entry": "a.b"}', '{"entry": ""}', '{"config": []}', '{"limits": {"memory_bytes": -1}}',
    "[" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("text", SETTINGS, ids=lambda text: text[:30])
def test_settings_that_are_refused(mallory: httpx.Client, text: str) -> None:
    answer = mallory.put(f"{MINE}/functions/set", content=ECHO, headers={"Pywasm-Settings": text})
    assert 400 <= answer.status_code < 500, answer.text
    assert mallory.get(f"{MINE}/functions/set").status_code == 404


@pytest.mark.parametrize(
    "limits", ["memory=1", "memory=1e9", "memory=-5MiB", "wall=0", "wall=inf", "cpu=nan", "x", "memory", ",="]
)
def test_limits_that_are_refused(mallory: httpx.Client, limits: str) -> None:
    answer = mallory.put(f"{MINE}/functions/set", content=ECHO, params={"limits": limits})
    assert 400 <= answer.status_code < 500, answer.text


SOURCES: dict[str, bytes] = {
    "syntax": b"def faasm_main(:",
    "bytes": b"\xff\xfe\x00",
    "nul": b"def faasm_main(): pass\n\0",
    "nesting": b"x = " + b"(" * 10_000 + b")" * 10_000,
    "no entry": b"x = 1",
    "exit": b"raise SystemExit(1)",
    "abort": b"import os; os.abort()",
    "trap": b"import ctypes; ctypes.string_at(1 << 31)",
    "flood": b"print('x' * 10**7)\nraise ValueError('y' * 10**7)",
    "recursion": b"def f(): f()\nf()",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_sources_that_are_refused(mallory: httpx.Client, kind: str) -> None:
    answer = mallory.put(f"{MINE}/functions/source", content=SOURCES[kind], headers={"Content-Type": "text/x-python"})
    assert answer.status_code == 422, answer.text[:1000]
    assert len(answer.content) < 1 << 20
    assert mallory.get(f"{MINE}/functions/source").status_code == 404


def test_what_a_function_says_is_no_page_of_the_server(mallory: httpx.Client) -> None:
    source = b"""
import pywasm_host as host
def faasm_main(): host.write_output(b"<script>alert(1)</script>")
def fails(): raise ValueError("\\ud800 <script>\\r\\nSet-Cookie: x=1 \\x00")
"""
    mallory.put(f"{MINE}/functions/page", content=source).raise_for_status()
    answer = mallory.post(f"{MINE}/functions/page/invoke")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    answer = mallory.post(f"{MINE}/functions/page/invoke?entry=fails")
    assert answer.status_code == 424
    assert "Set-Cookie" not in answer.headers
    assert answer.json()["error"]["failure"] == "exception"


async def flood(functions: Functions, token: str, count: int) -> list[httpx.Response]:
    """Ask for many calls at once, of an application that serves the service of a test."""
    transport = httpx.ASGITransport(create_app(functions.service))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        path = f"/v1/users/{USER}/functions/slow/calls"
        return await asyncio.gather(*(client.post(path) for _ in range(count)))


@pytest.mark.usefixtures("chain")
def test_a_flood_of_calls_is_told_to_come_again(tmp_path: Path) -> None:
    with running_functions(tmp_path, slots=1, queue_limit=5) as functions:
        functions.upload("slow", "import time\ndef faasm_main(): time.sleep(0.2)\n")
        token = functions.wait(functions.service.add_user(USER))
        answers = functions.wait(flood(functions, token, 60))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {202, 429}
        assert statuses.count(202) <= 7
        for answer in answers:
            if answer.status_code == 429:
                assert int(answer.headers["Retry-After"]) >= 1
                assert answer.json()["error"]["kind"] == "busy"
        accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        ended = [functions.wait(functions.service.wait(call_id)) for call_id in accepted]
        assert {call.state.value for call in ended} == {"succeeded"}
        until(lambda: functions.service.statistics().queued == 0)
        (answer,) = functions.wait(flood(functions, token, 1))
        assert answer.status_code == 202


PYTHON = st.sampled_from([ECHO, b"import missing", b"\xff", b""]) | st.binary(max_size=50)
KNOWN = {"user": "fuzz", "name": "echo", "function": "echo", "key": "key"}


def test_requests_made_from_the_description(server: Served) -> None:
    schemathesis.openapi.media_type("text/x-python", PYTHON)
    schemathesis.openapi.media_type("application/zip", PYTHON.map(lambda source: pack_source(source, "x")) | PYTHON)
    schemathesis.openapi.media_type("application/octet-stream", st.binary(max_size=50))
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    headers = {"Authorization": f"Bearer {server.token}"}
    with server.client() as client:
        client.put("/v1/users/fuzz/functions/echo", content=ECHO).raise_for_status()
    tried = 0

    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def probe(case: Any) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(headers=headers, checks=[not_a_server_error], timeout=30)
            case.path_parameters = {name: KNOWN.get(name, "0" * 32) for name in case.path_parameters or {}}
            case.call_and_validate(headers=headers, checks=[not_a_server_error], timeout=30)

        given(case=operation.as_strategy())(probe)()
    assert tried > 20
    with server.client("") as client:
        assert client.get("/healthz").status_code == 200
