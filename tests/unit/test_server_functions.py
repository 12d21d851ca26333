from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest

from tests.unit.fake_functions import TRACEBACK
from tests.unit.server_client import ALICE, BOB, ROOT, Client, error_of, opened_client

SOURCE = b"def faasm_main(): pass\n"
PYTHON = {"Content-Type": "text/x-python"}
FUNCTIONS = "/v1/users/alice/functions"


@pytest.fixture
def client() -> Iterator[Client]:
    with opened_client() as client:
        yield client


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("echo.py", SOURCE)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/x-python", SOURCE),
        ("text/plain; charset=utf-8", SOURCE),
        ("application/zip", zipped()),
        ("application/octet-stream", zipped()),
        ("application/octet-stream", SOURCE),
    ],
)
def test_upload(client: Client, kind: str, body: bytes) -> None:
    answer = client.ask("PUT", f"{FUNCTIONS}/echo", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == 1
    assert client.ask("GET", f"{FUNCTIONS}/echo").json() == answer.json()


def test_settings_of_an_upload(client: Client) -> None:
    said = '{"entry": "other", "environment": {"A": "\\u00e4"}, "config": {"k": "v"}, "limits": {"memory": 33554432}}'
    path = f"{FUNCTIONS}/echo?limits=wall=5,cpu=500ms&entry=begin"
    answer = client.ask("PUT", path, content=SOURCE, headers={**PYTHON, "Pywasm-Settings": said}).json()
    assert (answer["entry"], answer["environment"], answer["config"]) == ("begin", {"A": "ä"}, {"k": "v"})
    limits = answer["limits"]
    assert (limits["memory_bytes"], limits["wall_seconds"], limits["cpu_seconds"]) == (32 << 20, 5.0, 0.5)


@pytest.mark.parametrize(
    ("query", "headers", "body", "expected"),
    [
        ("?limits=wal=5", PYTHON, SOURCE, (400, "invalid_name", "did you mean 'wall'?")),
        ("?limits=wall=-5", PYTHON, SOURCE, (400, "function", "limit wall cannot be '-5'")),
        ("?limits=memory=1", PYTHON, SOURCE, (400, "function", "limit memory is 1B")),
        ("?entry=a-b", PYTHON, SOURCE, (400, "invalid_name", "'a-b' cannot be an entry")),
        ("", {**PYTHON, "Pywasm-Settings": "{"}, SOURCE, (400, "function", "not valid JSON")),
        ("", {**PYTHON, "Pywasm-Settings": "[" * 9999}, SOURCE, (400, "function", "not valid JSON")),
        ("", {**PYTHON, "Pywasm-Settings": '{"a": 1}'}, SOURCE, (400, "invalid_name", "no setting is named 'a'")),
        ("", {"Content-Type": "image/png"}, SOURCE, (415, "unknown_content", "'image/png'")),
        ("", PYTHON, b"", (400, "function", "the body is empty")),
        ("", {"Content-Type": "application/zip"}, b"PK\x03\x04", (422, "upload_refused", "zip")),
        ("", PYTHON, b"import missing", (422, "upload_refused", "no module named 'missing'")),
    ],
)
def test_refused_uploads(
    client: Client, query: str, headers: dict[str, str], body: bytes, expected: tuple[int, str, str]
) -> None:
    answer = client.ask("PUT", f"{FUNCTIONS}/echo{query}", content=body, headers=headers)
    status, kind, message = error_of(answer)
    assert (status, kind.removesuffix("_error")) == expected[:2], message
    assert expected[2] in message
    assert client.ask("GET", f"{FUNCTIONS}/echo").status_code == 404


def test_a_refused_import_shows_its_traceback(client: Client) -> None:
    answer = client.ask("PUT", f"{FUNCTIONS}/echo", content=b"import missing", headers=PYTHON)
    assert answer.json()["error"]["traceback"] == TRACEBACK


def test_versions(client: Client) -> None:
    client.upload("echo", "echo", "other")
    assert [found["name"] for found in client.ask("GET", FUNCTIONS).json()["functions"]] == ["echo", "other"]
    assert client.ask("GET", f"{FUNCTIONS}/echo").json()["version"] == 2
    assert client.ask("GET", f"{FUNCTIONS}/echo?version=1").json()["version"] == 1
    listed = client.ask("GET", f"{FUNCTIONS}/echo/versions").json()["functions"]
    assert [found["version"] for found in listed] == [1, 2]
    assert client.ask("POST", f"{FUNCTIONS}/echo/rollback?version=1").json()["version"] == 1
    assert client.ask("GET", f"{FUNCTIONS}/echo").json()["version"] == 1
    assert error_of(client.ask("POST", f"{FUNCTIONS}/echo/rollback?version=9"))[:2] == (404, "not_found")
    assert error_of(client.ask("POST", f"{FUNCTIONS}/echo/rollback"))[:2] == (422, "invalid_request")


def test_delete(client: Client) -> None:
    client.upload("echo")
    answer = client.ask("DELETE", f"{FUNCTIONS}/echo")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.ask("DELETE", f"{FUNCTIONS}/echo").status_code == 404


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "x", str(1 << 40), ""])
def test_versions_that_are_none(client: Client, version: str) -> None:
    client.upload("echo")
    assert client.ask("GET", f"{FUNCTIONS}/echo?version={version}").status_code == 422


@pytest.mark.parametrize(
    "name", ["..", "a.b", "a%00b", "a%2Fb", "%2E%2E", "x" * 200, "-x", "%FF", "a%0Ab", "%2e%2e%2f%2e%2e%2fetc"]
)
@pytest.mark.parametrize("path", [FUNCTIONS + "/{}", "/v1/users/{}/functions", "/p/alice/{}", "/p/{}/echo"])
def test_names_that_are_none(client: Client, path: str, name: str) -> None:
    method = "PUT" if path.startswith("/p/") else "GET"
    answer = client.ask(method, path.format(name), content=SOURCE if method == "PUT" else None, token=ROOT)
    assert answer.status_code in (400, 404, 405), answer.text
    assert answer.json()["error"]["message"]
    assert not client.service.kept


def test_tokens(client: Client) -> None:
    client.upload("echo")
    for token, status, kind in (
        (None, 401, "unknown_token"),
        ("wrong", 401, "unknown_token"),
        ("x" * 5000, 401, "unknown_token"),
        ("alice-token2", 401, "unknown_token"),
        (BOB, 403, "denied"),
    ):
        answer = client.ask("GET", f"{FUNCTIONS}/echo", token=token)
        assert error_of(answer)[:2] == (status, kind)
        assert (answer.headers.get("WWW-Authenticate") == "Bearer") == (status == 401)
    for header in ("Basic YWxpY2U6eA==", "Bearer", "alice-token", "Bearer ", "Bearer \xff"):
        headers = {"Authorization": header.encode("latin-1")}
        assert client.ask("GET", f"{FUNCTIONS}/echo", token=None, headers=headers).status_code == 401
    for token in (ALICE, ROOT):
        assert client.ask("GET", f"{FUNCTIONS}/echo", token=token).status_code == 200


def test_a_removed_token_is_not_good_for_long() -> None:
    from pywasm_runtime.server.settings import ServerSettings

    with opened_client(ServerSettings(token_seconds=60)) as client:
        for _ in range(3):
            assert client.ask("GET", FUNCTIONS).status_code == 200
        assert client.service.authenticated == 1
    with opened_client(ServerSettings(token_seconds=0)) as client:
        assert client.ask("GET", FUNCTIONS).status_code == 200
        del client.service.tokens[ALICE]
        assert client.ask("GET", FUNCTIONS).status_code == 401


def test_what_is_open(client: Client) -> None:
    assert client.ask("GET", "/healthz", token=None).text == "ok\n"
    assert client.ask("GET", "/ping", token=None).text == "PONG"
    for path in ("/status", "/status/page.js", "/status/page.css"):
        answer = client.ask("GET", path, token=None)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.ask("GET", "/openapi.json", token=None).json()["info"]["title"] == "pywasm"
    home = client.ask("GET", "/", token=None)
    assert (home.status_code, home.headers["Location"]) == (307, "/status")
    for path in ("/docs", "/redoc", "/status/../app.py", "/status/status.html"):
        assert client.ask("GET", path, token=None).status_code == 404


def test_other_methods_and_places(client: Client) -> None:
    assert error_of(client.ask("PATCH", "/ping"))[:2] == (405, "method_not_allowed")
    assert error_of(client.ask("GET", "/v2"))[:2] == (404, "not_found")
    assert "openapi.json" in error_of(client.ask("GET", "/v2"))[2]


def test_the_page_loads_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/status", "/status/page.js", "/status/page.css"):
        text = client.ask("GET", path, token=None).text
        assert "//" not in text.replace("// ", "")
        assert "innerHTML" not in text
